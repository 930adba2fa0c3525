import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client } from '../jsapi/client.js';
import { offer } from './support/fake_media.mjs';
import { calling, connected, invited, kInit, states } from './support/scenes.mjs';
import { fakePlatform, record, settled } from './support/scripted_server.mjs';

// ---- opening --------------------------------------------------------------------------------

test('openCall returns at once with the id of its call.init', async () => {
  const { client, server, log } = await connected();
  server.answers['call.init'] = () => null;
  const call = client.openCall('alice', ['bob', 'carol'], 'chain', { audio: true, video: false });
  assert.equal(call.state, 'opening');
  assert.equal(call.role, null);
  const [init] = server.sent('call.init');
  assert.equal(init.id, call.id);
  assert.deepEqual(init.to, ['bob', 'carol']);
  assert.equal(init.from, 'alice');
  assert.equal(init.chainId, 'chain');
  assert.equal('immediate' in init, false);
  assert.deepEqual(init.settings, { audio: true, video: false });
  assert.deepEqual(client.calls, [call]);
  server.ok(call.id, { callId: call.id, chainId: 'chain', role: 'active initiator' });
  assert.equal(await call.ready, call);
  assert.equal(call.state, 'ringing');
  assert.equal(call.role, 'active initiator');
  assert.deepEqual(log, []);
});

test('openCall takes its arguments by name', async () => {
  const { client, server } = await connected('alice', { initRole: 'passive initiator' });
  const call = client.openCall({
    from: 'alice',
    to: 'bob',
    immediate: false,
    settings: { audio: { echoCancellation: false }, video: false },
  });
  await call.ready;
  const [init] = server.sent('call.init');
  assert.deepEqual(init.to, ['bob']);
  assert.equal(init.immediate, false);
  assert.deepEqual(init.settings, { audio: true, video: false });
  assert.equal('chainId' in init, false);
  assert.equal(call.chainId, call.id);
  assert.equal(call.role, 'passive initiator');
});

test('openCall without anybody to call is refused at once', async () => {
  const { client } = await connected();
  assert.throws(() => client.openCall('alice', []), { code: 'bad_request' });
  assert.throws(() => client.openCall('alice'), { code: 'bad_request' });
  assert.throws(() => client.openCall({ to: 'bob' }), { code: 'bad_request' });
});

test('a call the server refuses ends, and says why in three places', async () => {
  const { client, server, log } = await connected();
  server.answers['call.init'] = () => ({ error: { code: 'forbidden', kind: 'auth', message: 'Not yours.' } });
  const call = client.openCall('carol', 'bob');
  await assert.rejects(call.ready, { code: 'forbidden' });
  await settled();
  assert.equal(call.state, 'ended');
  assert.equal(call.error.message, 'Not yours.');
  assert.deepEqual(log.map(([name]) => name), ['call:end', 'error']);
  assert.equal(log[1][1].call, call);
  assert.deepEqual(client.calls, []);
});

test('a call opened without a connection ends as failed', async () => {
  const client = new Client(fakePlatform());
  const call = client.openCall('alice', 'bob');
  await assert.rejects(call.ready, { code: 'unavailable', kind: 'retry' });
  assert.equal(call.state, 'ended');
});

test('events that come before the ok of call.init count', async () => {
  const { client, server } = await connected();
  server.answers['call.init'] = () => null;
  const call = client.openCall('alice', 'bob');
  const ringing = record(call, 'ringing');
  server.event('call.ringing', { callId: call.id, profileId: 'bob', connectionId: 'c3' });
  server.event('media.offer', { callId: call.id, ...offer(1, 'alice') });
  server.event('call.accept', { callId: call.id, profileId: 'bob', connectionId: 'c3' });
  server.ok(call.id, { callId: call.id, chainId: call.id, role: 'active initiator' });
  await settled();
  assert.deepEqual(ringing, [['ringing', 'bob', 'c3']]);
  assert.equal(call.state, 'running');
  assert.equal(call.role, 'active initiator');
  assert.equal(server.sent('media.answer').length, 1);
});

// ---- the caller -----------------------------------------------------------------------------

test('the caller follows ringing, accept and end', async () => {
  const { call, server, log, client } = await calling();
  const own = record(call, 'ringing', 'accepted', 'end');
  server.event('call.ringing', { callId: call.id, profileId: 'bob', connectionId: 'c3' });
  assert.deepEqual(states(call), { alice: 'active', bob: 'ringing' });
  assert.equal(call.me.connectionId, 'alice-1');
  server.event('call.accept', { callId: call.id, profileId: 'bob', connectionId: 'c3' });
  assert.equal(call.state, 'running');
  assert.equal(call.participants[1].connectionId, 'c3');
  assert.equal(typeof call.acceptedAt, 'number');
  server.event('call.end', {
    callId: call.id,
    reason: 'completed',
    durationMs: 5000,
    outcomes: { alice: 'completed', bob: 'completed' },
  });
  assert.equal(call.state, 'ended');
  assert.equal(call.outcome, 'completed');
  assert.equal(call.durationMs, 5000);
  assert.deepEqual(own, [
    ['ringing', 'bob', 'c3'],
    ['accepted', 'bob', 'c3'],
    ['end', 'completed'],
  ]);
  assert.deepEqual(log, [
    ['call:accepted', call, 'bob', 'c3'],
    ['call:end', call, 'completed'],
  ]);
  assert.deepEqual(client.calls, []);
});

test('nothing happens to a call after its end', async () => {
  const { call, server, log } = await calling();
  server.event('call.end', { callId: call.id, reason: 'cancelled', outcomes: { alice: 'cancelled' } });
  server.event('call.accept', { callId: call.id, profileId: 'bob', connectionId: 'c3' });
  call.handle({ type: 'call.accept', profileId: 'bob', connectionId: 'c3' });
  assert.equal(call.state, 'ended');
  assert.deepEqual(log.map(([name]) => name), ['call:end']);
});

test('receivers that cannot be reached, do not answer or decline are shown as such', async () => {
  const { client, server } = await connected();
  const call = client.openCall('alice', ['bob', 'carol', 'dave', 'erin']);
  await call.ready;
  const event = (type, members) => server.event(type, { callId: call.id, ...members });
  event('call.init_timeout', { profileId: 'bob' });
  event('call.ringing_timeout', { profileId: 'carol' });
  event('call.reject', { profileId: 'dave', reason: 'declined', scope: 'profile' });
  event('call.reject', { profileId: 'erin', reason: 'busy', scope: 'profile' });
  const outcomes = Object.fromEntries(call.participants.map((p) => [p.profileId, p.outcome]));
  assert.deepEqual(outcomes, {
    alice: null, bob: 'unreachable', carol: 'missed', dave: 'rejected', erin: 'busy',
  });
  event('call.accept', { profileId: 'carol', connectionId: 'c5' }); // late, which withdraws it
  assert.equal(call.participants[2].state, 'active');
  assert.equal(call.participants[2].outcome, null);
});

test('mute, loss and leaving of others reach the participants', async () => {
  const { call, server } = await calling();
  const seen = record(call, 'participant');
  const event = (type, members) => server.event(type, { callId: call.id, profileId: 'bob', ...members });
  event('call.accept', { connectionId: 'c3' });
  event('call.update', { audio: false, video: true });
  event('call.reconnecting');
  event('call.reconnected', { connectionId: 'c3' });
  event('call.left', { outcome: 'completed' });
  assert.deepEqual(
    seen.map(([, p]) => [p.state, p.audio, p.outcome]),
    [
      ['active', true, null],
      ['active', false, null],
      ['reconnecting', false, null],
      ['active', false, null],
      ['left', false, 'completed'],
    ],
  );
});

test('a passive initiator sends call.pending by itself, and the application hears nothing', async () => {
  const { call, server, log, client } = await invited('alice', { role: 'passive initiator' });
  assert.deepEqual(server.received.map((f) => [f.type, f.callId]), [['call.pending', 'k1']]);
  assert.deepEqual(log, []);
  assert.equal(call.role, 'passive initiator');
  assert.equal(call.state, 'ringing');
  assert.deepEqual(client.calls, [call]);
  server.event('call.accept', { profileId: 'bob', connectionId: 'c3' });
  assert.equal(call.state, 'running');
  assert.equal(call.role, 'passive initiator');
  assert.deepEqual(log, [['call:accepted', call, 'bob', 'c3']]);
});

test('with immediate: false the caller picks up where it wants to', async () => {
  const { call, server, peers, devices } = await calling({ initRole: 'passive initiator' });
  assert.equal(devices.calls.length, 0);
  server.answers['call.accept'] = () => ({ role: 'active initiator' });
  await call.accept();
  assert.equal(call.role, 'active initiator');
  assert.equal(call.state, 'ringing');
  assert.equal(peers.length, 0);
});

// ---- the receiver ---------------------------------------------------------------------------

test('a receiver sends call.ringing first and fires call:received after its answer', async () => {
  const made = await connected('bob');
  made.server.answers['call.ringing'] = () => null;
  made.server.event('call.init', { ...kInit, role: null });
  await settled();
  const [ringing] = made.server.sent('call.ringing');
  assert.equal(ringing.callId, 'k1');
  assert.deepEqual(made.log, []);
  made.server.ok(ringing.id);
  await settled();
  const [call] = made.client.calls;
  assert.deepEqual(made.log, [['call:received', call]]);
  assert.equal(call.id, 'k1');
  assert.equal(call.from, 'alice');
  assert.deepEqual(call.to, ['bob']);
  assert.equal(call.role, null);
  assert.equal(call.state, 'ringing');
  assert.equal(call.rings, true);
  assert.deepEqual(states(call), { alice: 'active', bob: 'ringing' });
});

test('a call over before its ringing was answered is not received', async () => {
  const made = await connected('bob');
  made.server.answers['call.ringing'] = () => null;
  made.server.event('call.init', { ...kInit, role: null });
  made.server.event('call.end', { reason: 'cancelled', outcomes: { bob: 'cancelled' } });
  made.server.refuse(made.server.socket, made.server.sent('call.ringing')[0].id, { code: 'ended' });
  await settled();
  assert.deepEqual(made.log.map(([name]) => name), ['call:end']);
});

test('accept makes the receiver active once the server has said so', async () => {
  const { call, server, log, devices } = await invited();
  server.answers['call.accept'] = () => null;
  const accepted = call.accept();
  await settled();
  assert.equal(call.role, null);
  assert.equal(devices.calls.length, 0);
  server.ok(server.sent('call.accept')[0].id, { role: 'active receiver' });
  await accepted;
  assert.equal(call.role, 'active receiver');
  assert.equal(call.state, 'running');
  assert.equal(call.me.connectionId, 'bob-1');
  assert.equal(devices.calls.length, 1);
  assert.deepEqual(log.slice(1), [['call:accepted', call, 'bob', 'bob-1']]);
});

test('another device of the receiver accepting makes this one passive, without an error', async () => {
  const { call, server, log, peers, devices } = await invited();
  server.event('call.accept', { profileId: 'bob', connectionId: 'bob-2' });
  await settled();
  assert.equal(call.role, 'passive receiver');
  assert.equal(call.state, 'running');
  assert.equal(call.canJoin, false);
  assert.equal(call.me.connectionId, 'bob-2');
  assert.deepEqual(log.slice(1), [['call:accepted', call, 'bob', 'bob-2']]);
  assert.equal(peers.length + devices.calls.length, 0);
});

test('losing the race for accept rejects and makes passive', async () => {
  const { call, server, devices } = await invited();
  server.answers['call.accept'] = () => ({
    error: { code: 'already_accepted', kind: 'state', message: 'Taken.', connectionId: 'bob-2' },
  });
  await assert.rejects(call.accept(), { code: 'already_accepted', connectionId: 'bob-2' });
  assert.equal(call.role, 'passive receiver');
  assert.equal(devices.calls.length, 0);
});

test('reject declines on all devices, or on this one only', async () => {
  const { call, server } = await invited();
  await call.reject('declined', { scope: 'connection' });
  assert.equal(call.rings, false);
  assert.equal(call.role, null);
  await call.reject('busy');
  assert.equal(call.role, 'passive receiver');
  assert.equal(call.me.state, 'left');
  assert.deepEqual(
    server.sent('call.reject').map(({ callId, reason, scope }) => [callId, reason, scope]),
    [['k1', 'declined', 'connection'], ['k1', 'busy', 'profile']],
  );
});

test('a decline on another device of the receiver stops the ringing here', async () => {
  const { call, server } = await invited();
  server.event('call.reject', { profileId: 'bob', reason: 'declined', scope: 'connection' });
  assert.equal(call.role, null);
  server.event('call.reject', { profileId: 'bob', reason: 'declined', scope: 'profile' });
  assert.equal(call.role, 'passive receiver');
  assert.equal(call.canJoin, true); // while the call lives
});

test('a call nobody took is missed', async () => {
  const { call, server, log } = await invited();
  server.event('call.ringing_timeout', { profileId: 'bob' });
  assert.equal(call.rings, false);
  assert.equal(call.role, null); // neither accepted nor declined
  assert.equal(call.canJoin, true);
  server.event('call.left', { profileId: 'bob', outcome: 'missed' });
  assert.equal(call.role, null);
  server.event('call.end', { reason: 'missed', durationMs: 0, outcomes: { alice: 'missed', bob: 'missed' } });
  assert.deepEqual(log.at(-1), ['call:end', call, 'missed']);
});

test('hangup works from a passive device, and of an ended call is no error', async () => {
  const { call, server } = await invited();
  server.event('call.accept', { profileId: 'bob', connectionId: 'bob-2' });
  await call.hangup();
  assert.equal(server.sent('call.hangup').length, 1);
  assert.equal(call.me.state, 'left');
  server.answers['call.hangup'] = () => ({ error: { code: 'ended', kind: 'state' } });
  await call.hangup();
  server.event('call.end', { reason: 'completed', outcomes: { bob: 'completed' } });
  await call.hangup();
  assert.equal(server.sent('call.hangup').length, 2);
});

test('a refused request rejects with what the server said', async () => {
  const { call, server } = await invited();
  const refusal = { code: 'rate_limited', kind: 'retry', message: 'Too many; wait a second.' };
  for (const type of ['call.accept', 'call.reject', 'call.hangup']) {
    server.answers[type] = () => ({ error: refusal });
  }
  for (const act of [() => call.accept(), () => call.reject(), () => call.hangup()]) {
    await assert.rejects(act, refusal);
  }
});

test('mute, screen and statistics need an active device', async () => {
  const { call } = await invited();
  for (const act of [
    () => call.mute('audio'),
    () => call.unmute('video'),
    () => call.shareScreen(),
    () => call.stopScreen(),
    () => call.getStats(),
  ]) {
    await assert.rejects(async () => act(), { code: 'not_active', kind: 'state' });
  }
});

test('a device that comes online while its user is in the call stays silent', async () => {
  const { call, server, log } = await invited('bob', { role: 'passive receiver' });
  assert.equal(call.role, 'passive receiver');
  assert.deepEqual(server.received, []);
  assert.deepEqual(log, []);
});

test('unknown events, and events of unknown calls, are ignored', async () => {
  const { call, server, log } = await invited();
  server.event('call.dance', { profileId: 'bob' });
  server.event('constructor', {});
  server.event('weather', { callId: undefined });
  server.event('call.accept', { callId: 'k99', profileId: 'bob', connectionId: 'x' });
  assert.equal(call.state, 'ringing');
  assert.equal(log.length, 1);
});

test('a listener that throws is reported and does not keep others from hearing', async (t) => {
  const { client, server } = await connected('bob');
  const reported = [];
  globalThis.reportError = (error) => reported.push(error.message);
  t.after(() => delete globalThis.reportError);
  client.on('call:received', () => {
    throw new Error('mine');
  });
  const heard = record(client, 'call:received');
  server.event('call.init', { ...kInit, role: null });
  await settled();
  assert.deepEqual(reported, ['mine']);
  assert.equal(heard.length, 1);
});

test('on returns its own undoing, once listens once, off takes off', async () => {
  const { client } = await connected();
  const heard = [];
  const listener = (value) => heard.push(value);
  const off = client.on('error', listener);
  client.once('error', (value) => heard.push(`once ${value}`));
  client.emit('error', 1);
  off();
  client.emit('error', 2);
  client.on('error', listener);
  client.off('error', listener);
  client.emit('error', 3);
  client.once('error', listener);
  client.off('error', listener);
  client.emit('error', 4);
  assert.deepEqual(heard, [1, 'once 1']);
});

test('calls:changed fires for everything one sees of a call, and for nothing else', async () => {
  const { client, server } = await connected();
  const changes = record(client, 'calls:changed');
  const after = async (act) => {
    changes.length = 0;
    await act();
    await settled();
    return changes.length > 0;
  };
  let call;
  assert.ok(await after(() => (call = client.openCall('alice', ['bob', 'carol']))), 'a new call');
  const event = (type, members) => () => server.event(type, { callId: call.id, ...members });
  const bob = { profileId: 'bob', connectionId: 'b1' };
  assert.ok(await after(event('call.ringing', bob)), 'who rings');
  assert.ok(!(await after(event('call.ringing', { ...bob, connectionId: 'b2' }))), 'rings already');
  assert.ok(await after(event('call.accept', bob)), 'who is there');
  assert.ok(await after(event('call.update', { ...bob, audio: false })), 'who is muted');
  assert.ok(await after(event('call.take', { ...bob, connectionId: 'b2', was: 'b1' })), 'where he is');
  assert.ok(await after(() => call.invite('dave')), 'who is invited');
  assert.ok(!(await after(event('call.pending', bob))), 'what one does not see');
  assert.ok(await after(event('call.end', { reason: 'completed', outcomes: {} })), 'the end');
});
