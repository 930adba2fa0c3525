// Taking a running call over: make before break, and every way it can fail.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answerOf, directions, inCall, kAlice, published } from './support/scenes.mjs';
import { record, settled } from './support/scripted_server.mjs';

const kOwn = 'b1'; // this device; Bob's other one is b2

// Bob's second device, while he is in the call on b2.
async function passive(options) {
  const made = await inCall({ accept: false, ...options });
  made.server.event('call.accept', { profileId: 'bob', connectionId: 'b2' });
  await settled();
  made.server.received.length = 0;
  return made;
}
// The same, having asked to take the call over and answered the first offer.
async function taking(options) {
  const made = await passive(options);
  const done = made.call.take();
  await settled();
  await made.offered(1, 'bob', kAlice);
  return { ...made, done, switched: (connectionId = kOwn) => switched(made, connectionId) };
}
async function switched({ server }, connectionId) {
  server.event('call.take', { profileId: 'bob', connectionId, was: 'b2' });
  await settled();
}

test('a passive device may take; an active one, one outside and one in no call may not', async () => {
  const { call, server } = await passive();
  assert.equal(call.canTake, true);
  server.event('call.left', { profileId: 'bob', outcome: 'completed' });
  assert.equal(call.canTake, false);
  const active = await inCall();
  assert.equal(active.call.canTake, false);
  await assert.rejects(active.call.take(), { code: 'bad_request' });
  assert.deepEqual(active.server.sent('call.take'), []);
});

test('taking connects with a camera and without microphone, sound or role', async () => {
  const { call, devices, server, peers, log } = await taking();
  assert.equal(server.sent('call.take')[0].callId, 'k1');
  assert.equal(call.isTaking, true);
  assert.equal(call.role, 'passive receiver');
  assert.equal(call.isActive, false);
  assert.equal(peers.length, 1);
  assert.deepEqual(directions(answerOf(server)), {
    '00': 'sendonly', '01': 'sendonly', '02': 'recvonly', '03': 'recvonly',
  });
  assert.deepEqual(devices.live.map(({ kind }) => kind), ['video']);
  assert.deepEqual(published(server), [['camera']]);
  assert.deepEqual(log.filter(([name]) => name.startsWith('stream')), []);
  assert.deepEqual(call.streams, []);
});

test('the microphone opens after the switch, and the others come to be heard here', async () => {
  const { call, devices, server, peers, log, done, switched } = await taking();
  const roles = record(call, 'state', 'taken', 'participant');
  await switched();
  await done;
  assert.equal(call.role, 'active receiver');
  assert.equal(call.isActive, true);
  assert.equal(call.isTaking, false);
  assert.equal(call.me.connectionId, kOwn);
  assert.deepEqual(devices.calls, [{ video: true }, { audio: true }]);
  assert.equal(peers[0].transceiver('00').sender.track.kind, 'audio');
  assert.deepEqual(published(server), [['camera'], ['camera', 'mic']]);
  assert.deepEqual(log.filter(([name]) => name === 'stream').map(([, s]) => s.profileId), ['alice']);
  assert.deepEqual(call.streams.map(({ profileId }) => profileId), ['alice']);
  assert.deepEqual(
    roles.map(([name, ...args]) => (name === 'participant' ? [name, args[0].connectionId] : [name, ...args])),
    [
      ['participant', kOwn],
      ['state', 'running', 'active receiver'],
      ['taken', 'bob', kOwn, 'b2'],
    ],
  );
  assert.deepEqual(server.sent('call.update'), []); // nothing has changed for the others
});

test('offers after the switch go to the same connection', async () => {
  const { peers, server, offered, switched } = await taking();
  await switched();
  await offered(2, 'bob', kAlice);
  assert.equal(peers.length, 1);
  assert.equal(answerOf(server).rev, 2);
});

test('what this participant had muted stays so on the next device', async () => {
  const made = await passive();
  made.server.event('call.update', { profileId: 'bob', audio: false, video: false });
  const done = made.call.take();
  await settled();
  await made.offered(1, 'bob', kAlice);
  await switched(made, kOwn);
  await done;
  assert.deepEqual(made.devices.live.map(({ kind, enabled }) => [kind, enabled]), [['audio', false]]);
  assert.deepEqual(made.server.sent('call.update'), []);
  await made.call.unmute('audio');
  assert.equal(made.devices.live[0].enabled, true);
});

test('the connection waits for the camera, so that the others need not, but not for long', async () => {
  let allow;
  const made = await passive({
    prepare: ({ devices }) => (devices.gate = new Promise((resolve) => (allow = resolve))),
  });
  const done = made.call.take();
  await settled();
  await made.offered(1, 'bob', kAlice);
  await made.clock.advance(2_999);
  assert.deepEqual(made.server.sent('media.answer'), []);
  await made.clock.advance(1); // somebody is in front of a permission prompt
  assert.equal(made.server.sent('media.answer').length, 1);
  await switched(made, kOwn);
  await done;
  assert.equal(made.call.role, 'active receiver');
  allow();
  await settled();
  assert.deepEqual(published(made.server), [['camera'], ['camera', 'mic']]);
  assert.deepEqual(made.server.sent('call.update'), []);
});

test('the connection is made as soon as the camera is there, its picture in it', async () => {
  let allow;
  const made = await passive({
    prepare: ({ devices }) => (devices.gate = new Promise((resolve) => (allow = resolve))),
  });
  const done = made.call.take();
  await settled();
  await made.offered(1, 'bob', kAlice);
  assert.deepEqual(made.server.sent('media.answer'), []);
  allow();
  await settled();
  assert.equal(made.server.sent('media.answer').length, 1);
  assert.equal(made.peers[0].transceiver('01').sender.track.kind, 'video');
  await switched(made, kOwn);
  await done;
});

test('what it has is said before the answer, which may make the server switch', async () => {
  const { server } = await taking();
  const media = server.received.map(({ type }) => type).filter((type) => type.startsWith('media'));
  assert.deepEqual(media, ['media.publish', 'media.answer']);
});

test('after the switch all that it will have is said at once', async () => {
  let allow;
  const made = await taking();
  made.devices.gate = new Promise((resolve) => (allow = resolve));
  await made.switched();
  await made.done;
  assert.deepEqual(published(made.server), [['camera'], ['camera', 'mic']]);
  assert.deepEqual(made.devices.live.map(({ kind }) => kind), ['video']);
  allow();
  await settled();
  assert.equal(made.peers[0].transceiver('00').sender.track.kind, 'audio');
  assert.equal(published(made.server).length, 2);
});

test('a microphone that is refused ends the track of the old one', async () => {
  const made = await taking();
  made.devices.refuse = { audio: 'NotAllowedError' };
  await made.switched();
  await made.done;
  await settled();
  assert.deepEqual(published(made.server).at(-1), ['camera']);
  assert.equal(made.errors[0][1].code, 'media_denied');
  assert.deepEqual(made.server.sent('call.update').map(({ audio }) => audio), [false]);
});

test('a camera that opens first is in its place when the connection begins', async () => {
  const { peers } = await taking();
  assert.equal(peers[0].transceiver('01').sender.track.kind, 'video');
});

test('the place of the old camera is kept while the new one is slow, or muted', async () => {
  // The camera is allowed after the switch, before the microphone: nobody is told of a gap.
  const gates = [];
  const made = await passive();
  const { getUserMedia } = made.devices.api;
  Object.defineProperty(made.devices, 'api', {
    value: {
      ...made.devices.api,
      getUserMedia: async (constraints) => {
        await new Promise((resolve) => gates.push(resolve));
        return getUserMedia(constraints);
      },
    },
  });
  const done = made.call.take();
  await settled();
  await made.offered(1, 'bob', kAlice);
  await made.clock.advance(3_000);
  await switched(made, kOwn);
  await done;
  const [camera, microphone] = gates;
  camera();
  await settled();
  assert.deepEqual(made.server.sent('call.update'), []);
  microphone();
  await settled();
  assert.deepEqual(published(made.server), [['camera'], ['camera', 'mic']]);
  assert.deepEqual(made.server.sent('call.update'), []);

  const muted = await passive();
  muted.server.event('call.update', { profileId: 'bob', audio: true, video: false });
  const taken = muted.call.take();
  await settled();
  await muted.offered(1, 'bob', kAlice);
  await switched(muted, kOwn);
  await taken;
  await settled();
  assert.deepEqual(published(muted.server), [['camera'], ['camera', 'mic']]);
  assert.deepEqual(muted.devices.live.map(({ kind }) => kind), ['audio']);
});

test('a camera that is refused does not keep the device from taking the call', async () => {
  const made = await taking({ prepare: ({ devices }) => (devices.refuse = { video: 'NotAllowedError' }) });
  await made.switched();
  await made.done;
  assert.equal(made.errors[0][1].code, 'media_denied');
  assert.deepEqual(published(made.server).at(-1), ['mic']); // the old one's picture is over
  assert.deepEqual(made.server.sent('call.update').map(({ audio, video }) => [audio, video]), [[true, false]]);
});

test('the other device gives up its media when the call was taken', async () => {
  const made = await inCall();
  await made.offered(1, 'bob', kAlice);
  made.server.event('call.take', { profileId: 'bob', connectionId: 'b2', was: 'b1' });
  await settled();
  assert.equal(made.call.role, 'passive receiver');
  assert.equal(made.call.me.connectionId, 'b2');
  assert.deepEqual(made.devices.live, []);
  assert.equal(made.peers[0].closed, true);
  assert.equal(made.log.at(-1)[0], 'streamend');
  assert.deepEqual(made.errors, []);
  assert.equal(made.call.canTake, true); // back again, if one likes
});

test('another participant moving to another device changes nothing here', async () => {
  const made = await inCall();
  await made.offered(1, 'bob', kAlice);
  const log = record(made.call, 'taken', 'participant', 'stream', 'streamend');
  made.server.event('call.take', { profileId: 'alice', connectionId: 'a2', was: 'a1' });
  assert.equal(made.call.role, 'active receiver');
  assert.deepEqual(log.map(([name]) => name), ['participant', 'taken']);
  assert.equal(made.call.participants[0].connectionId, 'a2');
});

// Each: what happens, and the code with which take() rejects.
const kFailures = {
  'the media could not be set up': [
    ({ server }) => server.event('media.failed', { message: 'No packet came within 10 s.' }),
    'media_failed',
  ],
  'another device was faster': [
    ({ server }) => server.event('call.take', { profileId: 'bob', connectionId: 'b3', was: 'b2' }),
    'not_active',
  ],
  'another device hung up': [
    ({ server }) => server.event('call.hangup', { profileId: 'bob', connectionId: 'b2' }),
    'not_active',
  ],
  'the participant was given up': [
    ({ server }) => server.event('call.left', { profileId: 'bob', outcome: 'lost' }),
    'not_active',
  ],
  'the call ended': [
    ({ server }) => server.event('call.end', { reason: 'completed', outcomes: { bob: 'completed' } }),
    'ended',
  ],
  'this device hung up': [({ call }) => call.hangup(), 'ended'],
};
for (const [what, [happens, code]] of Object.entries(kFailures)) {
  test(`when ${what}, take rejects and everything of it is closed`, async () => {
    const made = await taking();
    const rejected = assert.rejects(made.done, { code });
    await happens(made);
    await rejected;
    await settled();
    assert.equal(made.call.isTaking, false);
    assert.equal(made.call.isActive, false);
    assert.equal(made.peers[0].closed, true);
    assert.deepEqual(made.devices.live, []);
    assert.deepEqual(made.errors, []); // take() has told
    assert.deepEqual(made.clock.pending.filter((ms) => ms < 1000), []);
  });
}

test('a take that failed leaves the device passive, and can be tried again', async () => {
  const made = await taking();
  const rejected = assert.rejects(made.done, /10 s/);
  made.server.event('media.failed', { message: 'No packet came within 10 s.' });
  await rejected;
  assert.equal(made.call.role, 'passive receiver');
  assert.equal(made.call.me.connectionId, 'b2');
  const again = made.call.take();
  await settled();
  await made.offered(1, 'bob', kAlice);
  await made.switched();
  await again;
  assert.equal(made.peers.length, 2);
  assert.equal(made.call.role, 'active receiver');
});

test('a take the server refuses rejects with what it said, and opens nothing', async () => {
  const made = await passive();
  made.server.answers['call.take'] = () => ({ error: { code: 'not_active', message: 'Nothing to take.' } });
  await assert.rejects(made.call.take(), { code: 'not_active', message: 'Nothing to take.' });
  assert.equal(made.devices.calls.length, 0);
  assert.equal(made.peers.length, 0);
  assert.equal(made.call.isTaking, false);
});

test('a second click takes part in the take that is under way', async () => {
  const { call, server, done, switched } = await taking();
  const second = call.take();
  await switched();
  await Promise.all([done, second]);
  assert.equal(server.sent('call.take').length, 1);
});

test('a switch to this device that comes after it gave up starts its media anew', async () => {
  const made = await taking();
  const rejected = assert.rejects(made.done, { code: 'media_failed' });
  made.server.event('media.failed', { message: 'Too late.' });
  await rejected;
  await made.switched();
  assert.equal(made.call.role, 'active receiver');
  const [restart] = made.server.sent('media.restart');
  assert.equal(restart.fresh, true);
});

test('a lost place is taken at once, as by accept', async () => {
  const made = await passive();
  made.server.event('call.reconnecting', { profileId: 'bob', connectionId: 'b2' });
  assert.equal(made.call.canTake, true);
  made.server.answers['call.take'] = () => ({ role: 'active receiver' });
  const accepted = record(made.call, 'accepted', 'taken');
  await made.call.take();
  assert.deepEqual([made.call.role, made.call.me.state], ['active receiver', 'active']);
  assert.deepEqual(accepted, [['accepted', 'bob', kOwn]]);
  await settled();
  await made.offered(1, 'bob', kAlice);
  assert.equal(made.peers.length, 1);
  assert.deepEqual(published(made.server), [['camera', 'mic']]);
});

test('a call that has no media yet moves before it was answered that it will', async () => {
  const made = await passive();
  made.server.answers['call.take'] = () => ({ role: 'active receiver' });
  const log = record(made.call, 'accepted', 'taken');
  const done = made.call.take();
  await settled();
  assert.equal(made.call.role, 'passive receiver'); // the event is on its way
  await switched(made, kOwn);
  await done;
  assert.equal(made.call.role, 'active receiver');
  assert.deepEqual(log, [['taken', 'bob', kOwn, 'b2']]);
});

test('a device that has nothing to send says so, which ends the tracks of the old one', async () => {
  for (const [options, sources] of [[{ audio: false, video: false }, []], [{ audio: false }, ['camera']]]) {
    const made = await passive();
    const done = made.call.take(options);
    await settled();
    await made.offered(1, 'bob', kAlice);
    const before = published(made.server).length;
    await switched(made, kOwn);
    await done;
    assert.deepEqual(published(made.server).slice(before), [sources]);
  }
});

test('a move that follows too soon rejects, and may be tried again', async () => {
  const made = await passive();
  made.server.answers['call.take'] = () => ({ error: { code: 'rate_limited', kind: 'retry' } });
  await assert.rejects(made.call.take(), { kind: 'retry' });
  assert.equal(made.call.canTake, true);
});

test('a switch that comes before the answer, after a resumed session, opens each device once', async () => {
  const made = await passive();
  made.server.answers['call.take'] = () => null;
  const done = made.call.take();
  await made.offered(1, 'bob', kAlice);
  await switched(made, kOwn);
  made.server.ok(made.server.sent('call.take')[0].id, { role: 'passive receiver' });
  await done;
  await settled();
  assert.equal(made.call.role, 'active receiver');
  assert.deepEqual(made.devices.calls, [{ audio: true, video: true }]);
  assert.deepEqual(published(made.server).at(-1), ['camera', 'mic']);
});
