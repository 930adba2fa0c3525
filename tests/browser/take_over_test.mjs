// A running call moves between the devices of one user, in real browsers: what the other one sees of
// it, and that a move which fails harms nobody.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchChromium } from './support/browsers.mjs';
import { Device } from './support/device.mjs';
import { Parleyd } from './support/parleyd.mjs';
import { until } from './support/until.mjs';

// How long a move may take for the test to pass, whatever the machine is busy with. What it does take
// is printed, and measured by bench/take_over.mjs.
const kGenerousMs = 20_000;

let server;
let browser;
before(async () => {
  server = await Parleyd.start({ limits: ['take-over-timeout = 3s'] });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const open = (profile, options) => Device.open(browser, server, profile, options);
const closeAll = (devices) => Promise.all(devices.map((device) => device.close()));

// A talk of alice on her laptop with bob, and her phone beside it.
async function talk(phoneOptions) {
  const laptop = await open('alice');
  const phone = await open('alice', phoneOptions);
  const bob = await open('bob');
  const callId = await laptop.call('bob');
  await bob.rings(callId);
  await bob.accept();
  phone.callId = callId;
  await Promise.all([laptop.receives('bob'), bob.receives('alice')]);
  await phone.becomes('passive initiator');
  return { laptop, phone, bob, callId };
}

test('a call moves from laptop to phone and back; the other sees the same tracks throughout', async (t) => {
  const { laptop, phone, bob } = await talk();
  const tracks = await bob.trackIds('alice');
  const names = (await bob.look()).participants.map(({ profileId }) => profileId);
  const heard = await bob.tracksHeard();
  await bob.watchPictures('alice');
  for (const [to, from, name] of [[phone, laptop, 'laptop to phone'], [laptop, phone, 'phone to laptop']]) {
    const { pictures } = await bob.pictureGap();
    await to.take();
    await Promise.all([to.becomes('active initiator'), from.becomes('passive initiator')]);
    // A second of pictures after the switch, so that the gap lies within.
    let moved;
    await until(`pictures go on after ${name}`, async () => {
      moved = await bob.pictureGap(pictures);
      return moved.pictures > pictures + 15;
    }, { timeoutMs: kGenerousMs, describe: () => moved });
    await Promise.all([bob.receives('alice'), to.receives('bob')]);
    t.diagnostic(`${name}: longest gap between two pictures ${moved.gapMs} ms`);

    assert.deepEqual(await bob.trackIds('alice'), tracks);
    const seen = await bob.look();
    assert.deepEqual(seen.participants.map(({ profileId }) => profileId), names);
    const alice = seen.participants.find(({ profileId }) => profileId === 'alice');
    assert.deepEqual([alice.state, alice.connectionId], ['active', to.connectionId]);
    // The device that was left has nothing of the media any more; the new one has.
    await until('the old device has closed its media', () => from.isSilent());
  }
  assert.equal(await bob.peerConnections(), 1);
  assert.equal(await bob.tracksHeard(), heard);
  assert.deepEqual(await bob.events('streamend'), []);
  assert.equal((await server.holdings()).legs, 2);
  await bob.hangup();
  await Promise.all([laptop, phone, bob].map((device) => device.ends('completed')));
  for (const device of [laptop, phone, bob]) assert.deepEqual(await device.events('error'), []);
  await closeAll([laptop, phone, bob]);
});

test('what was muted stays muted on the device that takes over', async () => {
  const { laptop, phone, bob } = await talk();
  await laptop.mute('video');
  await phone.take({ camera: false });
  await phone.becomes('active initiator');
  await laptop.becomes('passive initiator');
  const { participants } = await bob.look();
  const alice = participants.find(({ profileId }) => profileId === 'alice');
  assert.deepEqual([alice.audio, alice.video], [true, false]);
  await phone.unmute('video');
  await bob.receives('alice');
  await bob.hangup();
  await Promise.all([laptop, phone, bob].map((device) => device.ends('completed')));
  await closeAll([laptop, phone, bob]);
});

test('a device that never connects leaves the call where it was, unharmed', async () => {
  const { laptop, phone, bob } = await talk({ noMedia: true });
  const tracks = await bob.trackIds('alice');
  await bob.watchPictures('alice');
  const refused = await phone.takeRefused();
  assert.ok(refused, 'the take-over was refused');
  await phone.becomes('passive initiator');
  assert.equal((await laptop.look()).role, 'active initiator');
  await Promise.all([laptop.receives('bob'), bob.receives('alice')]);
  assert.deepEqual(await bob.trackIds('alice'), tracks);
  assert.deepEqual(await bob.events('streamend'), []);
  await until('the leg that failed is gone', async () => (await server.holdings()).legs === 2, {
    describe: () => server.holdings(),
  });
  const alice = (await bob.look()).participants.find(({ profileId }) => profileId === 'alice');
  assert.deepEqual([alice.state, alice.connectionId], ['active', laptop.connectionId]);
  await laptop.hangup();
  await Promise.all([laptop, phone, bob].map((device) => device.ends('completed')));
  await closeAll([laptop, phone, bob]);
});
