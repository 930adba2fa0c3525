// Makes jsapi/jsapi.global.js, the plain script that sets the global JSAPI, from the ES modules.
//
//   node scripts/build.mjs           writes it
//   node scripts/build.mjs --check   fails when the file is not what the modules make now
//
// The modules keep to a few rules that make joining them a matter of text: imports are of the form
// `import { a, b } from './file.js';`, exports stand in front of a declaration, and no two modules
// declare the same name.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'jsapi');
const target = join(folder, 'jsapi.global.js');
const kImport = /^import \{[^}]*\} from '\.\/([^']+)';\n/gm;

// The texts of `file` and what it imports, each once, what is needed first.
function collect(file, seen = new Map()) {
  if (seen.has(file)) return seen;
  seen.set(file, null);
  const source = readFileSync(join(folder, file), 'utf8');
  for (const [, imported] of source.matchAll(kImport)) collect(imported, seen);
  seen.delete(file);
  seen.set(file, withoutModules(file, source));
  return seen;
}

function withoutModules(file, source) {
  const text = source
    .replace(kImport, '')
    .replace(/^export \{[^}]*\};\n/gm, '')
    .replace(/^export default \w+;\n/gm, '')
    .replace(/^export (?=(async )?(class|function|const) )/gm, '');
  const left = text.match(/^(import|export)\b.*/m);
  if (left) throw new Error(`${file}: "${left[0]}" is not a form this script can join.`);
  return text.trim();
}

function refuseDoubleNames(texts) {
  const owners = new Map();
  for (const [file, text] of texts) {
    for (const [, name] of text.matchAll(/^(?:async )?(?:class|function|const|let) (\w+)/gm)) {
      if (owners.has(name)) {
        throw new Error(`"${name}" is declared in both ${owners.get(name)} and ${file}.`);
      }
      owners.set(name, file);
    }
  }
}

export function build() {
  const texts = collect('jsapi.js');
  refuseDoubleNames(texts);
  const parts = [...texts].map(([file, text]) => `// ---- ${file} ----\n\n${text}\n`);
  return [
    '// Made by `npm run build` from the modules beside this file; change those.',
    '(function () {',
    "'use strict';",
    '',
    parts.join('\n'),
    'globalThis.JSAPI = JSAPI;',
    '})();',
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const script = build();
  if (!process.argv.includes('--check')) {
    writeFileSync(target, script);
  } else if (readFileSync(target, 'utf8') !== script) {
    console.error('jsapi/jsapi.global.js is out of date: run `npm run build` in client/.');
    process.exitCode = 1;
  }
}
