// Calls that meet, and people who come in later, in real Chromium pages: nobody is left without the
// others, and there is one call only.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchChromium } from './support/browsers.mjs';
import { Device } from './support/device.mjs';
import { Parleyd } from './support/parleyd.mjs';

let server;
let browser;
before(async () => {
  server = await Parleyd.start();
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const open = (profile) => Device.open(browser, server, profile);
const closeAll = (devices) => Promise.all(devices.map((device) => device.close()));

test('two who call each other at once are in one call', async () => {
  const [alice, bob] = await Promise.all([open('alice'), open('bob')]);
  const ids = await Promise.all([alice.call('bob'), bob.call('alice')]);
  assert.equal(ids[0], ids[1]);
  await Promise.all([alice.receives('bob'), bob.receives('alice')]);
  const looks = await Promise.all([alice, bob].map((device) => device.look()));
  assert.deepEqual(looks.map(({ role }) => role).sort(), ['active initiator', 'active receiver']);
  assert.equal(await server.metric('parley_live_calls'), 1);
  assert.deepEqual(await Promise.all([alice, bob].map((device) => device.peerConnections())), [1, 1]);
  await alice.hangup();
  await Promise.all([alice, bob].map((device) => device.ends('completed')));
  assert.deepEqual([await alice.events('error'), await bob.events('error')], [[], []]);
  await closeAll([alice, bob]);
});

test('who is invited into a talk rings, also a second time, and all three hear and see each other', async () => {
  const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(open));
  const callId = await alice.call('bob');
  await bob.rings(callId);
  await bob.accept();
  await alice.receives('bob');

  await bob.invite('carol');
  await carol.rings(callId);
  await carol.reject();
  assert.equal(await carol.peerConnections(), 0);
  await bob.invite('carol');
  await carol.rings(callId, 2);
  await carol.accept();
  await Promise.all([
    alice.receives('bob', 'carol'),
    bob.receives('alice', 'carol'),
    carol.receives('alice', 'bob'),
  ]);
  for (const device of [alice, bob, carol]) {
    const { participants } = await device.look();
    assert.deepEqual(participants.map(({ state }) => state), ['active', 'active', 'active'], device.profile);
  }
  await alice.hangup(); // a group goes on
  await bob.receives('carol');
  await bob.hangup();
  await carol.hangup();
  await Promise.all([alice, bob, carol].map((device) => device.ends('completed')));
  for (const device of [alice, bob, carol]) assert.deepEqual(await device.events('error'), [], device.profile);
  await closeAll([alice, bob, carol]);
});

test('a call begun with immediate: false is picked up on the other device, once somebody is there', async () => {
  const [laptop, phone, bob] = await Promise.all(['alice', 'alice', 'bob'].map(open));
  const callId = await laptop.call('bob', { immediate: false });
  await laptop.becomes('passive initiator', 'ringing');
  await bob.rings(callId);
  await bob.accept();
  phone.callId = callId;
  await phone.accept();
  await Promise.all([phone.receives('bob'), bob.receives('alice')]);
  assert.equal(await laptop.peerConnections(), 0);
  await laptop.hangup();
  await Promise.all([laptop, phone, bob].map((device) => device.ends('completed')));
  await closeAll([laptop, phone, bob]);
});

test('replace ends the live call as superseded, and another one rings in its chain', async () => {
  const [alice, bob] = await Promise.all([open('alice'), open('bob')]);
  const chainId = await alice.call('bob');
  await bob.rings(chainId);
  await bob.accept();
  await alice.receives('bob');
  const callId = await alice.call('bob', { chainId, replace: true });
  await bob.ends('superseded');
  await bob.rings(callId);
  await bob.accept();
  await Promise.all([alice.receives('bob'), bob.receives('alice')]);
  await bob.hangup();
  await alice.ends('completed');
  await closeAll([alice, bob]);
});
