// The examples of docs/jsapi, and what a page offers them to run in.

import { readFileSync, readdirSync } from 'node:fs';

const folder = new URL('../../../docs/jsapi/', import.meta.url);
const kImport = /^import \{ ([^}]+) \} from '\/jsapi\/jsapi\.js';$/m;

// Every ```js block, as {page, line, text}.
export function examples() {
  return readdirSync(folder)
    .filter((page) => page.endsWith('.md'))
    .flatMap((page) => {
      const source = readFileSync(new URL(page, folder), 'utf8');
      return [...source.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(({ 1: text, index }) => ({
        page,
        line: source.slice(0, index).split('\n').length + 1,
        text,
      }));
    });
}

// The same with the library at another place.
export function importedFrom(text, place) {
  return text.replaceAll("'/jsapi/jsapi.js'", `'${place}'`);
}

// Runs an example as a module whose JSAPI is `client`.
export function run({ page, line, text }, client) {
  if (!kImport.test(text)) throw new Error(`${page}:${line} does not import from /jsapi/jsapi.js`);
  globalThis.jsapiOfExample = { JSAPI: client };
  const module = text.replace(kImport, 'const { $1 } = globalThis.jsapiOfExample;');
  return import(`data:text/javascript,${encodeURIComponent(`// ${page}:${line}\n${module}`)}`);
}

class Element {
  #listeners = [];
  #failed;
  constructor(failed) {
    this.#failed = failed;
  }
  hidden = false;
  textContent = '';
  addEventListener(type, listener) {
    this.#listeners.push(listener);
  }
  click() {
    for (const listener of [...this.#listeners, this.onclick]) {
      Promise.resolve(listener?.({})).catch(this.#failed);
    }
  }
  append() {}
  remove() {}
  showModal() {}
  close() {}
}

// Sets what examples take from a page, for one test. Returns the elements that were asked for;
// `failed` gets what goes wrong in a click on one.
export function fakePage(test, failed) {
  const elements = new Map();
  const element = (selector) => {
    if (!elements.has(selector)) elements.set(selector, new Element(failed));
    return elements.get(selector);
  };
  const page = {
    document: { querySelector: element, createElement: () => new Element(failed), body: new Element(failed), title: '' },
    confirm: () => true,
    fetch: async () => ({ text: async () => 'T2' }),
    location: { assign: () => {} },
    console: { ...console, log: () => {}, warn: () => {} },
  };
  for (const [name, value] of Object.entries(page)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    test.after(() => {
      if (before) Object.defineProperty(globalThis, name, before);
      else delete globalThis[name];
    });
  }
  return elements;
}
