// What becomes of calls when their connection is lost, and another one takes its place.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client } from '../jsapi/client.js';
import { offer } from './support/fake_media.mjs';
import {
  connected, invited, kEvents, kInit, kSnapshot, reconnect, running, states,
} from './support/scenes.mjs';
import { ScriptedServer, fakePlatform, record, settled } from './support/scripted_server.mjs';


test('a snapshot shows a live call; it rings when the server then says call.init', async () => {
  const server = new ScriptedServer();
  server.welcome = { connectionId: 'b2', userId: 'bob', profiles: ['bob'], calls: [kSnapshot] };
  const client = new Client(fakePlatform(server));
  const log = record(client, ...kEvents);
  await client.connect({ token: 'T' });
  const [call] = client.calls;
  assert.deepEqual(states(call), { alice: 'active', bob: 'ringing' });
  assert.equal(call.participants[0].video, false);
  assert.deepEqual(log, []);
  server.event('call.init', { ...kInit, role: null });
  await settled();
  assert.deepEqual(log, [['call:received', call]]);
});

test('a call that ended while nobody was told ends here, without a guess how', async () => {
  const made = await invited();
  await reconnect(made, []);
  assert.equal(made.call.state, 'ended');
  assert.deepEqual(made.log.at(-1), ['call:end', made.call, null]);
});

test('a call that still rings rings on the new connection, and is received once', async () => {
  const made = await invited();
  await reconnect(made, [kSnapshot]);
  made.server.event('call.init', { ...kInit, role: null });
  await settled();
  assert.equal(made.server.sent('call.ringing').length, 2);
  assert.deepEqual(made.log, [['call:received', made.call]]);
});

test('an active device that lost its socket joins again when it may', async () => {
  const made = await invited();
  await made.call.accept();
  made.server.event('media.offer', offer(1, 'bob'));
  await settled();
  await reconnect(made, [running('reconnecting')]);
  assert.equal(made.server.sent('call.accept').length, 2);
  assert.equal(made.call.role, 'active receiver');
  assert.equal(made.peers[0].closed, true);
  made.server.event('media.offer', offer(1, 'bob'));
  await settled();
  assert.equal(made.peers.length, 2);
});

test('an active device whose old connection the server still believes in waits, then joins', async () => {
  const made = await invited();
  await made.call.accept();
  await settled();
  assert.equal(made.devices.live.length, 2);
  await reconnect(made, [running('active')]);
  assert.equal(made.call.role, 'passive receiver');
  assert.equal(made.devices.live.length, 0);
  assert.equal(made.server.sent('call.accept').length, 1);
  made.server.event('call.reconnecting', { profileId: 'bob', connectionId: 'bob-1' });
  await settled();
  assert.equal(made.call.role, 'active receiver');
  assert.equal(made.devices.live.length, 2);
});

test('what was muted stays muted when the device joins again', async () => {
  const made = await invited();
  await made.call.accept({ audio: true, video: true });
  await settled();
  await made.call.mute('audio');
  await made.call.mute('video');
  const snapshot = running('reconnecting');
  for (const participant of snapshot.participants) {
    if (participant.profileId === 'bob') Object.assign(participant, { audio: false, video: false });
  }
  await reconnect(made, [snapshot]);
  assert.equal(made.call.role, 'active receiver');
  assert.deepEqual(made.devices.live.map(({ kind, enabled }) => [kind, enabled]), [['audio', false]]);
  assert.deepEqual(made.server.sent('call.update').map(({ audio, video }) => [audio, video]), [
    [false, true],
    [false, false],
  ]);
  await made.call.unmute('audio');
  assert.equal(made.devices.live[0].enabled, true);
});

test('who hung up is not brought back by a later connection', async () => {
  const made = await invited('bob', { to: ['bob', 'carol'] });
  await made.call.accept();
  await settled();
  await reconnect(made, [running('active')]); // waits for the server to give up the old connection
  await made.call.hangup();
  await reconnect(made, [running('left')]);
  assert.equal(made.server.sent('call.accept').length, 1);
  assert.equal(made.devices.live.length, 0);
});

test('profiles are known when the state says connected', async () => {
  const server = new ScriptedServer();
  server.welcome = { connectionId: 'c1', userId: 'alice', profiles: ['alice'], calls: [] };
  const client = new Client(fakePlatform(server));
  const seen = [];
  client.on('connection:state', (state) => seen.push([state, ...client.profiles]));
  await client.connect({ token: 'T' });
  assert.deepEqual(seen, [['connecting'], ['connected', 'alice']]);
});

test('a call.init lost on the way is sent again under its id, and its role comes from now', async () => {
  const made = await connected();
  made.server.answers['call.init'] = () => null;
  const call = made.client.openCall('alice', 'bob');
  made.server.answers['call.init'] = (frame) => ({ callId: frame.id, chainId: frame.id, role: 'active initiator' });
  await reconnect(made, [
    { ...kSnapshot, callId: call.id, chainId: call.id, role: 'passive initiator', canJoin: false },
  ]);
  await call.ready;
  const ids = made.server.sent('call.init').map(({ id }) => id);
  assert.deepEqual(ids, [call.id, call.id]);
  assert.equal(call.role, 'passive initiator');
  assert.equal(call.isActive, false);
});

test('a passive device may take a call whose active device is lost', async () => {
  const { call, server } = await invited();
  server.event('call.accept', { profileId: 'bob', connectionId: 'b2' });
  assert.equal(call.canJoin, false);
  server.event('call.reconnecting', { profileId: 'bob', connectionId: 'b2' });
  assert.equal(call.canJoin, true);
  assert.equal(server.sent('call.accept').length, 0); // but not by itself: it was never active
});

test('disconnect ends the calls of this device and closes its microphone', async () => {
  const made = await invited();
  await made.call.accept();
  await settled();
  made.client.disconnect();
  assert.equal(made.call.state, 'ended');
  assert.equal(made.devices.live.length, 0);
  assert.equal(made.client.state, 'disconnected');
});

test('two clients in one page do not know of each other', async () => {
  const one = await invited('bob');
  const two = await connected('carol');
  assert.equal(one.client.calls.length, 1);
  assert.equal(two.client.calls.length, 0);
  assert.deepEqual(two.client.profiles, ['carol']);
});
