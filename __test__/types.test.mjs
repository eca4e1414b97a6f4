// The types say what the addon knows; that they compile as they should is tested by tsc, in types/.
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
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
  // What belongs to files and to answers that are not built yet.
  expect(documented.filter((key) => !typed.has(key))).toEqual(['extends', 'manual', 'replay', 'upstream'].filter((key) => documented.includes(key)));
});
