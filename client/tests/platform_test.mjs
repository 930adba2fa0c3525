// What is taken from the browser, where a browser's own objects can be stood in for.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { browserPlatform } from '../jsapi/platform.js';

// Sets globals for one test.
function globals(t, values) {
  for (const [name, value] of Object.entries(values)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => {
      if (before) Object.defineProperty(globalThis, name, before);
      else delete globalThis[name];
    });
  }
}

test('the browser’s word of network and page is passed on until nobody wants it', (t) => {
  const page = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
  const connection = new EventTarget();
  globals(t, {
    document,
    navigator: { connection },
    addEventListener: page.addEventListener.bind(page),
    removeEventListener: page.removeEventListener.bind(page),
  });
  const heard = [];
  const off = browserPlatform().watchNetwork((what) => heard.push(what));
  const say = () => {
    page.dispatchEvent(new Event('online'));
    connection.dispatchEvent(new Event('change'));
    document.dispatchEvent(new Event('visibilitychange'));
  };
  say();
  assert.deepEqual(heard, ['online', 'changed']);
  document.visibilityState = 'visible';
  say();
  assert.deepEqual(heard.slice(2), ['online', 'changed', 'visible']);
  off();
  say();
  assert.equal(heard.length, 5);
});

test('where there is no page to listen to, nothing is heard and nothing fails', () => {
  const off = browserPlatform().watchNetwork(() => assert.fail('heard something'));
  off();
});

test('ids are UUIDs, also in pages that have no randomUUID', (t) => {
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  const { uuid: make } = browserPlatform();
  assert.match(make(), uuid);
  const { crypto } = globalThis;
  globals(t, { crypto: { getRandomValues: (bytes) => crypto.getRandomValues(bytes) } });
  assert.match(make(), uuid);
  assert.notEqual(make(), make());
});

test('the server of the page is the default, by the page’s own protocol', (t) => {
  globals(t, { location: { protocol: 'https:', host: 'calls.example.org' } });
  assert.equal(browserPlatform().defaultUrl(), 'wss://calls.example.org/ws');
  globalThis.location = { protocol: 'http:', host: 'localhost:8080' };
  assert.equal(browserPlatform().defaultUrl(), 'ws://localhost:8080/ws');
});
