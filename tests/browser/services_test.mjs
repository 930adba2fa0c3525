// A real call that is recorded and mixed while it runs, with the jobs that do it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';

import { launchChromium } from './support/browsers.mjs';
import { Device } from './support/device.mjs';
import { Parleyd } from './support/parleyd.mjs';
import { until } from './support/until.mjs';

let server;
let browser;
before(async () => {
  server = await Parleyd.start({ grants: ['record', 'mix', 'bridge'] });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

// What this device is told about the call, message by message.
async function listen(device) {
  await device.page.evaluate(() => {
    window.test.heard = [];
    window.made.sockets.at(-1).addEventListener('message', ({ data }) => {
      window.test.heard.push(JSON.parse(data));
    });
  });
  return (what, fits) =>
    until(
      what,
      async () => (await device.page.evaluate(() => window.test.heard)).findLast(fits),
      {
        describe: async () => [await device.page.evaluate(() => window.test.heard.map((m) => ({ ...m, sdp: '' }))), server.output],
      },
    );
}

const files = () =>
  readdirSync(join(server.folder, 'recordings'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));

test('a call is recorded and mixed while it runs, and nobody is interrupted', async () => {
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((who) => Device.open(browser, server, who)));
  const callId = await alice.call('bob');
  await bob.rings(callId);
  await bob.accept();
  await Promise.all([alice.receives('bob'), bob.receives('alice')]);
  const told = await listen(bob);

  const started = await alice.say({ type: 'call.record', callId, action: 'start' });
  assert.equal(started.type, 'ok');
  await told('the recording is on', (m) => m.type === 'call.recording' && m.state === 'on');
  assert.equal((await alice.say({ type: 'call.mode', callId, mode: 'mix' })).type, 'ok');
  const offer = await told('a mix is offered', (m) => m.type === 'media.offer' && m.tracks.some((t) => t.source === 'mix'));
  const mixed = offer.tracks.filter((track) => track.profileId === 'mix');
  assert.deepEqual(mixed.map((track) => track.kind).sort(), ['audio', 'video']);
  await until('the mix is seen and heard', async () => {
    const tracks = (await bob.incoming()).filter((track) => track.source === 'mix');
    return tracks.some((t) => t.framesDecoded > 10) && tracks.some((t) => !t.framesDecoded && t.packets > 50);
  }, { describe: async () => [await bob.incoming(), server.output] });

  assert.equal((await alice.say({ type: 'call.mode', callId, mode: 'forward' })).type, 'ok');
  await Promise.all([alice.receives('bob'), bob.receives('alice')]);
  assert.equal((await alice.say({ type: 'call.record', callId, action: 'stop' })).type, 'ok');
  const ended = await told('the recording is over', (m) => m.type === 'call.recording' && /ended|failed/.test(m.state));
  assert.equal(ended.state, 'ended', ended.message);
  const recorded = files();
  const job = join(dirname(readlinkSync(`/proc/${server.pid}/exe`)), '../job/parley-job');
  for (const file of recorded) console.log(execFileSync(job, ['verify', file], { encoding: 'utf8' }));
  assert.ok(recorded.length >= 4, recorded.join());
  await alice.hangup();
  await bob.ends('completed');
});
