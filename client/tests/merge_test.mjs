// A call.init that meets a live call: the server merges them, and one object stands for both.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { offer } from './support/fake_media.mjs';
import { connected, invited, states } from './support/scenes.mjs';
import { record, settled } from './support/scripted_server.mjs';

function mergeInto(server, role = 'active receiver', callId = 'k1') {
  server.answers['call.init'] = () => ({ callId, chainId: 'k1', role, merged: true });
}

test('calling somebody whose call rings here takes that call', async () => {
  const { client, server, log, call: ringing } = await invited();
  mergeInto(server);
  const call = client.openCall('bob', 'alice');
  const opened = call.id;
  const own = record(call, 'accepted', 'state');
  assert.equal(await call.ready, call);
  await settled();
  assert.notEqual(opened, 'k1');
  assert.deepEqual([call.id, call.chainId, call.from, call.to], ['k1', 'k1', 'alice', ['bob']]);
  assert.deepEqual([call.state, call.role, call.isActive], ['running', 'active receiver', true]);
  assert.deepEqual(states(call), { alice: 'active', bob: 'active' });
  assert.equal(call.me.connectionId, 'bob-1');
  assert.deepEqual(client.calls, [call]);
  assert.deepEqual(own, [
    ['state', 'ringing', null],
    ['state', 'ringing', 'active receiver'],
    ['state', 'running', 'active receiver'],
    ['accepted', 'bob', 'bob-1'],
  ]);
  // The object that rang is over, and says which one goes on.
  assert.deepEqual([ringing.state, ringing.outcome, ringing.mergedInto], ['ended', null, call]);
  assert.deepEqual(log, [
    ['call:received', ringing],
    ['call:end', ringing, null],
    ['call:accepted', call, 'bob', 'bob-1'],
  ]);
});

test('events and offers of the live call reach the object that took it', async () => {
  const { client, server, peers } = await invited();
  mergeInto(server);
  const call = await client.openCall('bob', 'alice').ready;
  server.event('media.offer', offer(1, 'bob'));
  await settled();
  assert.equal(peers.length, 1);
  assert.equal(server.sent('media.answer')[0].callId, 'k1');
  server.event('call.end', { reason: 'completed', outcomes: { alice: 'completed', bob: 'completed' } });
  assert.equal(call.outcome, 'completed');
  assert.deepEqual(client.calls, []);
});

test('the microphone stays closed when the call is taken on another device already', async () => {
  const { client, server, devices } = await invited();
  server.event('call.accept', { profileId: 'bob', connectionId: 'bob-2' });
  mergeInto(server, 'passive receiver');
  const call = await client.openCall('bob', 'alice', 'k1').ready;
  await settled();
  assert.deepEqual([call.id, call.state, call.role], ['k1', 'running', 'passive receiver']);
  assert.equal(call.canTake, true);
  assert.equal(devices.calls.length, 0);
});

test('a device that is in the live call already goes on with the object it has', async () => {
  const { client, server, call: first, peers, devices, log } = await invited();
  await first.accept();
  server.event('media.offer', offer(1, 'bob'));
  await settled();
  mergeInto(server);
  const second = client.openCall('bob', 'alice', 'k1');
  assert.equal(await second.ready, first);
  assert.equal(second.mergedInto, first);
  assert.equal(second.state, 'ended');
  assert.deepEqual(client.calls, [first]);
  assert.equal(first.isActive, true);
  assert.equal(peers.length, 1);
  assert.equal(devices.live.length, 2);
  assert.deepEqual(log.at(-1), ['call:end', second, null]);
});

test('a member of the chain joins a call it was not part of', async () => {
  const { client, server } = await connected('carol');
  mergeInto(server, 'active receiver', 'k7');
  const call = await client.openCall('carol', ['alice'], 'k1').ready;
  server.event('call.init', {
    callId: 'k7', chainId: 'k1', from: 'alice', to: ['bob', 'carol'], role: 'active receiver',
    settings: { audio: true, video: true }, connectionId: 'a1',
  });
  assert.equal(call.id, 'k7');
  assert.equal(call.role, 'active receiver');
  assert.deepEqual(client.calls, [call]);
  assert.deepEqual([call.from, call.to], ['alice', ['bob', 'carol']]);
  assert.deepEqual(Object.keys(states(call)), ['alice', 'bob', 'carol']);
});

test('replace asks for a call of its own, and the one it replaces ends as superseded', async () => {
  const { client, server, log } = await connected();
  const first = client.openCall('alice', 'bob');
  await first.ready;
  const second = client.openCall({ from: 'alice', to: 'bob', chainId: first.id, replace: true });
  const outcomes = { alice: 'superseded', bob: 'superseded' };
  server.event('call.end', { callId: first.id, reason: 'superseded', outcomes });
  await second.ready;
  assert.equal(server.sent('call.init')[1].replace, true);
  assert.deepEqual(log, [['call:end', first, 'superseded']]);
  assert.deepEqual(client.calls, [second]);
});

test('an answer that was given to an older connection does not make this one active', async () => {
  const { client, server, clock, devices } = await invited();
  server.answers['call.init'] = () => null;
  const call = client.openCall('bob', 'alice');
  mergeInto(server);
  server.welcome = { ...server.welcome, connectionId: 'bob-new', calls: [{
    callId: 'k1', chainId: 'k1', from: 'alice', to: ['bob'], role: 'passive receiver', state: 'running',
    participants: [
      { profileId: 'alice', state: 'active', connectionId: 'a1', audio: true, video: true },
      { profileId: 'bob', state: 'active', connectionId: 'bob-1', audio: true, video: true },
    ],
  }] };
  server.socket.drop();
  await settled();
  await clock.advance(1000);
  await call.ready;
  assert.deepEqual([call.id, call.role, call.isActive], ['k1', 'passive receiver', false]);
  assert.equal(devices.calls.length, 0);
});

test('a merge whose answer comes after a resumed session asks for the offer it missed', async () => {
  const { client, server, clock } = await invited();
  server.resumable = true;
  server.answers['call.init'] = () => null;
  const call = client.openCall('bob', 'alice');
  server.socket.drop();
  await settled();
  server.event('media.offer', offer(1, 'bob'));
  mergeInto(server);
  await clock.advance(1000);
  await call.ready;
  await settled();
  assert.equal(call.isActive, true);
  assert.deepEqual(server.sent('media.restart').map(({ fresh }) => fresh), [true]);
});

test('who hangs up before the server has answered opens nothing, and leaves the live call too', async () => {
  for (const merged of [false, true]) {
    const { client, server, devices, peers } = await connected('bob');
    if (merged) mergeInto(server);
    server.answers['call.hangup'] = ({ callId }) =>
      merged && callId !== 'k1' ? { error: { code: 'not_found', kind: 'request' } } : {};
    const call = client.openCall('bob', 'alice');
    await Promise.all([call.hangup(), call.ready]);
    await settled();
    assert.deepEqual([call.isActive, devices.calls, peers], [false, [], []]);
    assert.equal(server.sent('call.hangup').at(-1).callId, call.id);
    assert.equal(states(call).bob, 'left');
  }
});
