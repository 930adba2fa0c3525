// Microphones and cameras the system takes away in the middle of a call.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { inCall, published } from './support/scenes.mjs';
import { record, settled } from './support/scripted_server.mjs';

async function talking(options) {
  const made = await inCall(options);
  await made.offered(1, 'bob');
  const [microphone, camera] = made.devices.opened;
  return { ...made, microphone, camera, seen: record(made.call, 'device'), pc: made.peers[0] };
}
const shown = ({ seen }) => seen.map(([, { source, state, error }]) => [source, state, error?.code ?? null]);
const updates = ({ server }) => server.sent('call.update').map(({ audio, video }) => [audio, video]);
const sending = ({ pc }) => pc.transceiver('00').sender.track;

test('a microphone that ends is opened again, and put in its place', async () => {
  const made = await talking();
  made.microphone.vanishes();
  assert.equal(made.call.localStream.getAudioTracks().length, 0);
  await settled();
  const [, , another] = made.devices.opened;
  assert.equal(sending(made), another);
  assert.deepEqual(made.call.localStream.getAudioTracks(), [another]);
  assert.deepEqual(shown(made), [['mic', 'lost', null], ['mic', 'back', null]]);
  assert.deepEqual(updates(made).at(-1) ?? [true, true], [true, true]);
  assert.equal(made.call.me.audio, true);
  assert.deepEqual(published(made.server), [['camera', 'mic']]); // it has one all the time
  assert.deepEqual(made.errors, []);
});

test('a microphone that is gone comes back when one is plugged in', async () => {
  const made = await talking();
  made.devices.refuse = { audio: 'NotFoundError' };
  made.microphone.vanishes();
  await settled();
  assert.equal(sending(made), null);
  assert.deepEqual(updates(made), [[false, true]]); // the others see why they hear nothing
  assert.deepEqual(shown(made), [['mic', 'lost', null], ['mic', 'waiting', 'media_missing']]);
  made.devices.change(); // something else was plugged in
  await settled();
  assert.deepEqual(shown(made).at(-1), ['mic', 'waiting', 'media_missing']);
  made.devices.refuse = {};
  made.devices.change();
  await settled();
  assert.equal(sending(made).readyState, 'live');
  assert.deepEqual(updates(made), [[false, true], [true, true]]);
  assert.deepEqual(shown(made).at(-1), ['mic', 'back', null]);
  assert.equal(made.devices.listeners.size, 0);
  assert.deepEqual(made.errors, []);
});

test('what was muted is muted still when it is back', async () => {
  const made = await talking();
  await made.call.mute('audio');
  made.microphone.vanishes();
  await settled();
  assert.equal(sending(made).enabled, false);
  assert.equal(made.call.me.audio, false);
  assert.deepEqual(updates(made), [[false, true]]);
  await made.call.unmute('audio');
  assert.equal(sending(made).enabled, true);
});

test('a camera that is switched off meanwhile stays off', async () => {
  const made = await talking();
  made.devices.refuse = { video: 'NotFoundError' };
  made.camera.vanishes();
  await settled();
  await made.call.mute('video');
  made.devices.refuse = {};
  made.devices.change();
  await settled();
  assert.deepEqual(made.devices.live.map(({ kind }) => kind), ['audio']);
  await made.call.unmute('video');
  assert.deepEqual(made.devices.live.map(({ kind }) => kind), ['audio', 'video']);
});

test('a camera another program has taken is asked for again after a while', async () => {
  const made = await talking();
  made.devices.refuse = { video: 'NotReadableError' };
  made.camera.vanishes();
  await settled();
  assert.deepEqual(shown(made).at(-1), ['camera', 'waiting', 'media_busy']);
  made.devices.refuse = {};
  await made.clock.advance(10_000);
  assert.deepEqual(shown(made).at(-1), ['camera', 'back', null]);
});

test('a permission that is taken back is an error, and the call goes on without', async () => {
  const made = await talking();
  made.devices.refuse = { audio: 'NotAllowedError' };
  made.microphone.vanishes();
  await settled();
  assert.deepEqual(shown(made), [['mic', 'lost', null], ['mic', 'failed', 'media_denied']]);
  assert.deepEqual([made.errors[0][1].code, made.errors[0][1].source], ['media_denied', 'mic']);
  assert.match(made.errors[0][1].message, /Allow it in the address bar/);
  assert.equal(made.call.isActive, true);
  made.devices.refuse = {};
  made.devices.change();
  await settled();
  assert.equal(sending(made), null); // not behind the user's back
  await made.call.unmute('audio');
  assert.equal(sending(made).readyState, 'live');
});

test('when the very device that was asked for is gone, another one is taken', async () => {
  const made = await talking({ options: { audio: { deviceId: { exact: 'headset' } } } });
  const { getUserMedia } = made.devices.api;
  let refused = 0;
  Object.defineProperty(made.devices, 'api', {
    value: {
      ...made.devices.api,
      getUserMedia: async (constraints) => {
        if (constraints.audio?.deviceId) {
          refused += 1;
          throw new DOMException('', 'OverconstrainedError');
        }
        return getUserMedia(constraints);
      },
    },
  });
  made.microphone.vanishes();
  await settled();
  assert.equal(refused, 1);
  assert.equal(sending(made).readyState, 'live');
  assert.deepEqual(made.errors, []);
});

test('microphone and camera of one device come back together', async () => {
  const made = await talking();
  made.microphone.vanishes();
  made.camera.vanishes();
  await settled();
  assert.deepEqual(made.devices.live.map(({ kind }) => kind).sort(), ['audio', 'video']);
  assert.equal(made.call.me.audio && made.call.me.video, true);
});

test('nothing is opened for a call that is over', async () => {
  const made = await talking();
  made.devices.refuse = { audio: 'NotFoundError' };
  made.microphone.vanishes();
  await settled();
  await made.call.hangup();
  made.devices.refuse = {};
  made.devices.change();
  await settled();
  assert.deepEqual(made.devices.live, []);
  assert.equal(made.devices.listeners.size, 0);
  assert.deepEqual(made.clock.pending, []);
});
