// How long it takes from call.accept to the first picture, in Chromium on this machine.
//
//   node bench/first_frame.mjs [--calls 20] [--json FILE]
//
// Caller and receiver are two pages with made-up cameras, 320x240 at 15 frames a second. Measured
// is, on either side, the time from the receiver's accept() until its browser has shown the first
// frame of the other. Needs what tests/browser needs; parleyd is found or named as there.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { launchChromium } from '../tests/browser/support/browsers.mjs';
import { Device } from '../tests/browser/support/device.mjs';
import { Parleyd } from '../tests/browser/support/parleyd.mjs';

const { values } = parseArgs({
  options: { calls: { type: 'string', default: '20' }, json: { type: 'string' } },
});
const calls = Number(values.calls);
if (!Number.isInteger(calls) || calls < 1) {
  console.error(`--calls must be a whole number from 1, not "${values.calls}".`);
  process.exit(2);
}

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
const measured = { receiver: [], caller: [] };
try {
  const caller = await Device.open(browser, server, 'alice');
  const receiver = await Device.open(browser, server, 'bob');
  for (let n = 0; n < calls; n += 1) {
    const callId = await caller.call('bob');
    await receiver.rings(callId);
    const [seenByCaller, seenByReceiver] = [caller.firstFrame(), receiver.firstFrame()];
    await Promise.all([seenByCaller.armed, seenByReceiver.armed]);
    const accepted = await receiver.acceptTimed();
    measured.receiver.push(Math.round((await seenByReceiver.at) - accepted));
    measured.caller.push(Math.round((await seenByCaller.at) - accepted));
    await caller.hangup();
    await Promise.all([caller.ends('completed'), receiver.ends('completed')]);
  }
} finally {
  await browser.close();
  await server.stop();
}

const result = { calls, receiver: summary(measured.receiver), caller: summary(measured.caller), measured };
console.log(`call.accept to the first picture, ${calls} calls, milliseconds`);
console.table({ receiver: result.receiver, caller: result.caller });
if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
