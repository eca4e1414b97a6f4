// The types say what the addon knows; that they compile as they should is tested by tsc, in types/.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import * as llemulator from 'llemulator';
import { asModule, blocks, strictly } from '../scripts/documents.mjs';
import { ROOT } from './support.mjs';

const read = (file) => readFileSync(`${ROOT}${file}`, 'utf8');
const sorted = (names) => [...new Set(names)].sort();

test('every operation has its name', () => {
  const [, union] = /export type Operation =(.*?);/s.exec(read('index.d.ts'));
  const [, bodies] = /export interface RequestBodies \{(.*?)\n\}/s.exec(read('index.d.ts'));
  const typed = [...`${union}${bodies}`.matchAll(/'([\w.]+)'/g)].map(([, name]) => name).filter((name) => name !== 'unknown');
  const sources = readdirSync(`${ROOT}src/api`, { recursive: true }).filter((file) => file.endsWith('.rs')).map((file) => read(`src/api/${file}`));
  const served = sources.flatMap((text) => [...text.matchAll(/Served \{\s*name: "([\w.]+)"/g)].map(([, name]) => name));
  expect(served).toContain('chat.completions.create');
  expect(sorted(typed)).toEqual(sorted(served));
});

test('the script language has its keys', () => {
  const keys = (schema) => (typeof schema !== 'object' || schema === null ? [] : [...Object.keys(schema.properties ?? {}), ...Object.values(schema).flatMap(keys)]);
  const documented = sorted(keys(JSON.parse(read('script.schema.json'))));
  const types = read('types/script.d.ts') + read('types/replies.d.ts');
  const typed = new Set([...types.matchAll(/([$\w/-]+)'?\??:/g)].map(([, name]) => name));
  expect(documented).toContain('tool_calls');
  // What belongs to files.
  expect(documented.filter((key) => !typed.has(key))).toEqual(['extends']);
});

test('what the README and the guides show compiles in strict TypeScript', () => {
  const files = { 'app.d.ts': 'export function capital(country: string): Promise<string | null>;' };
  for (const page of ['README', 'docs/scripting', 'docs/streaming-and-faults', 'docs/sessions', 'docs/test-runners', 'docs/local-model', 'docs/skill/SKILL']) {
    for (const [number, code] of blocks(`${page}.md`, 'js').entries()) {
      const commonJs = /\brequire\(|module\.exports/.test(code);
      const name = `${path.basename(page)}-${number + 1}.${commonJs ? 'cjs' : 'mts'}`;
      files[name] = commonJs ? `const { expect, test } = require('@jest/globals');\n${code}` : asModule(code, Object.keys(llemulator));
    }
  }
  expect(Object.keys(files).length).toBeGreaterThan(15);
  expect(strictly(`${ROOT}target/documents`, files, { allowJs: true, checkJs: true })).toBe('');
  // It is strict, and the package's own types are seen.
  expect(strictly(`${ROOT}target/documents`, { 'wrong.mts': asModule(`api.replies({ txet: 'x' });\napi.lastRequest.body;`, []) })).toMatch(/'txet'[^]*TS18048/);
}, 60_000);
