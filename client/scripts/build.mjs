// Makes jsapi/jsapi.global.js, the plain script that sets the global JSAPI, from the ES modules, and
// docs/jsapi/reference.md from the declarations.
//
// It also brings hls.js, with which the demo plays what a call broadcasts, to where pages find it.
//
//   node scripts/build.mjs           writes them
//   node scripts/build.mjs --check   fails when they are not what would be made now
//
// The modules keep to a few rules that make joining them a matter of text: imports are of the form
// `import { a, b } from './file.js';`, exports stand in front of a declaration, and no two modules
// declare the same name.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { reference } from './reference.mjs';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'jsapi');
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

// A file of an npm package, without the address of a map that is not there.
function vendored(name) {
  const text = readFileSync(join(folder, '..', 'node_modules', name), 'utf8');
  return text.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const made = [
    [join(folder, 'jsapi.global.js'), build()],
    [join(folder, '..', '..', 'docs', 'jsapi', 'reference.md'), reference()],
    [join(folder, '..', 'demo', 'vendor', 'hls.light.min.js'), vendored('hls.js/dist/hls.light.min.js')],
    [join(folder, '..', 'demo', 'vendor', 'hls.LICENSE'), vendored('hls.js/LICENSE')],
  ];
  for (const [file, text] of made) {
    if (!process.argv.includes('--check')) {
      writeFileSync(file, text);
    } else if (readFileSync(file, 'utf8') !== text) {
      console.error(`${file} is out of date: run \`npm run build\` in client/.`);
      process.exitCode = 1;
    }
  }
}
