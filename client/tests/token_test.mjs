// Tokens: a fresh one before the old one expires, and what happens when there is none.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client } from '../jsapi/client.js';
import { Session } from '../jsapi/session.js';
import { fakePlatform, record, settled } from './support/scripted_server.mjs';

// What a JWT looks like to a client; `name` tells one from the other.
function jwt(expiresAtMs, name = 'T') {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'HS256' })}.${part({ sub: 'ünï', name, exp: expiresAtMs / 1000 })}.sig`;
}
const nameOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).name;

// A session whose token function hands out tokens that live for `lifeMs`.
async function connected(lifeMs) {
  const platform = fakePlatform();
  const session = new Session(platform);
  const source = { lifeMs, made: 0, fail: null };
  const token = async () => {
    if (source.fail) throw source.fail;
    source.made += 1;
    return jwt(platform.now() + source.lifeMs, `T${source.made}`);
  };
  await session.connect({ token });
  return { ...platform, session, source };
}
const tokens = (server) => server.sent('token').map(({ token }) => nameOf(token));

test('a token function is asked for the next token a minute before the old one expires', async () => {
  const { server, clock } = await connected(600_000);
  await clock.advance(539_999);
  assert.deepEqual(tokens(server), []);
  await clock.advance(1);
  assert.deepEqual(tokens(server), ['T2']);
  await clock.advance(540_000);
  assert.deepEqual(tokens(server), ['T2', 'T3']);
});

test('a short-lived token is renewed when a fifth of its life is left', async () => {
  const { server, clock } = await connected(10_000);
  await clock.advance(8_000);
  assert.deepEqual(tokens(server), ['T2']);
});

test('a token that lives longer than a timer can run is renewed all the same', async () => {
  const { server, clock } = await connected(40 * 86_400_000);
  assert.ok(Math.max(...clock.pending) < 2 ** 31);
  await clock.advance(40 * 86_400_000 - 60_000);
  assert.deepEqual(tokens(server), ['T2']);
});

test('a function that fails is asked again, and the failure is told once', async () => {
  const { session, server, clock, source } = await connected(600_000);
  const errors = record(session, 'error');
  source.fail = new Error('no network');
  await clock.advance(560_000);
  assert.equal(errors.length, 1);
  assert.deepEqual([errors[0][1].code, errors[0][1].kind], ['unauthorized', 'auth']);
  assert.match(errors[0][1].message, /no network/);
  source.fail = null;
  await clock.advance(10_000);
  assert.deepEqual(tokens(server), ['T2']);
  assert.equal(session.state, 'connected');
});

test('a token the server refuses leaves the old one, and another one is asked for', async () => {
  const { session, server, clock } = await connected(600_000);
  const errors = record(session, 'error');
  server.answers.token = () => ({ error: { code: 'unauthorized', kind: 'auth', message: 'Bad.' } });
  await clock.advance(540_000);
  assert.match(errors[0][1].message, /Bad/);
  delete server.answers.token;
  await clock.advance(10_000);
  assert.deepEqual(tokens(server), ['T2', 'T3']);
});

test('the same token once more is not handed in; the next one is waited for', async () => {
  const platform = fakePlatform();
  const session = new Session(platform);
  const errors = record(session, 'error');
  const first = jwt(platform.now() + 100_000, 'old');
  let current = first;
  await session.connect({ token: () => current });
  await platform.clock.advance(85_000);
  assert.deepEqual(tokens(platform.server), []);
  current = jwt(platform.now() + 100_000, 'new');
  await platform.clock.advance(10_000);
  assert.deepEqual(tokens(platform.server), ['new']);
  assert.deepEqual(errors, []);
});

test('a clock that is wrong does not ask for tokens all the time', async () => {
  const { server, clock } = await connected(-600_000); // taken by the server: this clock is ahead
  await clock.advance(29_000);
  assert.deepEqual(tokens(server), []);
  await clock.advance(61_000);
  assert.equal(tokens(server).length, 3);
});

test('a token that cannot be read is used, and not watched', async () => {
  for (const token of ['T', 'a.b.c', 'a.e30.c']) {
    const platform = fakePlatform();
    await new Session(platform).connect({ token });
    assert.deepEqual(platform.clock.pending, [], token);
  }
});

test('nothing is renewed while there is no connection', async () => {
  const { server, clock, source } = await connected(600_000);
  server.down = true;
  server.socket.drop();
  await settled();
  await clock.advance(700_000);
  assert.deepEqual(tokens(server), []);
  server.down = false;
  await clock.advance(15_000);
  assert.equal(nameOf(server.hellos.at(-1).token), `T${source.made}`);
});

test('disconnect while a token is being fetched hands none in', async () => {
  const platform = fakePlatform();
  const session = new Session(platform);
  let give = null;
  const token = () => (give ? new Promise((resolve) => (give = resolve)) : jwt(platform.now() + 100_000));
  await session.connect({ token });
  give = true;
  await platform.clock.advance(80_000);
  session.disconnect();
  give(jwt(platform.now() + 100_000));
  await settled();
  assert.deepEqual(tokens(platform.server), []);
  assert.deepEqual(platform.clock.pending, []);
});

test('with a token that is no function the application is told in time', async () => {
  const platform = fakePlatform();
  const client = new Client(platform);
  const log = record(client, 'token:expiring');
  const expiresAt = platform.now() + 600_000;
  await client.connect({ token: jwt(expiresAt) });
  await platform.clock.advance(540_000);
  assert.deepEqual(log, [['token:expiring', expiresAt]]);
  await client.renewToken(jwt(expiresAt + 600_000, 'T2'));
  assert.deepEqual(tokens(platform.server), ['T2']);
  await platform.clock.advance(600_000);
  assert.equal(log.length, 2);
  platform.server.socket.drop();
  await settled();
  await platform.clock.advance(1000);
  assert.equal(nameOf(platform.server.hellos[1].token), 'T2'); // used for the next socket
});

test('expiry ends a session whose token is no function, and the next connect resumes it', async () => {
  const platform = fakePlatform();
  const { server } = platform;
  server.resumable = true;
  const session = new Session(platform);
  const errors = record(session, 'error');
  await session.connect({ token: 'T' });
  server.socket.deliver({ type: 'bye', reason: 'expired' });
  server.socket.drop(1008);
  await settled();
  assert.equal(session.state, 'disconnected');
  assert.equal(errors[0][1].kind, 'auth');
  const log = record(session, 'welcome', 'resumed');
  await session.connect({ token: 'T2' });
  assert.deepEqual(log.map(([name]) => name), ['resumed']);
  assert.deepEqual(server.hellos.map(({ token }) => token), ['T', 'T2']);
});

test('expiry with a function is a reconnection with a fresh token', async () => {
  const { session, server, clock } = await connected(600_000);
  server.socket.deliver({ type: 'bye', reason: 'expired' });
  server.socket.drop(1008);
  await settled();
  await clock.advance(1000);
  assert.equal(session.state, 'connected');
  assert.deepEqual(server.hellos.map(({ token }) => nameOf(token)), ['T1', 'T2']);
});

test('a function that fails on the way back is asked again', async () => {
  const { session, server, clock, source } = await connected(600_000);
  source.fail = new Error('no network');
  server.socket.drop();
  await settled();
  await clock.advance(5000);
  assert.equal(session.state, 'reconnecting');
  source.fail = null;
  await clock.advance(15_000);
  assert.equal(session.state, 'connected');
});

test('a function that fails, or returns no token, rejects connect with a JsapiError', async () => {
  const session = new Session(fakePlatform());
  const failing = async () => {
    throw new TypeError('Failed to fetch');
  };
  await assert.rejects(session.connect({ token: failing }), {
    name: 'JsapiError', kind: 'retry', message: /Failed to fetch/,
  });
  await assert.rejects(session.connect({ token: () => undefined }), { code: 'bad_request' });
  assert.equal(session.state, 'disconnected');
});
