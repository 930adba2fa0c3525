// Makes docs/jsapi/reference.md from the comments and types of jsapi/jsapi.d.ts. A type, method or
// event without a comment there is an error.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

const source = join(dirname(fileURLToPath(import.meta.url)), '..', 'jsapi', 'jsapi.d.ts');
// These come first; the others follow in the order of the file.
const kFirst = ['Client', 'JsapiEvents', 'Call', 'CallEvents', 'JsapiError'];
// What a name and a type never say: what a method does, and when an event comes.
const needsComment = (node, member) =>
  ts.isMethodDeclaration(member) || node.name.text.endsWith('Events');

// The declarations of a file as [{name, kind, text, members: [{name, signature, text}]}].
export function declarations(path = source) {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const found = file.statements.filter((node) => node.name && !ts.isFunctionDeclaration(node)).map(described);
  const functions = file.statements.filter(ts.isFunctionDeclaration).map(described);
  return [...found, ...functions];
}

function described(node) {
  const name = node.name.text;
  const entry = { name, text: commentOf(node), members: [], definition: null, base: null };
  if (!entry.text) throw new Error(`jsapi.d.ts: ${name} has no comment.`);
  if (!ts.isClassDeclaration(node) && !ts.isInterfaceDeclaration(node)) {
    entry.definition = ts.isTypeAliasDeclaration(node) ? oneLine(node.type.getText()) : signatureOf(node);
    return entry;
  }
  entry.base = node.heritageClauses?.[0]?.types[0].getText() ?? null;
  for (const member of node.members) {
    if (ts.isConstructorDeclaration(member)) continue;
    const text = commentOf(member);
    if (!text && needsComment(node, member)) {
      throw new Error(`jsapi.d.ts: ${name}.${member.name.getText()} has no comment.`);
    }
    entry.members.push({ name: member.name.getText(), signature: signatureOf(member), text });
  }
  return entry;
}

function signatureOf(node) {
  const text = oneLine(node.getText())
    .replace(/^export /, '')
    .replace(/^declare /, '')
    .replace(/;$/, '');
  return text.replace(/\( /g, '(').replace(/,? \)/g, ')');
}

function commentOf(node) {
  const [comment] = ts.getJSDocCommentsAndTags(node);
  return comment ? oneLine(ts.getTextOfJSDocComment(comment.comment) ?? '') : '';
}

function oneLine(text) {
  return text.replace(/\s+/g, ' ').trim();
}

const cell = (text) => text.replace(/\|/g, '\\|');

// Where a name of this page is explained.
function linkedTypes(text, names) {
  const used = [...names].filter((name) => new RegExp(`\\b${name}\\b`).test(text));
  return used.length > 0 ? ` → ${used.map((name) => `[${name}](#${name.toLowerCase()})`).join(', ')}` : '';
}

function section(entry, names) {
  const others = [...names].filter((name) => name !== entry.name);
  const lines = [`## ${entry.name}`, '', entry.text, ''];
  if (entry.definition) lines.push('```ts', entry.definition, '```', linkedTypes(entry.definition, others).slice(3), '');
  if (entry.base && !entry.base.startsWith('Error')) {
    lines.push(`Has all of \`${entry.base}\`.`, '');
  }
  if (entry.members.length > 0) {
    lines.push('| | |', '| --- | --- |');
    for (const { signature, text } of entry.members) {
      const bare = signature.replace(/^readonly /, '');
      lines.push(`| \`${cell(bare)}\` | ${cell(text)}${linkedTypes(bare, others)} |`);
    }
    lines.push('');
  }
  return lines.join('\n').replace(/\n{3,}/g, '\n\n');
}

export function reference() {
  const all = declarations().filter(({ name }) => name !== 'JSAPI');
  const names = new Set(all.map(({ name }) => name));
  const rank = ({ name }) => (kFirst.includes(name) ? kFirst.indexOf(name) : kFirst.length);
  const sorted = [...all].sort((a, b) => rank(a) - rank(b));
  return [
    '# Reference',
    '',
    '<!-- Made by `npm run build` in client/ from jsapi/jsapi.d.ts; change that. -->',
    '',
    '`JSAPI` is a [Client](#client), and has `Call`, `Client`, `JsapiError` and `createClient` as members. What is asked of the',
    'server returns a promise, which rejects with a [JsapiError](#jsapierror).',
    '',
    sorted.map((entry) => section(entry, names)).join('\n').trimEnd(),
    '',
  ].join('\n');
}
