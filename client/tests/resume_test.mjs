// A session whose socket is lost: how it comes back, and that nothing is lost or done twice.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Session } from '../jsapi/session.js';
import { fakePlatform, record, settled } from './support/scripted_server.mjs';

async function connected({ resumable = false, token = 'T' } = {}) {
  const platform = fakePlatform();
  platform.server.resumable = resumable;
  const session = new Session(platform);
  await session.connect({ url: 'wss://server/ws', token });
  return { ...platform, session };
}
async function lose({ server }) {
  server.socket.drop();
  await settled();
}

// ---- when ------------------------------------------------------------------------------------

test('a lost socket is renewed after a wait that grows and is drawn at random', async () => {
  const made = await connected();
  const { session, server, clock } = made;
  const states = record(session, 'state');
  server.down = true;
  await lose(made);
  const waits = [];
  for (let attempt = 0; attempt < 7; attempt += 1) {
    waits.push(Math.max(...clock.pending));
    await clock.advance(waits.at(-1));
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 7500, 7500]); // chance gives one half
  server.down = false;
  await clock.advance(7500);
  assert.equal(session.state, 'connected');
  assert.deepEqual(states.map(([, state]) => state), ['reconnecting', 'connected']);
});

test('the wait is drawn from the whole span, so that not all come at once', async () => {
  const platform = fakePlatform();
  let chance = 0;
  const session = new Session({ ...platform, random: () => chance });
  await session.connect({ token: 'T' });
  const { server, clock } = platform;
  for (const [drawn, waitMs] of [[0, 0], [0.999, 499.5]]) {
    chance = drawn;
    server.socket.drop();
    await settled();
    assert.deepEqual(clock.pending, [waitMs]);
    await clock.advance(500);
    assert.equal(session.state, 'connected');
  }
});

test('a network that is back, or a page that is looked at, ends the wait', async () => {
  for (const hint of ['online', 'visible', 'changed']) {
    const made = await connected();
    const { session, server, clock, network } = made;
    server.down = true;
    await lose(made);
    await clock.advance(10_000);
    server.down = false;
    await network.says(hint);
    assert.equal(session.state, 'connected', hint);
    assert.deepEqual(clock.pending, [], hint);
  }
});

test('a hint while an attempt is under way does not begin another one', async () => {
  const made = await connected();
  const { server, clock, network } = made;
  await lose(made);
  server.answers.hello = () => null;
  await clock.advance(250);
  await network.says('online');
  await network.says('visible');
  assert.equal(server.sockets.length, 2);
});

test('... but begins the waits anew', async () => {
  const made = await connected();
  const { server, clock, network } = made;
  server.down = true;
  await lose(made);
  await clock.advance(20_000);
  server.down = false;
  server.answers.hello = () => null;
  await clock.advance(Math.max(...clock.pending));
  await network.says('online');
  await clock.advance(10_000); // the attempt is given up
  assert.deepEqual(clock.pending, [250]);
});

test('a hint probes the socket, and one that does not answer is replaced soon', async () => {
  const { session, server, clock, network } = await connected({ resumable: true });
  await network.says('changed');
  await network.says('online');
  assert.equal(server.sent('chain.list').length, 2); // one after the other was answered
  server.answers['chain.list'] = () => null;
  await network.says('online');
  await network.says('online');
  assert.equal(server.sent('chain.list').length, 3);
  await clock.advance(3000);
  assert.equal(session.state, 'reconnecting');
  delete server.answers['chain.list'];
  await clock.advance(1000);
  assert.equal(session.state, 'connected');
  assert.equal(server.sockets.length, 2);
});

test('the network is watched while there is a session, and no longer', async () => {
  const made = await connected();
  assert.equal(made.network.watchers.size, 1);
  await lose(made);
  await made.clock.advance(1000);
  assert.equal(made.network.watchers.size, 1);
  made.session.disconnect();
  assert.equal(made.network.watchers.size, 0);
});

test('a socket on which nothing answers any more is replaced', async () => {
  const { session, server, clock } = await connected();
  server.answers.a = () => null;
  const request = assert.rejects(session.request('a'), { kind: 'retry' });
  await clock.advance(10_000);
  assert.equal(session.state, 'reconnecting');
  await clock.advance(1000);
  await request;
  assert.equal(session.state, 'connected');
  assert.equal(server.sockets.length, 2);
});

test('what a given-up socket still says is not heard', async () => {
  const { session, server, clock } = await connected();
  const log = record(session, 'message', 'state');
  server.answers.a = () => null;
  const request = assert.rejects(session.request('a'), { kind: 'retry' });
  const [old] = server.sockets;
  await clock.advance(11_000);
  await request;
  old.open = true;
  old.deliver({ type: 'call.ringing', seq: 1, callId: 'k1' });
  old.drop();
  await settled();
  assert.deepEqual(log.map(([name]) => name), ['state', 'state']);
});

// ---- the same session ------------------------------------------------------------------------

test('a session is resumed from its last event, and gets what it missed exactly once', async () => {
  const made = await connected({ resumable: true });
  const { session, server, clock } = made;
  const log = record(session, 'message', 'welcome', 'resumed');
  server.event('one');
  server.event('two');
  await lose(made);
  server.event('three');
  server.event('four');
  await clock.advance(1000);
  const [, hello] = server.hellos;
  assert.deepEqual([hello.resume, hello.lastSeq], ['secret 1', 2]);
  server.event('five');
  server.socket.deliver({ type: 'four', seq: 4, callId: 'k1' }); // once more
  assert.deepEqual(
    log.map(([name, frame]) => (name === 'message' ? frame.type : name)),
    ['one', 'two', 'resumed', 'three', 'four', 'five'],
  );
});

test('each welcome brings a new secret, which the next hello shows', async () => {
  const made = await connected({ resumable: true });
  for (const secret of ['secret 1', 'secret 2']) {
    await lose(made);
    await made.clock.advance(1000);
    assert.equal(made.server.hellos.at(-1).resume, secret);
  }
});

test('what was asked before a resumed session is asked again under the same id', async () => {
  const made = await connected({ resumable: true });
  const { session, server, clock } = made;
  server.answers.a = () => null;
  const first = session.request('a', { n: 1 });
  await lose(made);
  const meanwhile = session.request('b');
  server.answers.a = () => ({ value: 'again' });
  await clock.advance(1000);
  assert.equal((await first).value, 'again');
  await meanwhile;
  const [before, after] = server.sent('a');
  assert.equal(before.id, after.id);
  assert.equal(server.sent('b').length, 1);
});

test('the state says whether anything was missed', async () => {
  const made = await connected({ resumable: true });
  const states = record(made.session, 'state');
  await lose(made);
  await made.clock.advance(1000);
  made.server.resumable = false;
  await lose(made);
  await made.clock.advance(1000);
  assert.deepEqual(states.map(([, state, { resumed }]) => [state, resumed]), [
    ['reconnecting', false], ['connected', true], ['reconnecting', false], ['connected', false],
  ]);
});

// ---- a new session ---------------------------------------------------------------------------

test('a session that could not be resumed starts counting anew', async () => {
  const made = await connected();
  const { session, server, clock } = made;
  const log = record(session, 'message', 'welcome');
  server.event('one');
  server.event('two');
  await lose(made);
  await clock.advance(1000);
  server.event('new one');
  assert.deepEqual(log.map(([, { type }]) => type), ['one', 'two', 'welcome', 'new one']);
  await lose(made);
  await clock.advance(1000);
  assert.equal(server.hellos.at(-1).lastSeq, 1);
});

test('only what is safe to repeat goes out again in a new session', async () => {
  const made = await connected();
  const { session, server, clock } = made;
  server.answers.a = () => null;
  const kept = session.request('a', { n: 1 }, { retry: true });
  const given_up = assert.rejects(session.request('a', { n: 2 }), { kind: 'retry' });
  await lose(made);
  const whileAway = session.request('b', {}, { retry: true });
  const lost = assert.rejects(session.request('b'), { kind: 'retry' });
  server.answers.a = () => ({ value: 'again' });
  await clock.advance(1000);
  await Promise.all([given_up, lost, whileAway]);
  assert.equal((await kept).value, 'again');
  assert.deepEqual(server.sent('a').map(({ n }) => n), [1, 2, 1]);
  assert.equal(server.sent('a')[0].id, server.sent('a')[2].id);
  assert.equal(server.sent('b').length, 1);
});

test('a request made when a new session begins is not mistaken for one of the old', async () => {
  const made = await connected();
  const { session, server, clock } = made;
  let answered = false;
  session.on('welcome', () => void session.request('a').then(() => (answered = true)));
  await lose(made);
  await clock.advance(1000);
  assert.equal(answered, true);
  assert.equal(server.sent('a').length, 1);
});

// ---- the end ---------------------------------------------------------------------------------

test('a session replaced elsewhere is not taken back', async () => {
  const { session, server, clock, network } = await connected({ resumable: true });
  server.socket.deliver({ type: 'bye', reason: 'replaced' });
  server.socket.drop(1000);
  await settled();
  await network.says('online');
  assert.equal(session.state, 'disconnected');
  assert.deepEqual(clock.pending, []);
  await session.connect({ token: 'T' });
  assert.equal('resume' in server.hellos.at(-1), false);
});

test('a server that shuts down or limits is come back to', async () => {
  for (const reason of ['shutdown', 'rate_limited']) {
    const { session, server, clock } = await connected({ resumable: true });
    server.socket.deliver({ type: 'bye', reason });
    server.socket.drop(1001);
    await settled();
    await clock.advance(1000);
    assert.equal(session.state, 'connected', reason);
  }
});

test('a token refused on the way back ends the session with an error', async () => {
  const { session, server, clock } = await connected();
  const errors = record(session, 'error');
  server.answers.hello = () => ({ error: { code: 'unauthorized', kind: 'auth' } });
  server.socket.drop();
  await settled();
  await clock.advance(1000);
  assert.equal(session.state, 'disconnected');
  assert.equal(errors[0][1].code, 'unauthorized');
  assert.deepEqual(clock.pending, []);
});

test('nothing of a session is left after disconnect', async () => {
  const made = await connected({ resumable: true });
  made.session.disconnect();
  await made.session.connect({ token: 'T' });
  assert.equal('resume' in made.server.hellos.at(-1), false);
});
