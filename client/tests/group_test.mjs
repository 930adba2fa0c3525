// More than two: inviting, being removed, several calls at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { offer } from './support/fake_media.mjs';
import { calling, inCall, invited, kInit, states } from './support/scenes.mjs';
import { record, settled } from './support/scripted_server.mjs';

test('invite rings more people, who are participants at once', async () => {
  const { call, server } = await calling();
  const seen = record(call, 'participant');
  await call.invite(['carol', 'dave']);
  const [frame] = server.sent('call.invite');
  assert.deepEqual([frame.callId, frame.to], [call.id, ['carol', 'dave']]);
  assert.deepEqual(call.to, ['bob', 'carol', 'dave']);
  assert.deepEqual(states(call), { alice: 'active', bob: 'inviting', carol: 'inviting', dave: 'inviting' });
  assert.deepEqual(seen.map(([, p]) => p.profileId), ['carol', 'dave']);
  server.event('call.ringing', { callId: call.id, profileId: 'carol', connectionId: 'c9' });
  assert.equal(states(call).carol, 'ringing');
});

test('one profile may be invited without a list, nobody may not', async () => {
  const { call, server } = await calling();
  await call.invite('carol');
  assert.deepEqual(server.sent('call.invite')[0].to, ['carol']);
  await assert.rejects(call.invite([]), { code: 'bad_request' });
  await assert.rejects(call.invite(), { code: 'bad_request' });
});

test('who left is invited anew, who is there stays as he is', async () => {
  const { call, server } = await calling();
  const event = (type, members) => server.event(type, { callId: call.id, ...members });
  event('call.accept', { profileId: 'bob', connectionId: 'b1' });
  await call.invite('carol');
  event('call.reject', { profileId: 'carol', reason: 'declined', scope: 'profile' });
  event('call.invite', { profileId: 'bob', connectionId: 'b1', to: ['bob', 'carol', 'erin'] });
  assert.deepEqual(states(call), { alice: 'active', bob: 'active', carol: 'inviting', erin: 'inviting' });
  assert.equal(call.participants.find((p) => p.profileId === 'carol').outcome, null);
  assert.deepEqual(call.to, ['bob', 'carol', 'erin']);
});

test('an invitation the server refuses adds nobody', async () => {
  const { call, server } = await calling();
  server.answers['call.invite'] = () => ({ error: { code: 'too_large', kind: 'request' } });
  await assert.rejects(call.invite('carol'), { code: 'too_large' });
  assert.deepEqual(call.to, ['bob']);
});

test('who is invited into a running call is called like any other', async () => {
  const { call, log } = await invited('carol', { to: ['bob', 'carol'] });
  assert.equal(call.profileId, 'carol');
  assert.deepEqual(log, [['call:received', call]]);
});

test('who is invited sees from the media who is in the call already, and nobody who has left', async () => {
  const { call, server } = await invited('carol', { to: ['bob', 'carol', 'dave', 'erin'] });
  server.event('call.left', { profileId: 'dave', outcome: 'completed' });
  await call.accept();
  server.event('media.offer', offer(1, 'carol', [
    { mid: '02', profileId: 'bob', source: 'mic' },
    { mid: '03', profileId: 'dave', source: 'mic' }, // made before he left
  ]));
  await settled();
  assert.deepEqual(states(call), { alice: 'active', bob: 'active', carol: 'active', dave: 'left', erin: 'inviting' });
});

test('who was removed loses the media and may not come back unless invited', async () => {
  const made = await inCall({ to: ['bob', 'carol'] });
  await made.offered(1, 'bob');
  made.server.event('call.left', { profileId: 'bob', outcome: 'kicked' });
  await settled();
  assert.deepEqual([made.call.role, made.call.me.outcome, made.call.canJoin], ['passive receiver', 'kicked', false]);
  assert.deepEqual(made.devices.live, []);
  made.server.event('call.invite', { profileId: 'alice', to: ['bob'] });
  assert.equal(made.call.canJoin, true);
  made.server.event('call.init', { ...kInit, to: ['bob', 'carol'], role: null });
  await settled();
  assert.equal(made.call.rings, true);
});

// How each of them came to be out of the call.
const kGone = [
  ['declined', ({ call }) => call.reject()],
  ['declined on this device, and missed it on the others,', async ({ call, server }) => {
    await call.reject('declined', { scope: 'connection' });
    server.event('call.ringing_timeout', { profileId: 'bob' });
  }],
  ['left', async ({ call, server }) => {
    server.answers['call.accept'] = () => ({ role: 'active receiver' });
    await call.accept();
    await call.hangup();
  }],
  ['missed it', ({ server }) => server.event('call.ringing_timeout', { profileId: 'bob' })],
  ['was removed', ({ server }) => server.event('call.left', { profileId: 'bob', outcome: 'kicked' })],
];
for (const [how, go] of kGone) {
  test(`who ${how} is rung anew when invited, and the page is told`, async () => {
    const made = await invited('bob', { to: ['bob', 'carol'] });
    const { call, server, log } = made;
    await go(made);
    await settled();
    assert.equal(call.rings, false);
    log.length = 0;
    server.event('call.invite', { profileId: 'alice', to: ['bob'] });
    server.event('call.init', { ...kInit, to: ['bob', 'carol'], role: null });
    await settled();
    assert.equal(call.rings, true);
    assert.deepEqual(log, [['call:received', call]]);
  });
}

test('a second call rings while the first goes on, and each has its own media', async () => {
  const made = await inCall();
  await made.offered(1, 'bob');
  const received = record(made.client, 'call:received');
  made.server.event('call.init', { ...kInit, callId: 'k2', chainId: 'k2', from: 'carol', role: null });
  await settled();
  const [[, second]] = received;
  assert.equal(second.rings, true);
  assert.equal(made.call.isActive, true);
  // On hold: the others are told, nothing else is closed.
  await made.call.mute('audio');
  await made.call.mute('video');
  await second.accept({ video: false });
  made.server.event('media.offer', { callId: 'k2', ...offer(1, 'bob') });
  await settled();
  assert.equal(made.peers.length, 2);
  assert.deepEqual(made.client.calls.map(({ isActive }) => isActive), [true, true]);
  made.server.event('call.end', { callId: 'k2', reason: 'completed', outcomes: { bob: 'completed' } });
  assert.deepEqual(made.peers.map(({ closed }) => closed), [false, true]);
  await made.call.unmute('audio');
  assert.equal(made.call.me.audio, true);
});

test('a busy receiver declines one call and keeps the other', async () => {
  const made = await inCall();
  made.server.event('call.init', { ...kInit, callId: 'k2', chainId: 'k2', from: 'carol', role: null });
  await settled();
  const second = made.client.calls[1];
  await second.reject('busy');
  assert.deepEqual([made.call.isActive, second.me.state], [true, 'left']);
});
