// The media connection of an active device: what is done when it breaks.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { inCall, kAlice } from './support/scenes.mjs';
import { record, settled } from './support/scripted_server.mjs';

// In a call whose media is connected.
async function talking(options) {
  const made = await inCall(options);
  await made.offered(1, 'bob', kAlice);
  made.peers[0].becomes('connected');
  return made;
}
const restarts = (server) => server.sent('media.restart').map(({ fresh = false }) => fresh);
async function becomes({ peers }, state) {
  peers.at(-1).becomes(state);
  await settled();
}

test('a connection that failed asks for new credentials', async () => {
  const made = await talking();
  await becomes(made, 'failed');
  assert.deepEqual(restarts(made.server), [false]);
  assert.deepEqual(
    made.log.filter(([name]) => name === 'connection'),
    [['connection', 'connected'], ['connection', 'failed']],
  );
});

test('a short gap is waited out, a longer one is not', async () => {
  const made = await talking();
  await becomes(made, 'disconnected');
  await made.clock.advance(1_900);
  await becomes(made, 'connected');
  await made.clock.advance(10_000);
  assert.deepEqual(restarts(made.server), []);
  await becomes(made, 'disconnected');
  await made.clock.advance(2_000);
  assert.deepEqual(restarts(made.server), [false]);
  await becomes(made, 'connected');
  await made.clock.advance(60_000);
  assert.deepEqual(restarts(made.server), [false]);
});

test('new credentials that do not help are followed by a connection from scratch', async () => {
  const made = await talking();
  await becomes(made, 'failed');
  await made.clock.advance(5_000);
  assert.deepEqual(restarts(made.server), [false, true]);
  assert.equal(made.peers[0].closed, true);
  assert.deepEqual(made.call.streams, []);
  await made.offered(1, 'bob', kAlice);
  await becomes(made, 'connected');
  assert.equal(made.peers.length, 2);
  assert.equal(made.peers[1].transceiver('00').sender.track, made.devices.live[0]);
  assert.deepEqual(made.call.streams.map(({ profileId }) => profileId), ['alice']);
  await made.clock.advance(60_000);
  assert.equal(restarts(made.server).length, 2);
});

test('attempts go on at growing distances until the call is over', async () => {
  const made = await talking();
  await becomes(made, 'failed');
  await made.clock.advance(5_000 + 10_000 + 20_000 + 20_000);
  assert.equal(restarts(made.server).length, 5);
  made.server.event('call.left', { profileId: 'bob', outcome: 'lost' });
  await settled();
  assert.deepEqual(made.clock.pending, []);
});

test('another network asks for new credentials at once; a page that is looked at does not', async () => {
  const made = await talking();
  await made.network.says('visible');
  assert.deepEqual(restarts(made.server), []);
  await made.network.says('changed');
  await made.network.says('online'); // browsers say both
  assert.deepEqual(restarts(made.server), [false]);
  assert.equal(made.peers[0].closed, false);
  await made.clock.advance(60_000);
  assert.deepEqual(restarts(made.server), [false]);
});

test('a network that is back begins again with the cheaper attempt', async () => {
  const made = await talking();
  await becomes(made, 'failed');
  await made.clock.advance(14_000);
  assert.deepEqual(restarts(made.server), [false, true]);
  await made.offered(1, 'bob', kAlice);
  await becomes(made, 'failed');
  await made.network.says('online');
  assert.deepEqual(restarts(made.server), [false, true, false]);
});

test('another network is of no concern before there is media, or on a passive device', async () => {
  const active = await inCall();
  await active.network.says('changed');
  const passive = await inCall({ accept: false });
  await passive.network.says('changed');
  assert.deepEqual([restarts(active.server), restarts(passive.server)], [[], []]);
});

test('without a socket one attempt waits for it, and no more are lined up', async () => {
  const made = await talking();
  made.server.resumable = true;
  made.server.down = true;
  made.server.socket.drop();
  await settled();
  await becomes(made, 'failed');
  await made.clock.advance(25_000);
  assert.deepEqual(restarts(made.server), []);
  made.server.down = false;
  await made.network.says('online');
  assert.deepEqual(restarts(made.server), [false]);
  assert.deepEqual(made.errors, []);
});

test('a restart the server has no use for is no error', async () => {
  for (const [code, shown] of [['conflict', 0], ['ended', 0], ['internal', 1]]) {
    const made = await talking();
    made.server.answers['media.restart'] = () => ({ error: { code, kind: 'state' } });
    await becomes(made, 'failed');
    assert.equal(made.errors.length, shown, code);
  }
});

test('a device that stands by leaves it to the server when it cannot connect', async () => {
  const made = await inCall({ accept: false });
  made.server.event('call.accept', { profileId: 'bob', connectionId: 'b2' });
  const take = assert.rejects(made.call.take(), { code: 'media_failed' });
  await settled();
  await made.offered(1, 'bob', kAlice);
  await becomes(made, 'failed');
  await made.clock.advance(10_000);
  assert.deepEqual(restarts(made.server), []);
  made.server.event('media.failed', { message: 'Not connected within 10 s.' });
  await take;
});

test('a device that has taken the call over looks after its connection', async () => {
  const made = await inCall({ accept: false });
  made.server.event('call.accept', { profileId: 'bob', connectionId: 'b2' });
  const take = made.call.take();
  await settled();
  await made.offered(1, 'bob', kAlice);
  await becomes(made, 'connected');
  made.server.event('call.take', { profileId: 'bob', connectionId: 'b1', was: 'b2' });
  await take;
  await becomes(made, 'failed');
  assert.deepEqual(restarts(made.server), [false]);
});

// ---- quality -----------------------------------------------------------------------------------

// Lets `ms` pass in which each of `counts` comes in ({mid: {packets, lost, jitterS}}).
async function passes(made, counts, ms = 2_000) {
  for (const [mid, { packets = 100, lost = 0, jitterS = 0 }] of Object.entries(counts)) {
    const { receiver } = made.pc.transceiver(mid);
    receiver.counted = {
      packetsReceived: (receiver.counted.packetsReceived ?? 0) + packets,
      packetsLost: (receiver.counted.packetsLost ?? 0) + lost,
      jitter: jitterS,
    };
  }
  await made.clock.advance(ms);
}

test('quality is told when it changes, with the figures behind it', async () => {
  const made = await talking();
  const log = record(made.call, 'quality');
  await passes(made, { '02': {} });
  assert.deepEqual(log, []); // nothing to compare with
  await passes(made, { '02': {} });
  await passes(made, { '02': {} });
  await passes(made, { '02': { packets: 95, lost: 5 } });
  await passes(made, { '02': { packets: 80, lost: 20, jitterS: 0.012 } });
  await passes(made, { '02': {} });
  assert.deepEqual(log.map(([, { profileId, level }]) => [profileId, level]), [
    ['alice', 'good'], ['alice', 'fair'], ['alice', 'poor'], ['alice', 'good'],
  ]);
  assert.deepEqual(log[2][1], {
    profileId: 'alice', level: 'poor', lossPercent: 20, jitterMs: 12, roundTripMs: 4,
  });
});

test('the worse of two tracks counts, and so do jitter and round trip', async () => {
  const made = await talking();
  const log = record(made.call, 'quality');
  const levels = () => log.map(([, { level }]) => level);
  await passes(made, { '02': {}, '03': {} });
  await passes(made, { '02': {}, '03': { packets: 90, lost: 10 } });
  assert.deepEqual(levels(), ['poor']);
  await passes(made, { '02': { jitterS: 0.05 }, '03': {} });
  assert.deepEqual(levels(), ['poor', 'fair']);
  made.peers[0].roundTripS = 2;
  await passes(made, { '02': {}, '03': {} });
  assert.deepEqual(levels(), ['poor', 'fair', 'poor']);
});

test('what one sends is judged by what the server reports', async () => {
  const made = await talking();
  const log = record(made.call, 'quality');
  const { sender } = made.pc.transceiver('00');
  await made.clock.advance(2_000);
  sender.counted = { packetsSent: 105 };
  sender.reported = { packetsLost: 11, jitter: 0 };
  await made.clock.advance(2_000);
  assert.deepEqual(log.map(([, { profileId, level, lossPercent }]) => [profileId, level, lossPercent]), [
    ['bob', 'poor', 10],
  ]);
});

test('silence says nothing about quality, and neither does a connection that begins anew', async () => {
  const made = await talking();
  const log = record(made.call, 'quality');
  await passes(made, { '02': {} });
  await passes(made, { '02': { packets: 3, lost: 5 } });
  made.pc.transceiver('02').receiver.counted = { packetsReceived: 50, packetsLost: 40 };
  await made.clock.advance(2_000);
  assert.deepEqual(log, []);
});
