// The documentation: its examples fit the declarations and run, and what it is made of is complete.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Call } from '../jsapi/call.js';
import { Client } from '../jsapi/client.js';
import { declarations, reference } from '../scripts/reference.mjs';
import { examples, fakePage, importedFrom, run } from './support/docs.mjs';
import { offer } from './support/fake_media.mjs';
import { ScriptedServer, fakePlatform, record, settled } from './support/scripted_server.mjs';

const jsapi = fileURLToPath(new URL('../jsapi', import.meta.url));
const all = examples();

test('every page has examples, and each of them fits the declarations', () => {
  const pages = new Set(all.map(({ page }) => page));
  for (const page of ['ring', 'accept', 'take-over', 'groups', 'text', 'errors', 'reconnect', 'record']) {
    assert.ok(pages.has(`${page}.md`), page);
  }
  const folder = mkdtempSync(join(tmpdir(), 'jsapi-examples-'));
  try {
    const names = all.map(({ page, line, text }) => {
      const name = `${page.replace('.md', '')}-line-${line}.js`;
      writeFileSync(join(folder, name), importedFrom(text, join(jsapi, 'jsapi.js')));
      return name;
    });
    // What an element is called says what it is; nothing of JSAPI is left unchecked by this.
    writeFileSync(join(folder, 'page.d.ts'), 'interface ParentNode { querySelector(id: `#${string}`): any }\n');
    const compilerOptions = {
      strict: true, strictNullChecks: false, noImplicitAny: false, useUnknownInCatchVariables: false,
      allowJs: true, checkJs: true, noEmit: true, skipLibCheck: false, types: [],
      target: 'ES2022', module: 'ESNext', moduleResolution: 'Bundler', moduleDetection: 'force',
      lib: ['ES2022', 'DOM', 'DOM.Iterable'],
    };
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: [...names, 'page.d.ts'] }),
    );
    const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
    try {
      execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
    } catch (error) {
      assert.fail(error.stdout);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

// Alice, with a running call she may join late, at a server that takes everything.
function page(example) {
  const server = new ScriptedServer();
  server.welcome = { connectionId: 'a1', userId: 'alice', profiles: ['alice'], calls: [] };
  const item = { type: 'call', id: 'k9', from: 'bob', to: ['alice'], at: 1, outcomes: { alice: 'missed' } };
  Object.assign(server.answers, {
    'call.init': ({ id, chainId, immediate }) => ({
      callId: id, chainId: chainId ?? id, role: immediate === false ? 'passive initiator' : 'active initiator',
    }),
    'call.accept': () => ({ role: 'active receiver' }),
    text: ({ id, chainId }) => ({ chainId: chainId ?? id, at: 1 }),
    'chain.list': () => ({ items: [{ chainId: 'c', members: ['alice', 'bob'], last: item }], more: false }),
    'chain.history': () => ({ chainId: 'c', items: [item], more: false }),
  });
  const platform = fakePlatform(server);
  const client = new Client(platform);
  const connects = example.text.includes('JSAPI.connect(');
  return { ...platform, server, client, ready: connects ? Promise.resolve() : client.connect({ token: 'T' }) };
}
const kInit = { from: 'bob', to: ['alice', 'dave'], settings: { audio: true, video: true }, role: null };

// What a click began may take until the call is over.
async function clickAll(elements) {
  for (const element of elements.values()) element.click();
  await settled();
}

// All that may happen to alice, so that every listener of an example is called.
async function live({ server, client, devices, clock }, elements) {
  const others = (call) => call.participants.map((p) => p.profileId).filter((id) => id !== 'alice');
  server.event('call.init', { ...kInit, chainId: 'k1', connectionId: 'b1' });
  await settled();
  await clickAll(elements);
  for (const call of client.calls) {
    const event = (type, members) => server.event(type, { callId: call.id, ...members });
    for (const profileId of others(call)) {
      event('call.ringing', { profileId, connectionId: `${profileId}-1` });
      event('call.accept', { profileId, connectionId: `${profileId}-1` });
    }
    const tracks = others(call).map((profileId, i) => ({ mid: `0${i + 2}`, profileId, source: 'camera' }));
    event('media.offer', offer(1, 'alice', tracks));
  }
  await settled();
  devices.refuse = { audio: 'NotAllowedError' };
  devices.live[0]?.vanishes();
  await settled();
  devices.refuse = {};
  server.event('call.reconnecting', { profileId: 'alice', connectionId: 'a2' });
  server.event('text', { id: 't1', chainId: 'c', members: ['alice', 'bob'], from: 'bob', body: 'Hi', at: 1 });
  client.emit('token:expiring', 1);
  await settled();
  await clickAll(elements);
  for (const call of client.calls) {
    server.event('call.end', { callId: call.id, reason: 'completed', outcomes: { alice: 'completed' } });
  }
  await settled();
  server.socket.drop();
  await settled();
  await clock.advance(15_000);
}

for (const example of all) {
  test(`the example in ${example.page}, line ${example.line}, runs`, async (t) => {
    const thrown = [];
    const elements = fakePage(t, (error) => thrown.push(error));
    globalThis.reportError = (error) => thrown.push(error);
    t.after(() => delete globalThis.reportError);
    const made = page(example);
    await made.ready;
    const errors = record(made.client, 'error');
    if (made.client.state === 'connected') {
      made.server.event('call.init', { ...kInit, callId: 'k0', chainId: 'k0' });
      made.server.event('call.accept', { callId: 'k0', profileId: 'dave', connectionId: 'd1' });
      made.server.event('call.ringing_timeout', { callId: 'k0', profileId: 'alice' });
    }
    await run(example, made.client);
    await settled();
    assert.equal(made.client.state, 'connected');
    await live(made, elements);
    made.client.disconnect();
    // Buttons are pressed here whether or not they make sense: that is what `state` says.
    assert.deepEqual(thrown.filter(({ kind }) => kind !== 'state' && kind !== 'retry'), []);
    assert.deepEqual(errors.filter(([, { kind }]) => kind !== 'media' && kind !== 'retry'), []);
  });
}

test('the reference is what the declarations make now', () => {
  const written = readFileSync(new URL('../../docs/jsapi/reference.md', import.meta.url), 'utf8');
  assert.equal(written, reference(), 'run `npm run build` in client/');
});

// The names in quotes behind `emit(` in the library's modules.
function emitted(files) {
  const texts = files.map((file) => readFileSync(join(jsapi, file), 'utf8'));
  return new Set(texts.flatMap((text) => [...text.matchAll(/emit\('([^']+)'/g)].map(([, name]) => name)));
}
function declared(name) {
  const { members } = declarations().find((entry) => entry.name === name);
  return new Set(members.map((member) => member.name.replace(/'/g, '')));
}

test('every event that is declared is fired, every other one is not, and all have a test', () => {
  const calls = emitted(['call.js', 'call_events.js', 'own_media.js', 'services.js']);
  const clients = emitted(['client.js']);
  clients.add('connection:state');
  assert.deepEqual([...calls].sort(), [...declared('CallEvents')].sort());
  assert.deepEqual([...clients].sort(), [...declared('JsapiEvents')].sort());
  const folder = new URL('.', import.meta.url);
  const tests = readdirSync(folder)
    .filter((file) => file.endsWith('_test.mjs') && file !== 'docs_test.mjs')
    .map((file) => readFileSync(new URL(file, folder), 'utf8'))
    .join('\n');
  for (const name of [...calls, ...clients]) assert.ok(tests.includes(`'${name}'`), `no test of ${name}`);
});

test('every member that is declared is there', async () => {
  const client = new Client(fakePlatform());
  for (const name of declared('Client')) assert.ok(name in client, `Client.${name}`);
  const host = { platform: fakePlatform(), connectionId: () => 'c1' };
  const call = new Call(host, { id: 'k', from: 'alice', to: ['bob'], profileId: 'alice' });
  for (const name of declared('Call')) assert.ok(name in call, `Call.${name}`);
});
