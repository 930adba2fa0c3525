// How long the picture stands still when a running call moves to another device, in Chromium on this
// machine.
//
//   node bench/take_over.mjs [--moves 20] [--json FILE]
//
// One user has two pages with made-up cameras, 320x240 at 15 frames a second, and moves a call to and
// fro between them; another page looks on. Measured there, by requestVideoFrameCallback, is the longest
// time between two pictures around each move; at 15 frames a second it is 67 ms without any. Beside
// it stands how long take() takes until the server has switched. Needs what tests/browser needs;
// parleyd is found or named as there.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { launchChromium } from '../tests/browser/support/browsers.mjs';
import { Device } from '../tests/browser/support/device.mjs';
import { Parleyd } from '../tests/browser/support/parleyd.mjs';
import { until } from '../tests/browser/support/until.mjs';

const { values } = parseArgs({
  options: { moves: { type: 'string', default: '20' }, json: { type: 'string' } },
});
const moves = Number(values.moves);
if (!Number.isInteger(moves) || moves < 1) {
  console.error(`--moves must be a whole number from 1, not "${values.moves}".`);
  process.exit(2);
}
// A second of pictures after the switch, so that the pause lies within what is looked at.
const kPicturesAfter = 15;

// Nearest rank: the smallest value that at least `share` of all do not exceed.
function percentile(sorted, share) {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

function summary(times) {
  const sorted = times.toSorted((a, b) => a - b);
  return {
    p50Ms: percentile(sorted, 0.5),
    p95Ms: percentile(sorted, 0.95),
    minMs: sorted[0],
    maxMs: sorted.at(-1),
  };
}

const [server, browser] = await Promise.all([Parleyd.start(), launchChromium()]);
const measured = { gap: [], take: [] };
try {
  const [laptop, phone, other] = [
    await Device.open(browser, server, 'alice'),
    await Device.open(browser, server, 'alice'),
    await Device.open(browser, server, 'bob'),
  ];
  const callId = await laptop.call('bob');
  phone.callId = callId;
  await other.rings(callId);
  await other.accept();
  await Promise.all([laptop.receives('bob'), other.receives('alice')]);
  await other.watchPictures('alice');
  const devices = [laptop, phone];
  for (let n = 0; n < moves; n += 1) {
    const [from, to] = [devices[n % 2], devices[(n + 1) % 2]];
    const before = (await other.pictureGap()).pictures;
    measured.take.push((await to.take()).tookMs);
    const { pictures } = await other.pictureGap();
    await until('pictures go on', async () => (await other.pictureGap()).pictures > pictures + kPicturesAfter);
    measured.gap.push((await other.pictureGap(before)).gapMs);
    await from.becomes('passive initiator');
    await until('the old device has closed its media', () => from.isSilent());
  }
  await other.hangup();
} finally {
  await browser.close();
  await server.stop();
}

const result = { moves, gap: summary(measured.gap), take: summary(measured.take), measured };
console.log(`a call moves between two devices, ${moves} times, milliseconds`);
console.table({ 'picture stands still': result.gap, 'take() until switched': result.take });
if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
