// Recording, mixing and bridging, as a page sees them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { offer } from './support/fake_media.mjs';
import { calling, connected, inCall, invited, kSnapshot, reconnect } from './support/scenes.mjs';
import { record, settled } from './support/scripted_server.mjs';

const kRecording = {
  recordingId: 'r1', state: 'on', layout: 'tracks', format: 'webm', policy: 'consent',
  consents: { alice: true, bob: null },
};
const kHls = { bridgeId: 'h1', direction: 'out', kind: 'hls', state: 'live', watch: '/hls/h1/index.m3u8' };

test('a recording is asked for as chosen, and everybody sees what becomes of it', async () => {
  const { call, server } = await calling();
  server.answers['call.record'] = () => ({ callId: call.id, recordingId: 'r1' });
  const seen = record(call, 'recording');
  assert.deepEqual(await call.startRecording({ layout: 'grid', policy: 'notify' }), { recordingId: 'r1' });
  const [{ id, type, ...frame }] = server.sent('call.record');
  assert.deepEqual(frame, { callId: call.id, action: 'start', layout: 'grid', policy: 'notify' });
  assert.equal(call.recording, null); // nothing is, before the server says so
  server.event('call.recording', { callId: call.id, ...kRecording });
  assert.deepEqual(call.recording, kRecording);
  await call.stopRecording();
  assert.equal(server.sent('call.record')[1].action, 'stop');
  server.event('call.recording', { callId: call.id, ...kRecording, state: 'failed', message: 'no space left' });
  assert.equal(call.recording, null);
  assert.deepEqual(seen.map(([, { state, message }]) => [state, message]), [['on', undefined], ['failed', 'no space left']]);
});

test('who is asked says yes or no, and is asked no more', async () => {
  const { call, server } = await inCall();
  const event = (members) => server.event('call.recording', { callId: call.id, ...kRecording, ...members });
  event({ state: 'asking' });
  assert.equal(call.asksConsent, true);
  await call.consent(false);
  assert.deepEqual(server.sent('call.consent').map(({ callId, given }) => [callId, given]), [[call.id, false]]);
  event({ consents: { alice: true, bob: false } });
  assert.equal(call.asksConsent, false);
  event({ policy: 'notify', consents: {} });
  assert.equal(call.asksConsent, false);
  await assert.rejects(call.consent('perhaps'), { code: 'bad_request' });
});

test('who comes late is told by the call.init, and who comes back by the welcome', async () => {
  const { call } = await invited('bob', { recording: kRecording, mode: 'mix', bridges: [kHls] });
  assert.deepEqual([call.recording, call.mode, call.bridges], [kRecording, 'mix', [kHls]]);
  const { client, server, ...rest } = await connected('bob');
  await reconnect({ client, server, ...rest }, [{ ...kSnapshot, recording: kRecording, mode: 'forward', bridges: [] }]);
  const [restored] = client.calls;
  assert.deepEqual([restored.recording.recordingId, restored.mode, restored.bridges], ['r1', 'forward', []]);
});

test('a mode is for everybody, or for one', async () => {
  const { call, server } = await inCall();
  const seen = record(call, 'mode');
  await call.setMode('mix', { profileId: 'bob' });
  assert.deepEqual(server.sent('call.mode').map(({ mode, profileId }) => [mode, profileId]), [['mix', 'bob']]);
  server.event('call.mode', { callId: call.id, mode: 'mix', profileId: 'alice' });
  assert.equal(call.mode, 'forward');
  server.event('call.mode', { callId: call.id, mode: 'mix', profileId: 'bob' });
  assert.equal(call.mode, 'mix');
  server.event('call.mode', { callId: call.id, mode: 'forward' });
  assert.deepEqual(seen, [['mode', 'mix'], ['mode', 'forward']]);
  await assert.rejects(call.setMode('blend'), { code: 'bad_request' });
});

test('what the server mixed is one stream of its own', async () => {
  const { call, offered } = await inCall();
  await offered(1, 'bob', [
    { mid: '02', profileId: 'mix', source: 'mix', kind: 'audio' },
    { mid: '03', profileId: 'mix', source: 'mix', kind: 'video' },
  ]);
  assert.deepEqual(call.streams.map(({ profileId, source }) => [profileId, source]), [['mix', 'mix']]);
  assert.equal(call.streams[0].stream.getTracks().length, 2);
  assert.ok(call.participants.every(({ profileId }) => profileId !== 'mix'));
});

test('bridges come and go', async () => {
  const { call, server } = await calling();
  server.answers['call.bridge'] = () => ({ callId: call.id, bridgeId: 'h1' });
  const seen = record(call, 'bridge');
  assert.deepEqual(await call.startBridge({ kind: 'hls' }), { bridgeId: 'h1' });
  const [{ direction, kind, action }] = server.sent('call.bridge');
  assert.deepEqual([direction, kind, action], ['out', 'hls', 'start']);
  server.event('call.bridge', { callId: call.id, ...kHls });
  assert.deepEqual(call.bridges, [kHls]);
  await call.stopBridge('h1');
  server.event('call.bridge', { callId: call.id, ...kHls, state: 'ended' });
  assert.deepEqual(call.bridges, []);
  assert.deepEqual(seen.map(([, { bridgeId, state }]) => [bridgeId, state]), [['h1', 'live'], ['h1', 'ended']]);
  await assert.rejects(call.startBridge({}), { code: 'bad_request' });
});

test('what a bridge brings in is a participant', async () => {
  const { call, server } = await inCall();
  const told = (state) => server.event('call.bridge', {
    callId: call.id, bridgeId: 'b1', direction: 'in', kind: 'rtmp', profileId: 'camera-1', state,
  });
  const seen = [];
  for (const state of ['starting', 'live', 'reconnecting', 'live', 'ended']) {
    told(state);
    const { state: now, bridge } = call.participants.find(({ profileId }) => profileId === 'camera-1');
    seen.push(`${now} ${bridge}`);
  }
  server.event('call.accept', { callId: call.id, profileId: 'camera-2' });
  assert.equal(call.participants.find(({ profileId }) => profileId === 'camera-2').state, 'active');
  assert.deepEqual(seen, ['inviting b1', 'active b1', 'reconnecting b1', 'active b1', 'left b1']);
});

test('one’s own mode is in the snapshot', async () => {
  const made = await connected('bob');
  const participants = kSnapshot.participants.map((one) => ({ ...one, ...(one.profileId === 'bob' && { mode: 'mix' }) }));
  await reconnect(made, [{ ...kSnapshot, participants, mode: 'forward', bridges: [] }]);
  assert.equal(made.client.calls[0].mode, 'mix');
});

test('recordings are asked for by HTTP, with the token of the session', async () => {
  const made = await connected('bob');
  const asked = [];
  made.server.http = async (url, { method, headers }) => {
    asked.push([method, url, headers.authorization]);
    return { ok: true, text: async () => (method === 'DELETE' ? '' : JSON.stringify({ items: [{ recordingId: 'r1' }], more: false })) };
  };
  assert.deepEqual(await made.client.recordings({ callId: 'k 1', limit: 2 }), { items: [{ recordingId: 'r1' }], more: false });
  await made.client.deleteRecording('r1');
  assert.deepEqual(asked.map(([method, url]) => `${method} ${new URL(url).pathname}${new URL(url).search}`), [
    'GET /api/v1/recordings?call=k+1&limit=2', 'DELETE /api/v1/recordings/r1',
  ]);
  assert.equal(asked[0][2], 'Bearer T');
  made.server.http = async () => ({
    ok: false, status: 403, text: async () => JSON.stringify({ code: 'forbidden', kind: 'auth', message: 'no grant' }),
  });
  await assert.rejects(made.client.recording('r1'), { code: 'forbidden', message: 'no grant' });
  // A proxy's own words.
  for (const text of ['<html>Bad gateway</html>', '']) {
    made.server.http = async () => ({ ok: false, status: 502, text: async () => text });
    await assert.rejects(made.client.recording('r1'), { code: 'internal', kind: 'server', message: /HTTP 502/ });
  }
  made.server.http = async () => { throw new TypeError('refused'); };
  await assert.rejects(made.client.recording('r1'), { code: 'unavailable' });
  await settled();
});
