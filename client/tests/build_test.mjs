import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';

import { build } from '../scripts/build.mjs';

test('the plain script is what the modules make now', () => {
  const script = readFileSync(new URL('../jsapi/jsapi.global.js', import.meta.url), 'utf8');
  assert.equal(script, build(), 'run `npm run build` in client/');
});

test('the plain script sets one global, JSAPI, a client that is ready to connect', () => {
  const context = vm.createContext({ Error, TypeError });
  const before = new Set(Object.keys(context));
  vm.runInContext(build(), context);
  assert.deepEqual(Object.keys(context).filter((name) => !before.has(name)), ['JSAPI']);
  assert.equal(context.JSAPI.state, 'disconnected');
  assert.equal(typeof context.JSAPI.openCall, 'function');
  assert.notEqual(context.JSAPI.createClient(), context.JSAPI);
});
