import assert from 'node:assert/strict';
import { test } from 'node:test';

import { offer } from './support/fake_media.mjs';
import { answerOf, directions, inCall, kAlice, published } from './support/scenes.mjs';
import { record, settled } from './support/scripted_server.mjs';

// ---- where there must be no media -----------------------------------------------------------

test('no peer connection and no microphone before accept, whatever is offered', async () => {
  const { peers, devices, server, offered } = await inCall({ accept: false });
  await offered(1, 'bob', kAlice);
  assert.equal(peers.length, 0);
  assert.equal(devices.calls.length, 0);
  assert.equal(server.sent('media.answer').length, 0);
});

test('no peer connection on a passive device, whatever is offered', async () => {
  const { peers, devices, server, offered, call } = await inCall({ accept: false });
  server.event('call.accept', { profileId: 'bob', connectionId: 'b2' });
  await offered(1, 'bob', kAlice);
  assert.equal(call.role, 'passive receiver');
  assert.equal(peers.length + devices.calls.length, 0);
});

test('an offer that overtakes the ok of call.accept waits for it', async () => {
  const { server, peers, call, offered } = await inCall({ accept: false });
  server.answers['call.accept'] = () => null;
  const accepted = call.accept();
  await offered(1, 'bob', kAlice);
  assert.equal(peers.length, 0);
  server.ok(server.sent('call.accept')[0].id, { role: 'active receiver' });
  await accepted;
  await settled();
  assert.equal(answerOf(server).rev, 1);
});

test('an offer that overtakes a lost race for accept is dropped', async () => {
  const { server, peers, call, offered } = await inCall({ accept: false });
  server.answers['call.accept'] = () => null;
  const accepted = assert.rejects(call.accept(), { code: 'already_accepted' });
  await offered(1, 'bob', kAlice);
  server.refuse(server.socket, server.sent('call.accept')[0].id, { code: 'already_accepted' });
  await accepted;
  await settled();
  assert.equal(peers.length, 0);
});

// ---- negotiation ----------------------------------------------------------------------------

test('the first answer has own lines sendonly, before anybody allowed the microphone', async () => {
  let allow;
  const { server, call, offered, devices } = await inCall({
    prepare: ({ devices }) => (devices.gate = new Promise((resolve) => (allow = resolve))),
  });
  await offered(1, 'bob', kAlice);
  assert.deepEqual(directions(answerOf(server)), {
    '00': 'sendonly', '01': 'sendonly', '02': 'recvonly', '03': 'recvonly',
  });
  assert.equal(answerOf(server).callId, 'k1');
  assert.deepEqual(published(server), []);
  allow();
  await settled();
  assert.deepEqual(published(server), [['camera', 'mic']]);
  assert.deepEqual(call.localStream.getTracks().map((t) => t.label), ['audio', 'video']);
  assert.equal(devices.live.length, 2);
});

test('tracks that were there first are attached after the answer', async () => {
  const context = await inCall();
  await context.offered(1, 'bob');
  const { pc, devices, server } = context;
  assert.equal(pc.transceiver('00').sender.track, devices.opened[0]);
  assert.equal(pc.transceiver('01').sender.track, devices.opened[1]);
  assert.equal(pc.transceiver('01').parameters.encodings[0].maxBitrate, 1_500_000);
  assert.equal(pc.transceiver('00').parameters.encodings[0].maxBitrate, undefined);
  const types = server.received.map(({ type }) => type).filter((type) => type.startsWith('media'));
  assert.deepEqual(types, ['media.answer', 'media.publish']);
});

test('the servers the welcome names are used', async () => {
  const iceServers = [{ urls: ['turn:relay.example'] }];
  const context = await inCall({ accept: false });
  context.server.welcome = { ...context.server.welcome, iceServers };
  context.server.socket.drop();
  await settled();
  context.server.welcome.calls = [];
  const { clock, client, server } = context;
  await clock.advance(1000);
  server.event('call.init', { callId: 'k2', chainId: 'k2', from: 'alice', to: ['bob'], role: null });
  await settled();
  await client.calls[0].accept();
  server.event('media.offer', { callId: 'k2', ...offer(1, 'bob') });
  await settled();
  assert.deepEqual(context.pc.configuration.iceServers, iceServers);
});

test('offers are answered one after the other, each with its rev', async () => {
  const { server } = await inCall();
  server.event('media.offer', offer(1, 'bob'));
  server.event('media.offer', offer(2, 'bob', kAlice));
  await settled();
  assert.deepEqual(server.sent('media.answer').map(({ rev }) => rev), [1, 2]);
});

test('an answer that came too late is no error: the next offer is on its way', async () => {
  const { server, errors, offered } = await inCall();
  server.answers['media.answer'] = ({ rev }) => (rev === 1 ? { error: { code: 'conflict' } } : {});
  await offered(1, 'bob');
  await offered(2, 'bob');
  assert.deepEqual(errors, []);
  assert.deepEqual(published(server), [['camera', 'mic']]);
});

test('an answer the server cannot use is an error event with its message', async () => {
  const { server, errors, offered, call } = await inCall();
  server.answers['media.answer'] = () => ({ error: { code: 'bad_request', message: 'No BUNDLE.' } });
  await offered(1, 'bob');
  assert.equal(errors[0][1].message, 'No BUNDLE.');
  assert.equal(errors[0][1].call, call);
});

test('media.failed closes the connection and says so; the next offer makes a new one', async () => {
  const context = await inCall();
  await context.offered(1, 'bob');
  context.server.event('media.failed', { message: 'No packet came.' });
  assert.equal(context.peers[0].closed, true);
  assert.equal(context.errors[0][1].code, 'media_failed');
  assert.equal(context.errors[0][1].message, 'No packet came.');
  await context.offered(1, 'bob', kAlice);
  assert.equal(context.peers.length, 2);
  assert.equal(context.peers[1].transceiver('00').sender.track, context.devices.opened[0]);
});

test('an offer of another session is for a new connection', async () => {
  const context = await inCall();
  for (const session of ['17', '17', '18']) {
    const { sdp, ...rest } = offer(1, 'bob', kAlice);
    context.server.event('media.offer', { ...rest, sdp: `o=- ${session} 1 IN IP4 0.0.0.0\n${sdp}` });
    await settled();
  }
  assert.deepEqual(context.peers.map(({ closed }) => closed), [true, false]);
  assert.equal(context.pc.transceiver('00').sender.track, context.devices.opened[0]);
  assert.deepEqual(published(context.server), [['camera', 'mic'], ['camera', 'mic']]);
});

// ---- streams --------------------------------------------------------------------------------

test('camera and microphone of a profile are one stream, its screen another', async () => {
  const context = await inCall();
  await context.offered(1, 'bob', [
    ...kAlice,
    { mid: '04', profileId: 'alice', source: 'screen' },
    { mid: '05', profileId: 'alice', source: 'screen-audio' },
  ]);
  const streams = context.log.filter(([name]) => name === 'stream').map(([, entry]) => entry);
  assert.deepEqual(
    streams.map(({ profileId, source, stream }) => [profileId, source, stream.getTracks().map((t) => t.label)]),
    [
      ['alice', 'camera', ['remote 02', 'remote 03']],
      ['alice', 'screen', ['remote 04', 'remote 05']],
    ],
  );
  assert.deepEqual(context.call.streams.map(({ source }) => source), ['camera', 'screen']);
});

test('a track that comes later joins the stream that is there', async () => {
  const context = await inCall();
  await context.offered(1, 'bob', kAlice.slice(0, 1));
  await context.offered(2, 'bob', kAlice);
  const [first, second] = context.log.filter(([name]) => name === 'stream').map(([, e]) => e.stream);
  assert.equal(first, second);
  assert.equal(first.getTracks().length, 2);
});

test('an m-line reused for somebody else moves its track from one stream to the other', async () => {
  const context = await inCall({ to: ['bob', 'carol'] });
  await context.offered(1, 'bob', kAlice);
  const track = context.pc.transceiver('02').receiver.track;
  await context.offered(2, 'bob', kAlice.map((line) => ({ ...line, profileId: 'carol' })));
  const [began, ended, next] = context.log.filter(([name]) => name.startsWith('stream'));
  assert.equal(began[1].profileId, 'alice');
  assert.deepEqual([ended[0], ended[1].profileId, ended[1].source], ['streamend', 'alice', 'camera']);
  assert.deepEqual(ended[1].stream.getTracks(), []);
  assert.deepEqual([next[0], next[1].profileId], ['stream', 'carol']);
  assert.equal(next[1].stream.getTracks()[0], track);
  assert.deepEqual(context.call.streams.map(({ profileId }) => profileId), ['carol']);
});

test('a stopped m-line ends its stream, and one that comes back starts it anew', async () => {
  const context = await inCall();
  await context.offered(1, 'bob', kAlice);
  const stopped = kAlice.map((line) => ({ ...line, stopped: true }));
  await context.offered(2, 'bob', stopped);
  assert.deepEqual(context.call.streams, []);
  await context.offered(3, 'bob', [
    ...stopped,
    { mid: '04', profileId: 'alice', source: 'mic' },
  ]);
  assert.deepEqual(
    context.log.filter(([name]) => name.startsWith('stream')).map(([name]) => name),
    ['stream', 'streamend', 'stream'],
  );
});

// ---- devices --------------------------------------------------------------------------------

test('accept opens only what it is told to, and tells the others what is missing', async () => {
  const context = await inCall({ options: { video: false } });
  await context.offered(1, 'bob');
  assert.deepEqual(context.devices.calls, [{ audio: true }]);
  assert.deepEqual(published(context.server), [['mic']]);
  const [update] = context.server.sent('call.update');
  assert.deepEqual([update.audio, update.video], [true, false]);
  assert.equal(context.call.me.video, false);
});

test('who joins again unmutes what was muted the last time', async () => {
  const context = await inCall({ options: { video: false } });
  await context.call.hangup();
  await context.call.accept({ video: true });
  await settled();
  assert.deepEqual(
    context.server.sent('call.update').map(({ audio, video }) => [audio, video]),
    [[true, false], [true, true]],
  );
});

test('constraints are handed to the browser', async () => {
  const video = { width: 320, height: 240, frameRate: 15 };
  const { devices } = await inCall({ options: { audio: { echoCancellation: false }, video } });
  assert.deepEqual(devices.calls, [{ audio: { echoCancellation: false }, video }]);
});

test('without a camera the call goes on with the microphone, and says what to do', async () => {
  const context = await inCall({
    prepare: ({ devices }) => (devices.refuse = { video: 'NotAllowedError' }),
  });
  await context.offered(1, 'bob');
  assert.equal(context.call.role, 'active receiver');
  assert.deepEqual(published(context.server), [['mic']]);
  assert.equal(context.errors.length, 1);
  const [, error] = context.errors[0];
  assert.deepEqual([error.code, error.kind, error.source], ['media_denied', 'media', 'camera']);
  assert.match(error.message, /camera is not allowed.*address bar/);
  assert.equal(context.server.sent('call.update')[0].video, false);
});

test('without any device the call goes on, receiving', async () => {
  const context = await inCall({
    prepare: ({ devices }) => (devices.refuse = { audio: 'NotFoundError', video: 'NotReadableError' }),
  });
  await context.offered(1, 'bob', kAlice);
  assert.deepEqual(context.errors.map(([, error]) => error.code), ['media_missing', 'media_busy']);
  assert.deepEqual(published(context.server), []);
  assert.equal(context.call.streams.length, 1);
});

test('a page that may not capture at all is told about https', async () => {
  const context = await inCall({ prepare: (platform) => (platform.mediaDevices = () => undefined) });
  assert.match(context.errors[0][1].message, /https/);
});

test('a call that ends in front of the permission prompt leaves no device open', async () => {
  let allow;
  const context = await inCall({
    prepare: ({ devices }) => (devices.gate = new Promise((resolve) => (allow = resolve))),
  });
  context.server.event('call.end', { reason: 'completed', outcomes: { bob: 'completed' } });
  allow();
  await settled();
  assert.equal(context.devices.opened.length, 2);
  assert.deepEqual(context.devices.live, []);
});

test('hang-up, end and leaving close microphone, camera and connection', async () => {
  for (const how of ['hangup', 'end', 'left', 'elsewhere']) {
    const context = await inCall();
    await context.offered(1, 'bob', kAlice);
    if (how === 'hangup') await context.call.hangup();
    if (how === 'end') context.server.event('call.end', { reason: 'completed', outcomes: {} });
    if (how === 'left') context.server.event('call.left', { profileId: 'bob', outcome: 'lost' });
    if (how === 'elsewhere') context.server.event('call.accept', { profileId: 'bob', connectionId: 'b2' });
    assert.deepEqual(context.devices.live, [], how);
    assert.equal(context.pc.closed, true, how);
    assert.equal(context.call.localStream, null, how);
    assert.deepEqual(context.call.streams, [], how);
    assert.equal(context.log.at(-1)[0], 'streamend', how);
    assert.deepEqual(context.errors, [], how);
  }
});

test('muting the microphone sends silence and tells the others', async () => {
  const context = await inCall();
  await context.offered(1, 'bob');
  const [microphone] = context.devices.opened;
  await context.call.mute('audio');
  assert.equal(microphone.enabled, false);
  assert.equal(context.call.me.audio, false);
  await context.call.unmute('audio');
  assert.equal(microphone.enabled, true);
  assert.equal(microphone.readyState, 'live');
  assert.deepEqual(
    context.server.sent('call.update').map(({ audio, video }) => [audio, video]),
    [[false, true], [true, true]],
  );
});

test('muting the camera closes it, and unmuting opens it again', async () => {
  const context = await inCall();
  await context.offered(1, 'bob');
  await context.call.mute('video');
  assert.deepEqual(context.devices.live.map(({ kind }) => kind), ['audio']);
  assert.equal(context.pc.transceiver('01').sender.track, null);
  assert.deepEqual(context.call.localStream.getTracks().map(({ kind }) => kind), ['audio']);
  await context.call.unmute('video');
  assert.equal(context.pc.transceiver('01').sender.track, context.devices.live[1]);
  assert.deepEqual(published(context.server), [['camera', 'mic']]); // it has one all the time
});

test('localstream fires whenever there are other tracks in it', async () => {
  const context = await inCall();
  await context.offered(1, 'bob');
  const seen = record(context.call, 'localstream');
  await context.call.mute('audio'); // which keeps its track
  await context.call.mute('video');
  await context.call.unmute('video');
  assert.deepEqual(seen.map(([, stream]) => stream === context.call.localStream), [true, true]);
  assert.equal(context.log.filter(([name]) => name === 'localstream').length, 3); // with the first one
});

test('mute before the devices are open holds when they are', async () => {
  let allow;
  const context = await inCall({
    prepare: ({ devices }) => (devices.gate = new Promise((resolve) => (allow = resolve))),
  });
  await context.call.mute('audio');
  await context.call.mute('video');
  allow();
  await settled();
  assert.deepEqual(context.devices.live.map(({ kind, enabled }) => [kind, enabled]), [['audio', false]]);
});

test('a camera that cannot be opened again rejects unmute, and stays muted for the others', async () => {
  const context = await inCall();
  await context.call.mute('video');
  context.devices.refuse = { video: 'NotAllowedError' };
  await assert.rejects(context.call.unmute('video'), { code: 'media_denied' });
  assert.equal(context.call.me.video, false);
});

test('a mute of neither audio nor video is refused', async () => {
  const { call } = await inCall();
  await assert.rejects(call.mute('smell'), { code: 'bad_request' });
});

test('a shared screen gets an m-line of its own, and leaves it when sharing stops', async () => {
  const context = await inCall();
  await context.offered(1, 'bob');
  const stream = await context.call.shareScreen();
  assert.deepEqual(published(context.server).at(-1), ['camera', 'mic', 'screen']);
  await context.offered(2, 'bob', [{ mid: '02', profileId: 'bob', source: 'screen' }]);
  assert.equal(directions(answerOf(context.server))['02'], 'sendonly');
  const [screen] = stream.getVideoTracks();
  assert.equal(context.pc.transceiver('02').sender.track, screen);
  assert.deepEqual(context.call.streams, []); // one's own screen is not a stream of another

  screen.onended(); // the browser's own "stop sharing"
  await settled();
  assert.deepEqual(published(context.server).at(-1), ['camera', 'mic']);
  assert.equal(context.pc.transceiver('02').sender.track, null);
  assert.equal(context.log.filter(([name]) => name === 'screenend').length, 1);
  assert.equal(screen.readyState, 'ended');
});

test('sharing that the user does not allow rejects and changes nothing', async () => {
  const context = await inCall();
  await context.offered(1, 'bob');
  context.devices.refuse = { screen: 'NotAllowedError' };
  await assert.rejects(context.call.shareScreen(), { code: 'media_denied', source: 'screen' });
  assert.deepEqual(published(context.server), [['camera', 'mic']]);
});

// ---- what is measured -----------------------------------------------------------------------

test('who speaks is told from the audio levels, without flicker', async () => {
  const context = await inCall({ to: ['bob', 'carol'] });
  await context.offered(1, 'bob', [
    { mid: '02', profileId: 'alice', source: 'mic' },
    { mid: '03', profileId: 'carol', source: 'mic' },
  ]);
  const { clock, log, pc } = context;
  const say = (mid, audioLevel, rtpTimestamp) => {
    pc.transceiver(mid).receiver.sources = [{ audioLevel, rtpTimestamp }];
  };
  const heard = () => log.filter(([name]) => name === 'speaker').map(([, who]) => who);
  say('02', 0.2, 1);
  say('03', 0.001, 1);
  await clock.advance(200);
  assert.deepEqual(heard(), [['alice']]);
  say('02', 0.001, 2); // a pause between two words
  say('03', 0.5, 2);
  await clock.advance(200);
  assert.deepEqual(heard().at(-1), ['alice', 'carol']);
  await clock.advance(600); // nothing new: old levels are not speech
  assert.deepEqual(heard().at(-1), []);
  await context.call.hangup();
  assert.deepEqual(clock.pending, []);
});

test('statistics name participants and sources', async () => {
  const context = await inCall();
  assert.deepEqual((await context.call.getStats()).tracks, []);
  await context.offered(1, 'bob', kAlice);
  const stats = await context.call.getStats();
  assert.equal(stats.roundTripMs, 4);
  assert.deepEqual(
    stats.tracks.map(({ profileId, source, direction, packets }) => [profileId, source, direction, packets]),
    [
      ['bob', 'mic', 'out', 5],
      ['bob', 'camera', 'out', 5],
      ['alice', 'mic', 'in', 7],
      ['alice', 'camera', 'in', 7],
    ],
  );
  assert.equal(stats.tracks[2].codec, 'opus');
  assert.equal(stats.tracks[2].jitterMs, 2);
  assert.deepEqual([stats.tracks[0].packetsLost, stats.tracks[0].jitterMs], [1, 1]); // as the server reports
});
