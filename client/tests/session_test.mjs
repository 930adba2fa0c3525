import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Session } from '../jsapi/session.js';
import { fakePlatform, record, settled } from './support/scripted_server.mjs';

function make() {
  const platform = fakePlatform();
  return { ...platform, session: new Session(platform) };
}
async function connected() {
  const made = make();
  await made.session.connect({ url: 'wss://server/ws', token: 'T' });
  return made;
}

test('connect says hello under the sub-protocol and resolves with the welcome', async () => {
  const { session, server } = make();
  const states = record(session, 'state');
  const welcome = await session.connect({ url: 'wss://server/ws', token: 'T' });
  assert.equal(welcome.connectionId, 'c1');
  assert.equal(server.socket.url, 'wss://server/ws');
  assert.equal(server.socket.protocol, 'jsapi.v1');
  assert.equal(server.hellos[0].token, 'T');
  assert.deepEqual(states.map(([, state]) => state), ['connecting', 'connected']);
  assert.deepEqual(Object.keys(server.hellos[0]).sort(), ['id', 'token', 'type']);
});

test('the address of the page is the default', async () => {
  const { session, server } = make();
  await session.connect({ token: 'T' });
  assert.equal(server.socket.url, 'ws://page.example/ws');
});

test('a refused token rejects connect with code, kind and message', async () => {
  const { session, server } = make();
  server.answers.hello = () => ({
    error: { code: 'unauthorized', kind: 'auth', message: 'The token has expired.' },
  });
  await assert.rejects(session.connect({ token: 'T' }), {
    name: 'JsapiError',
    code: 'unauthorized',
    kind: 'auth',
    message: 'The token has expired.',
  });
  assert.equal(session.state, 'disconnected');
});

test('a server that cannot be reached rejects the first connect, which can be tried again', async () => {
  const { session, server } = make();
  server.down = true;
  await assert.rejects(session.connect({ token: 'T' }), { code: 'unavailable', kind: 'retry' });
  server.down = false;
  await session.connect({ token: 'T' });
  assert.equal(session.state, 'connected');
});

test('a server that never answers hello rejects after the time-out', async () => {
  const { session, server, clock } = make();
  server.answers.hello = () => null;
  const attempt = assert.rejects(session.connect({ token: 'T' }), { code: 'unavailable' });
  await settled();
  await clock.advance(10_000);
  await attempt;
});

test('connect without a token, or twice, is refused', async () => {
  const { session } = make();
  await assert.rejects(session.connect({}), { code: 'bad_request' });
  await session.connect({ token: 'T' });
  await assert.rejects(session.connect({ token: 'T' }), { code: 'conflict' });
});

test('an answer goes to the request it names, whatever the order', async () => {
  const { session, server } = await connected();
  server.answers.a = () => null;
  const first = session.request('a', { n: 1 });
  const second = session.request('a', { n: 2 });
  const [one, two] = server.sent('a');
  server.ok('nobody asked this');
  server.ok(two.id, { value: 'second' });
  server.ok(one.id, { value: 'first' });
  assert.equal((await first).value, 'first');
  assert.equal((await second).value, 'second');
});

test('an error rejects its request and carries what the server added', async () => {
  const { session, server } = await connected();
  server.answers.a = () => ({ error: { code: 'already_accepted', connectionId: 'c9' } });
  await assert.rejects(session.request('a'), { code: 'already_accepted', connectionId: 'c9' });
});

test('an error without a request is an error event', async () => {
  const { session, server } = await connected();
  const log = record(session, 'error');
  server.socket.deliver({ type: 'error', kind: 'request', code: 'bad_request', message: 'Not JSON.' });
  assert.equal(log[0][1].code, 'bad_request');
  server.refuse(server.socket, 'long given up', { code: 'ended' });
  assert.equal(log.length, 1);
});

test('what is not a frame of the protocol is ignored', async () => {
  const { session, server } = await connected();
  const log = record(session, 'message', 'error');
  for (const text of ['', '{', 'null', '[]', '"x"', '{"no":"type"}']) server.socket.deliverText(text);
  assert.deepEqual(log, []);
  assert.equal((await session.request('a')).type, 'ok');
});

test('disconnect rejects what is open, and nothing of it comes back', async () => {
  const { session, server, clock } = await connected();
  server.answers.a = () => null;
  const request = assert.rejects(session.request('a', {}, { retry: true }), { kind: 'retry' });
  session.disconnect();
  await request;
  await clock.advance(60_000);
  assert.equal(session.state, 'disconnected');
  assert.equal(server.sockets.length, 1);
  await assert.rejects(session.request('a'), { code: 'unavailable' });
});

test('disconnect while connecting rejects connect, also before the token was there', async () => {
  const { session, server } = make();
  let give;
  const attempt = assert.rejects(
    session.connect({ token: () => new Promise((resolve) => (give = resolve)) }),
    { code: 'unavailable' },
  );
  session.disconnect();
  give('T');
  await attempt;
  assert.equal(server.sockets.length, 0);

  server.answers.hello = () => null;
  const second = assert.rejects(session.connect({ token: 'T' }), { code: 'unavailable' });
  await settled();
  session.disconnect();
  await second;
});

test('what waited for a first connection that failed is rejected, and never sent later', async () => {
  const { session, server } = make();
  server.down = true;
  const attempt = assert.rejects(session.connect({ token: 'T' }), { code: 'unavailable' });
  await assert.rejects(session.request('call.init', {}, { retry: true }), { code: 'unavailable' });
  await attempt;
  server.down = false;
  await session.connect({ token: 'T' });
  assert.deepEqual(server.sent('call.init'), []);
});

test('a request made as soon as the connection is there is sent once', async () => {
  const { session, server } = make();
  session.on('welcome', () => void session.request('a'));
  session.on('state', (state) => state === 'connected' && void session.request('b'));
  await session.connect({ token: 'T' });
  await settled();
  assert.equal(server.sent('a').length, 1);
  assert.equal(server.sent('b').length, 1);
});

test('a page the server may not want is told where to look', async () => {
  const { session, server } = make();
  server.down = true;
  await assert.rejects(session.connect({ url: 'wss://server/ws', token: 'T' }), /origins/);
});
