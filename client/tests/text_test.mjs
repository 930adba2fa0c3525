import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connected } from './support/scenes.mjs';
import { record, settled } from './support/scripted_server.mjs';

const kText = { from: 'alice', to: 'bob', body: 'Hello' };

test('a text that founds a chain resolves with the chain, its id and its time', async () => {
  const { client, server } = await connected();
  server.answers.text = (frame) => ({ chainId: frame.id, at: 1234 });
  const sent = await client.sendText(kText);
  const [frame] = server.sent('text');
  assert.deepEqual(frame, { type: 'text', id: sent.id, from: 'alice', to: ['bob'], body: 'Hello' });
  assert.deepEqual(sent, { id: frame.id, chainId: frame.id, from: 'alice', body: 'Hello', at: 1234 });
});

test('a text into a chain names the chain and nobody else', async () => {
  const { client, server } = await connected();
  server.answers.text = () => ({ chainId: 'c', at: 1 });
  const { chainId } = await client.sendText({ from: 'alice', chainId: 'c', body: 'Hello' });
  assert.equal(chainId, 'c');
  const [frame] = server.sent('text');
  assert.deepEqual([frame.chainId, 'to' in frame], ['c', false]);
});

test('a text that belongs nowhere, or to two places, is refused at once', async () => {
  const { client, server } = await connected();
  for (const wrong of [
    undefined,
    { from: 'alice', body: 'x' },
    { ...kText, chainId: 'c' },
    { to: 'bob', body: 'x' },
    { from: 'alice', to: 'bob' },
  ]) {
    await assert.rejects(client.sendText(wrong), { code: 'bad_request' });
  }
  assert.deepEqual(server.sent('text'), []);
});

test('a text whose answer was lost goes out again under the same id', async () => {
  const { client, server, clock } = await connected();
  server.answers.text = () => null;
  const sending = client.sendText(kText);
  server.socket.drop();
  await settled();
  server.answers.text = (frame) => ({ chainId: frame.id, at: 5 });
  await clock.advance(1000);
  const { id, at } = await sending;
  assert.deepEqual(server.sent('text').map((frame) => frame.id), [id, id]);
  assert.equal(at, 5);
});

test('a text the server cannot store rejects, and may be tried again under its id', async () => {
  const { client, server } = await connected();
  server.answers.text = () => ({ error: { code: 'unavailable', kind: 'retry', message: 'Disk full.' } });
  await assert.rejects(client.sendText({ ...kText, id: 'mine' }), { code: 'unavailable', kind: 'retry' });
  server.answers.text = (frame) => ({ chainId: frame.id, at: 5 });
  assert.equal((await client.sendText({ ...kText, id: 'mine' })).id, 'mine');
});

test('text:received has the message without its envelope', async () => {
  const { client, server } = await connected('bob');
  const log = record(client, 'text:received');
  const message = { id: 't1', chainId: 'c', members: ['alice', 'bob'], from: 'alice', body: 'Hello', at: 9 };
  server.event('text', { ...message, callId: undefined });
  assert.deepEqual(log, [['text:received', message]]);
});

test('chains and history ask for pages and hand out what there is', async () => {
  const { client, server } = await connected();
  const last = { type: 'text', id: 't1', from: 'bob', body: 'Hi', at: 3 };
  const chain = { chainId: 'c', members: ['alice', 'bob'], last };
  server.answers['chain.list'] = () => ({ items: [chain], more: true });
  server.answers['chain.history'] = () => ({ chainId: 'c', items: [last], more: false });
  assert.deepEqual(await client.chains(), { items: [chain], more: true });
  assert.deepEqual(await client.chains({ before: 'c', limit: 10 }), { items: [chain], more: true });
  assert.deepEqual(await client.history('c', { before: 't9' }), { items: [last], more: false });
  const asked = server.received.map(({ id, ...frame }) => frame);
  assert.deepEqual(asked, [
    { type: 'chain.list' },
    { type: 'chain.list', before: 'c', limit: 10 },
    { type: 'chain.history', chainId: 'c', before: 't9' },
  ]);
  await assert.rejects(client.history(), { code: 'bad_request' });
});

test('a chain that is not one’s own rejects as the server says', async () => {
  const { client, server } = await connected();
  server.answers['chain.history'] = () => ({ error: { code: 'not_found', kind: 'request' } });
  await assert.rejects(client.history('c'), { code: 'not_found' });
});
