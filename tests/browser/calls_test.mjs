// Calls in real Chromium pages through a real parleyd: roles, media, and that all of it is released.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchChromium } from './support/browsers.mjs';
import { Device } from './support/device.mjs';
import { Parleyd } from './support/parleyd.mjs';
import { until } from './support/until.mjs';

let server;
let browser;
before(async () => {
  server = await Parleyd.start();
  browser = await launchChromium();
  await warmUp();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const open = (profile, options) => Device.open(browser, server, profile, options);
const closeAll = (devices) => Promise.all(devices.map((device) => device.close()));

// The first call makes what GStreamer then keeps for the whole process: the thread of its clock.
async function warmUp() {
  const [alice, bob] = await Promise.all([open('alice'), open('bob')]);
  await bob.rings(await alice.call('bob'));
  await bob.accept();
  await alice.receives('bob');
  await alice.hangup();
  await bob.ends('completed');
  await closeAll([alice, bob]);
}

// Waits until the server holds nothing that `before` did not.
async function released(before) {
  await until(
    'everything of the call is released',
    async () => {
      const now = await server.holdings();
      return now.legs === 0 && now.threads <= before.threads && now.fds <= before.fds;
    },
    { describe: async () => ({ before, now: await server.holdings() }) },
  );
}

test('A calls from c1, B takes it on c3: two legs, four roles, media on two devices only', async () => {
  const c1 = await open('alice');
  const c2 = await open('alice');
  const c3 = await open('bob');
  const c4 = await open('bob');
  const idle = await server.holdings();

  const callId = await c1.call('bob');
  await Promise.all([c3.rings(callId), c4.rings(callId)]);
  c2.callId = callId;
  await c3.accept();
  await Promise.all([
    c1.becomes('active initiator'),
    c2.becomes('passive initiator'),
    c3.becomes('active receiver'),
    c4.becomes('passive receiver'),
  ]);
  await Promise.all([c1.receives('bob'), c3.receives('alice')]);
  assert.deepEqual(
    await Promise.all([c1, c2, c3, c4].map((device) => device.peerConnections())),
    [1, 0, 1, 0],
  );
  assert.equal((await server.holdings()).legs, 2);
  assert.deepEqual([await c1.tracksHeard(), await c3.tracksHeard()], [2, 2]);

  // What passive devices say about media is refused, and makes nothing.
  const during = await server.holdings();
  for (const device of [c2, c4]) {
    for (const frame of [
      { type: 'media.answer', callId, rev: 1, sdp: 'v=0\r\n' },
      { type: 'media.publish', callId, sources: ['mic'] },
      { type: 'media.restart', callId, fresh: true },
    ]) {
      const answer = await device.say(frame);
      assert.deepEqual([answer.type, answer.code], ['error', 'not_active'], frame.type);
    }
  }
  const then = await server.holdings();
  assert.deepEqual(
    [then.legs, then.threads, then.fds],
    [during.legs, during.threads, during.fds],
  );

  // The initiator hears no call:received on either device, everybody of the acceptance and the end.
  await c2.hangup(); // a passive device may end it as well
  await Promise.all([c1, c2, c3, c4].map((device) => device.ends('completed')));
  const names = (events) => events.map(([name]) => name).filter((name) => name.startsWith('call:'));
  assert.deepEqual(names(await c1.events()), ['call:accepted', 'call:end']);
  assert.deepEqual(names(await c2.events()), ['call:accepted', 'call:end']);
  assert.deepEqual(names(await c3.events()), ['call:received', 'call:accepted', 'call:end']);
  assert.deepEqual(names(await c4.events()), ['call:received', 'call:accepted', 'call:end']);
  assert.deepEqual((await c4.events('call:accepted'))[0].slice(2), ['bob', c3.connectionId]);
  await released(idle);
  await closeAll([c1, c2, c3, c4]);
});

test('in a group of four everybody sees and hears who is there: mute, leave, late accept', async () => {
  const idle = await server.holdings();
  const [alice, bob, carol, dave] = await Promise.all(['alice', 'bob', 'carol', 'dave'].map((p) => open(p)));
  const callId = await alice.call(['bob', 'carol', 'dave']);
  await Promise.all([bob, carol, dave].map((device) => device.rings(callId)));
  await bob.accept();
  await carol.accept();
  await Promise.all([
    alice.receives('bob', 'carol'),
    bob.receives('alice', 'carol'),
    carol.receives('alice', 'bob'),
  ]);
  assert.equal(await dave.peerConnections(), 0);
  assert.deepEqual(Object.keys(await alice.hears()).sort(), ['bob', 'carol']);

  // Late, while the others talk.
  await dave.accept();
  await Promise.all([
    dave.receives('alice', 'bob', 'carol'),
    alice.receives('dave'),
    bob.receives('dave'),
    carol.receives('dave'),
  ]);

  // Bob mutes: nothing of his sound reaches anybody, his picture goes on.
  await bob.mute('audio');
  await until('alice sees that bob is muted', async () => {
    const { participants } = await alice.look();
    return participants.some(({ profileId, audio }) => profileId === 'bob' && !audio);
  });
  await stopsHearing(alice, 'bob');
  await bob.unmute('audio');
  await alice.receives('bob');

  await carol.hangup();
  await until('carol is gone for everybody', async () => {
    const heard = await Promise.all([alice, bob, dave].map((device) => device.hears()));
    return heard.every((who) => !('carol' in who));
  }, { describe: () => Promise.all([alice, bob, dave].map((device) => device.hears())) });
  await Promise.all([alice.receives('bob', 'dave'), bob.receives('dave'), dave.receives('alice')]);

  // She may come back, and gets the lines that were stopped.
  await carol.accept();
  await Promise.all([carol.receives('alice', 'bob', 'dave'), alice.receives('carol')]);

  await Promise.all([bob, carol, dave].map((device) => device.hangup()));
  await alice.hangup();
  await Promise.all([alice, bob, carol, dave].map((device) => device.ends('completed')));
  await released(idle);
  for (const device of [alice, bob, carol, dave]) {
    assert.deepEqual(await device.events('error'), [], device.profile);
  }
  await closeAll([alice, bob, carol, dave]);
});

// Two looks a second apart, after a first one, count the same packets of the microphone while
// pictures go on.
async function stopsHearing(device, profile) {
  let last = (await device.hears())[profile];
  await until(`${device.profile} no longer hears ${profile}`, async () => {
    const now = (await device.hears())[profile];
    // 10 pictures at 15 a second are more than half a second, which would be 30 packets.
    if (now.frames < last.frames + 10) return false;
    const silent = now.packets - last.packets === 0;
    last = now;
    return silent;
  }, { describe: async () => ({ last, now: await device.hears() }) });
}

test('an answer with a changed fingerprint gets no packet through, and says media.failed', async () => {
  const idle = await server.holdings();
  const alice = await open('alice');
  const mallory = await open('bob', { flipFingerprint: true });
  const callId = await alice.call('bob');
  await mallory.rings(callId);
  await mallory.accept();
  await until('media fails for the changed certificate', async () =>
    (await mallory.events('error')).some(([, code]) => code === 'media_failed'),
  { describe: () => mallory.events() });
  await Promise.all([mallory.ends('failed'), alice.ends('completed')]);
  assert.deepEqual([await alice.tracksHeard(), await mallory.tracksHeard()], [0, 0]);
  assert.equal(await server.metric('parley_fingerprint_mismatches_total'), 1);
  await released(idle);
  await closeAll([alice, mallory]);
});

test('the caller’s second device and an unanswering receiver learn how it ended', async () => {
  const [alice, phone, bob] = await Promise.all([open('alice'), open('alice'), open('bob')]);
  const callId = await alice.call('bob');
  await bob.rings(callId);
  phone.callId = callId;
  await alice.hangup();
  await Promise.all([alice, phone, bob].map((device) => device.ends('cancelled')));
  assert.equal(await bob.peerConnections(), 0);
  await closeAll([alice, phone, bob]);
});

test('a shared screen comes as a track of its own, goes, and comes again, also with the camera off', async () => {
  const [alice, bob] = await Promise.all([open('alice'), open('bob')]);
  const callId = await alice.call('bob');
  await bob.rings(callId);
  await bob.accept();
  await alice.receives('bob');
  for (const camera of ['on', 'off']) {
    if (camera === 'off') await bob.mute('video');
    await bob.shareScreen();
    await until('alice sees the screen', async () => (await alice.screenFrames('bob')) > 3);
    await bob.stopScreen();
    await until('the screen is gone', async () => (await alice.screenFrames('bob')) === null);
  }
  await bob.unmute('video');
  await alice.receives('bob');
  await alice.hangup();
  await bob.ends('completed');
  assert.deepEqual([await alice.events('error'), await bob.events('error')], [[], []]);
  await closeAll([alice, bob]);
});
