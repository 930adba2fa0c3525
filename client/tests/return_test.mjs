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

const kEnded = {
  type: 'call', id: 'k1', from: 'alice', to: ['bob'], settings: { audio: true, video: true }, at: 1,
  endedAt: 9, reason: 'completed', durationMs: 7, outcomes: { alice: 'completed', bob: 'lost' },
};

test('a call that ended while nobody was told ends as its chain says', async () => {
  const made = await invited();
  await made.call.accept();
  await settled();
  let answer;
  made.server.answers['chain.history'] = (frame) => {
    answer = frame;
    return null;
  };
  await reconnect(made, []);
  assert.deepEqual([answer.chainId, answer.limit], ['k1', 200]);
  assert.deepEqual(made.devices.live, []); // which does not wait for the answer
  assert.equal(made.call.state, 'running');
  made.server.ok(answer.id, { chainId: 'k1', items: [kEnded], more: false });
  await settled();
  assert.equal(made.call.state, 'ended');
  assert.deepEqual([made.call.outcome, made.call.durationMs], ['lost', 7]);
  assert.deepEqual(made.call.outcomes, kEnded.outcomes);
  assert.deepEqual(made.log.at(-1), ['call:end', made.call, 'lost']);
});

test('the end of a call is looked for further back in a busy chain', async () => {
  const made = await invited();
  const text = (id) => ({ type: 'text', id, from: 'alice', body: 'x', at: 10 });
  made.server.answers['chain.history'] = ({ before }) =>
    before ? { items: [kEnded, text('t0')], more: false } : { items: [text('t1'), text('t2')], more: true };
  await reconnect(made, []);
  await settled();
  assert.equal(made.call.outcome, 'lost');
  assert.deepEqual(made.server.sent('chain.history').map(({ before }) => before), [undefined, 't1']);
});

test('a call whose end nobody can tell ends without a guess', async () => {
  for (const answer of [{ items: [], more: false }, { error: { code: 'not_found' } }]) {
    const made = await invited();
    made.server.answers['chain.history'] = () => answer;
    await reconnect(made, []);
    await settled();
    assert.equal(made.call.state, 'ended');
    assert.deepEqual(made.log.at(-1), ['call:end', made.call, null]);
  }
});

test('a resumed session changes nothing of its calls', async () => {
  const made = await invited();
  made.server.resumable = true;
  await made.call.accept();
  made.server.event('media.offer', offer(1, 'bob'));
  await settled();
  const log = record(made.call, 'state', 'streamend', 'participant');
  made.server.socket.drop();
  await settled();
  made.server.event('call.update', { profileId: 'alice', audio: false, video: true });
  await made.clock.advance(1000);
  assert.equal(made.client.state, 'connected');
  assert.equal(made.call.role, 'active receiver');
  assert.equal(made.peers[0].closed, false);
  assert.equal(made.devices.live.length, 2);
  assert.deepEqual(log.map(([name]) => name), ['participant']);
  assert.equal(made.call.participants[0].audio, false);
});

test('what was asked while the connection was lost is done when the session is resumed', async () => {
  const made = await invited();
  made.server.resumable = true;
  await made.call.accept();
  await settled();
  made.server.socket.drop();
  await settled();
  const muted = made.call.mute('audio');
  assert.equal(made.devices.opened[0].enabled, false); // here at once
  await made.clock.advance(1000);
  await muted;
  assert.deepEqual(made.server.sent('call.update').map(({ audio }) => audio), [false]);
});

test('an accept whose answer was lost with the session rejects, and the place can be taken', async () => {
  const made = await invited();
  const lost = record(made.client, 'call:lost');
  made.server.answers['call.accept'] = () => null;
  const accept = assert.rejects(made.call.accept(), { code: 'unavailable', kind: 'retry' });
  made.server.answers['call.accept'] = () => ({ role: 'active receiver' });
  await reconnect(made, [running('reconnecting')]); // the server had taken it
  await accept;
  assert.deepEqual(lost, [['call:lost', made.call]]);
  await made.call.rejoin();
  assert.equal(made.call.role, 'active receiver');
});

test('a take that was under way goes on in a resumed session, and fails in a new one', async () => {
  for (const resumable of [true, false]) {
    const made = await invited();
    made.server.resumable = resumable;
    made.server.event('call.accept', { profileId: 'bob', connectionId: 'bob-2' });
    const take = made.call.take();
    const failed = resumable || assert.rejects(take, { code: 'unavailable', kind: 'retry' });
    await settled();
    await reconnect(made, [running('active')], resumable ? 'bob-1' : 'new');
    if (resumable) {
      made.server.event('call.take', { profileId: 'bob', connectionId: 'bob-1', was: 'bob-2' });
      await take;
      assert.equal(made.call.role, 'active receiver');
    } else {
      await failed;
      assert.deepEqual(made.devices.live, []);
    }
  }
});

// ---- a page that was loaded anew ---------------------------------------------------------------

async function reloaded(state) {
  const server = new ScriptedServer();
  server.welcome = { connectionId: 'new', userId: 'bob', profiles: ['bob'], calls: [running(state)] };
  server.answers['call.accept'] = () => ({ role: 'active receiver' });
  const platform = fakePlatform(server);
  const client = new Client(platform);
  const log = record(client, 'call:lost', 'call:received');
  await client.connect({ token: 'T' });
  return { ...platform, server, client, log, call: client.calls[0] };
}

test('a page that was loaded anew is told of the place it lost, and takes it back', async () => {
  const { client, server, log, call, devices } = await reloaded('reconnecting');
  assert.deepEqual(log, [['call:lost', call]]);
  assert.deepEqual(client.calls, [call]);
  assert.equal(call.canJoin, true);
  assert.equal(devices.calls.length, 0); // not by itself
  await call.rejoin();
  assert.equal(call.role, 'active receiver');
  assert.equal(server.sent('call.accept').length, 1);
});

test('... also when the server notices only later that the old page is gone', async () => {
  const { server, log, call } = await reloaded('active');
  assert.deepEqual(log, []);
  server.event('call.reconnecting', { profileId: 'bob', connectionId: 'bob-1' });
  assert.deepEqual(log, [['call:lost', call]]);
});

test('rejoin takes a place that is held, and starts media anew in its own', async () => {
  const { server, call, peers } = await reloaded('active');
  const rejoined = call.rejoin();
  await settled();
  assert.equal(server.sent('call.take').length, 1);
  server.event('media.offer', offer(1, 'bob'));
  server.event('call.take', { profileId: 'bob', connectionId: 'new', was: 'bob-1' });
  await rejoined;
  await call.rejoin();
  assert.deepEqual(server.sent('media.restart').map(({ fresh }) => fresh), [true]);
  assert.equal(peers[0].closed, true);
  server.event('media.offer', offer(1, 'bob'));
  await settled();
  assert.equal(peers.length, 2);
});

// ---- a new session -----------------------------------------------------------------------------

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

test('an active device whose old connection the server still believes in takes the call', async () => {
  const made = await invited();
  await made.call.accept();
  await settled();
  assert.equal(made.devices.live.length, 2);
  await reconnect(made, [running('active')]);
  assert.equal(made.call.role, 'passive receiver');
  assert.deepEqual(made.devices.live.map(({ kind }) => kind), ['video']);
  assert.equal(made.server.sent('call.take').length, 1);
  made.server.event('call.take', { profileId: 'bob', connectionId: 'new', was: 'bob-1' });
  await settled();
  assert.equal(made.call.role, 'active receiver');
  assert.equal(made.devices.live.length, 2);
});

test('... and accepts it when the server notices first that the old one is gone', async () => {
  const made = await invited();
  await made.call.accept();
  await settled();
  await reconnect(made, [running('active')]);
  assert.equal(made.server.sent('call.accept').length, 1);
  made.server.event('call.reconnecting', { profileId: 'bob', connectionId: 'bob-1' });
  await settled();
  assert.equal(made.server.sent('call.accept').length, 2);
  assert.equal(made.call.role, 'active receiver');
  assert.equal(made.call.isTaking, false);
  assert.equal(made.devices.live.length, 2);
  assert.equal(made.peers.filter(({ closed }) => !closed).length, 0); // until the next offer
  assert.deepEqual(made.log.filter(([name]) => name === 'error'), []);
});

test('a place that was taken over meanwhile is left to the device that has it', async () => {
  const made = await invited();
  await made.call.accept();
  await settled();
  const elsewhere = running('active');
  elsewhere.participants[1].connectionId = 'bob-2';
  await reconnect(made, [elsewhere]);
  assert.equal(made.call.role, 'passive receiver');
  assert.deepEqual(made.devices.live, []);
  assert.deepEqual(made.server.sent('call.take'), []);
  assert.equal(made.call.canTake, true);
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
