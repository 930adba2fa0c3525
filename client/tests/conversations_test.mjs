// The conversations of the demo page against a server that is a list of answers.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Conversations } from '../demo/conversations.js';

const kNow = Date.now();

// A server with `chains`: [{chainId, members, items}], oldest item first.
function server(chains = []) {
  const api = {
    profiles: ['alice'],
    userId: 'alice',
    sent: [],
    answer: async ({ id, chainId }) => ({ id, chainId: chainId ?? id, at: kNow + api.sent.length }),
    async chains({ before, limit }) {
      const all = chains.toSorted((a, b) => b.items.at(-1).at - a.items.at(-1).at);
      const start = before ? all.findIndex(({ chainId }) => chainId === before) + 1 : 0;
      const items = all.slice(start, start + limit);
      return {
        items: items.map(({ chainId, members, items: [...own] }) => ({ chainId, members, last: own.at(-1) })),
        more: all.length > start + limit,
      };
    },
    async history(chainId, { before, limit }) {
      const { items } = chains.find((chain) => chain.chainId === chainId);
      const end = before ? items.findIndex(({ id }) => id === before) : items.length;
      const start = Math.max(0, end - limit);
      return { items: items.slice(start, end), more: start > 0 };
    },
    sendText(text) {
      api.sent.push(text);
      return api.answer(text);
    },
  };
  return api;
}

const page = (api) => new Conversations({ api, device: 'test', onChange: () => {} });
const text = (n, from, ago = 0) => ({ type: 'text', id: `t${n}`, from, body: `text ${n}`, at: kNow - ago });
const settled = () => new Promise((resolve) => setTimeout(resolve));
const missed = (n, ago) => ({
  type: 'call', id: `c${n}`, from: 'bob', to: ['alice'], settings: { audio: true, video: true },
  at: kNow - ago, endedAt: kNow - ago, durationMs: 0, outcomes: { alice: 'missed', bob: 'missed' },
});

test('texts to somebody new go out one after the other, and found one chain', async () => {
  const api = server();
  const bob = page(api).with(['bob']);
  const answers = [];
  api.answer = () => new Promise((resolve, reject) => answers.push({ resolve, reject }));
  bob.send('first');
  bob.send('second');
  await settled();
  assert.deepEqual(api.sent.map(({ body, to, chainId }) => [body, to, chainId]), [['first', ['bob'], undefined]]);
  assert.deepEqual(bob.pending.map(({ state }) => state), ['sending', 'sending']);
  answers[0].resolve({ id: api.sent[0].id, chainId: 'chain', at: kNow });
  await settled();
  assert.deepEqual([api.sent[1].body, api.sent[1].chainId], ['second', 'chain']);
  answers[1].resolve({ id: api.sent[1].id, chainId: 'chain', at: kNow + 1 });
  await settled();
  assert.deepEqual([bob.pending, bob.items.map(({ body }) => body), bob.key], [[], ['first', 'second'], 'chain']);
});

test('a text that was refused stays with its reason, and is tried again under its id', async () => {
  const api = server();
  const bob = page(api).with(['bob']);
  const answer = api.answer;
  api.answer = () => Promise.reject(Object.assign(new Error('The disk is full.'), { kind: 'retry' }));
  bob.send('hello');
  await settled();
  assert.deepEqual([bob.pending[0].state, bob.pending[0].error.message], ['failed', 'The disk is full.']);
  api.answer = answer;
  bob.retry(bob.pending[0].id);
  await settled();
  assert.deepEqual([bob.pending, bob.items.length], [[], 1]);
  assert.equal(api.sent[0].id, api.sent[1].id);
});

test('a text waits for a call that founds the chain', async () => {
  const api = server();
  const all = page(api);
  const bob = all.with(['bob']);
  let confirm;
  const call = { id: 'call', chainId: 'call', ready: new Promise((resolve) => (confirm = resolve)) };
  bob.foundedBy(call);
  bob.send('I am calling you');
  await settled();
  assert.deepEqual(api.sent, []);
  confirm({ ...call, chainId: 'merged' }); // it met another call of the two
  await settled();
  assert.equal(api.sent[0].chainId, 'merged');
  assert.equal(all.get('merged'), bob);
});

test('history comes in pages, each item once, and what comes in stands behind it', async () => {
  const items = Array.from({ length: 120 }, (_, n) => text(n, n % 2 ? 'bob' : 'alice', 10_000_000 - n * 1000));
  const all = page(server([{ chainId: 'chain', members: ['alice', 'bob'], items }]));
  await all.refresh();
  const [bob] = all.list();
  await bob.load();
  assert.deepEqual([bob.items.length, bob.more], [50, true]);
  await bob.loadOlder();
  await bob.loadOlder();
  assert.deepEqual([bob.items.length, bob.more], [120, false]);
  const message = { chainId: 'chain', members: ['alice', 'bob'], ...text(200, 'bob') };
  all.received(message);
  all.received(message);
  assert.equal(bob.items.length, 121);
  assert.equal(bob.items.at(-1).id, 't200');
});

test('with a hole after an interruption, only what is known to be whole is shown', async () => {
  const items = [text(0, 'bob', 9_000_000)];
  const all = page(server([{ chainId: 'chain', members: ['alice', 'bob'], items }]));
  await all.refresh();
  const [bob] = all.list();
  await bob.load();
  for (let n = 1; n <= 80; n += 1) items.push(text(n, 'bob', 8_000_000 - n * 1000));
  all.suspect();
  assert.equal(bob.stale, true);
  await bob.load();
  assert.deepEqual([bob.items.length, bob.items[0].id, bob.more], [50, 't31', true]);
});

test('the newest conversation comes first; what was not seen counts until it was', async () => {
  const all = page(server([
    { chainId: 'old', members: ['alice', 'bob'], items: [missed(1, 60_000)] },
    { chainId: 'new', members: ['alice', 'carol'], items: [text(1, 'carol', 30_000)] },
    { chainId: 'own', members: ['alice', 'dave'], items: [text(2, 'alice', 90_000)] },
  ]));
  await all.refresh();
  assert.deepEqual(all.list().map(({ chainId }) => chainId), ['new', 'old', 'own']);
  assert.deepEqual([all.missed, all.unread], [1, 1]);
  for (const known of all.list()) all.sawAll(known);
  assert.deepEqual([all.missed, all.unread], [0, 0]);
  all.received({ chainId: 'own', members: ['alice', 'dave'], ...text(3, 'dave') });
  assert.deepEqual([all.list()[0].chainId, all.unread], ['own', 1]);
  await all.refresh();
  assert.equal(all.missed, 0);
});

test('a list that could not be loaded says why, and is loaded again', async () => {
  const api = server([{ chainId: 'chain', members: ['alice', 'bob'], items: [text(1, 'bob')] }]);
  const chains = api.chains;
  api.chains = () => Promise.reject(new Error('Not now.'));
  const all = page(api);
  await all.refresh();
  assert.deepEqual([all.state, all.error.message], ['error', 'Not now.']);
  api.chains = chains;
  await all.refresh();
  assert.deepEqual([all.state, all.error, all.list().length], ['ready', null, 1]);
});

test('a draft becomes the chain that its people begin first', async () => {
  const api = server();
  const all = page(api);
  const bob = all.with(['bob']);
  all.received({ chainId: 'chain', members: ['bob', 'alice'], ...text(1, 'bob') });
  assert.equal(bob.chainId, 'chain');
  assert.equal(all.get('chain'), bob);
  assert.equal(all.with(['bob']), bob);
  assert.equal(all.list().length, 1);
});

test('a call waits for a text that founds the chain', async () => {
  const api = server();
  const bob = page(api).with(['bob']);
  assert.equal(await bob.decided(), null);
  let stored;
  api.answer = () => new Promise((resolve) => (stored = resolve));
  bob.send('I am about to call');
  await settled();
  const decided = bob.decided();
  stored({ id: api.sent[0].id, chainId: 'chain', at: kNow });
  assert.equal(await decided, 'chain');
});

test('who was called into a call of others begins a conversation of his own by what he says', async () => {
  const api = server();
  api.history = async () => {
    throw Object.assign(new Error('There is no such chain of yours.'), { code: 'not_found' });
  };
  const all = page(api);
  const call = {
    id: 'k1', chainId: 'theirs', from: 'bob', to: ['carol', 'alice'], settings: { audio: true, video: true },
    durationMs: 5, outcomes: { alice: 'completed' },
  };
  all.callGoesOn(call);
  const known = all.ofCall(call);
  await known.load();
  assert.deepEqual([known.state, known.error, known.guest], ['ready', null, true]);
  all.callEnded(call);
  await settled();
  assert.deepEqual(known.line.map(({ id }) => id), ['k1']);
  assert.equal(await known.decided(), null); // calling back begins a chain as well
  known.send('Thank you!');
  await settled();
  assert.deepEqual(api.sent.map(({ to, chainId }) => [to, chainId]), [[['bob', 'carol'], undefined]]);
  assert.deepEqual([known.guest, known.chainId, known.pending], [false, api.sent[0].id, []]);
  assert.equal(all.get(known.chainId), known);
  assert.equal(all.get('theirs'), null);
});
