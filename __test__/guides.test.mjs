// The guides tell the truth: what they show as JSON loads, what they show as JavaScript runs.
import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import * as llemulator from 'llemulator';
import { ROOT } from './support.mjs';

const emulator = await llemulator.startEmulator();
afterAll(() => emulator.stop());

/** The fenced blocks of a language in a guide. */
const blocks = (file, language) =>
  [...readFileSync(`${ROOT}docs/${file}.md`, 'utf8').matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code);
const GUIDES = ['scripting', 'streaming-and-faults', 'script-files', 'truth'];

test('there is something to try', () => {
  for (const language of ['json', 'js']) expect(GUIDES.flatMap((file) => blocks(file, language)).length).toBeGreaterThan(4);
});

test.each(GUIDES.flatMap((file) => blocks(file, 'json').map((code) => [file, code])))('%s: %s', (_file, code) => {
  const shown = JSON.parse(code);
  const isScript = ['responses', 'rules', 'defaults', 'models'].some((key) => key in shown);
  emulator.session().script(isScript ? shown : { responses: [shown] });
});

test.each(GUIDES.flatMap((file) => blocks(file, 'js').map((code) => [file, code])))('%s: %s', (_file, code) => {
  const api = emulator.session();
  const names = { api, ...llemulator };
  new Function(...Object.keys(names), code)(...Object.values(names));
  // What it scripted waits for requests.
  expect(() => api.finish()).toThrow(expect.objectContaining({ code: 'ERR_LLEMULATOR_UNFINISHED' }));
});

test('what goes wrong: every reply of the table loads', () => {
  const guide = readFileSync(`${ROOT}docs/streaming-and-faults.md`, 'utf8');
  const rows = [...guide.slice(guide.indexOf('What goes wrong')).matchAll(/^\| [^|`]+ \| `(\{.*?\})`[^|]*\|$/gm)].map(([, json]) => JSON.parse(json));
  expect(rows.length).toBeGreaterThan(7);
  emulator.session().script({ responses: rows });
});
