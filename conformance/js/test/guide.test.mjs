// docs/clients.md: the lines for each JavaScript client, and for codex, run as they are written.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { blocks as codeOf, strictly } from '../../../scripts/documents.mjs';
import { session, url } from './support.mjs';

const here = fileURLToPath(new URL('..', import.meta.url));
const guide = readFileSync(fileURLToPath(new URL('../../../docs/clients.md', import.meta.url)), 'utf8');
const home = mkdtempSync(path.join(here, '.guide-'));
after(() => rmSync(home, { recursive: true, force: true }));

/** The fenced blocks of `language`, with the words before each. */
const blocks = (language) => [...guide.matchAll(new RegExp(`^([^\\n]+:)\\n\\n\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, words, code]) => [words, code]);

/** Runs a program with the variables the guide speaks of, in a session that answers as it says. */
async function printed(program, args) {
  const { key, requests } = await session({ '': 'Paris.' });
  const env = { ...process.env, PATH: `${here}node_modules/.bin:${process.env.PATH}`, OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: key, CODEX_HOME: home, MASTRA_TELEMETRY_DISABLED: '1' };
  const running = promisify(execFile)(program, args, { cwd: here, env });
  running.child.stdin.end();
  const { stdout } = await running;
  return { stdout, asked: await requests() };
}

const clients = blocks('js');
test('the versions named are those tried', () => {
  const named = [...clients, ...blocks('sh')].flatMap(([words]) => [...words.matchAll(/`([@\w/-]+)` (\d[\d.]*\d|\d)/g)]);
  assert.equal(named.length, 8);
  for (const [, name, number] of named) {
    const { version } = JSON.parse(readFileSync(`${here}node_modules/${name}/package.json`, 'utf8'));
    assert.ok(`${version}.`.startsWith(`${number}.`), `${name} ${number}, installed is ${version}`);
  }
});

test('the guide shows every client', () => assert.equal(clients.length, 6));

for (const [name, code] of clients) {
  test(`clients.md: ${name.split(/[,.;]/)[0]}`, async () => {
    const { stdout, asked } = await printed(process.execPath, ['--input-type=module', '--eval', code]);
    assert.equal(stdout.trim(), 'Paris.');
    assert.equal(asked.length, 1);
  });
}

test('clients.md: codex', async () => {
  const [[, code]] = blocks('sh').filter(([, block]) => block.startsWith('codex'));
  const { stdout, asked } = await printed('sh', ['-euc', code]);
  assert.equal(stdout.trim().split('\n').at(-1), 'Paris.');
  assert.ok(asked.every(({ failure }) => failure === null));
});

// docs/recipes.md: each block after the lines it begins with, in a process of its own.
const recipes = readFileSync(fileURLToPath(new URL('../../../docs/recipes.md', import.meta.url)), 'utf8');
const [prelude, ...others] = codeOf('docs/recipes.md', 'js');
// The heading above each block.
const titles = [...recipes.matchAll(/^```js\n/gm)].slice(1).map(({ index }) => recipes.slice(0, index).match(/^## .*$/gm).at(-1).slice(3));
const index = new URL('../../../js/index.mjs', import.meta.url).href;

test('the guide shows every recipe', () => assert.equal(titles.length, others.length));

for (const [number, code] of others.entries()) {
  test(`recipes.md: ${titles[number]}`, async () => {
    const whole = `${prelude}\n${code}\nassert.ok(api.requests.every(({ failure }) => failure === null));\nawait emulator.stop();\nconsole.log('done');`.replace("from 'llemulator'", `from '${index}'`);
    const { stdout } = await printed(process.execPath, ['--input-type=module', '--eval', whole]);
    assert.equal(stdout.trim(), 'done');
  });
}

test('clients.md and recipes.md compile in strict TypeScript', () => {
  const files = Object.fromEntries([
    ...clients.map(([, code], number) => [`client-${number + 1}.mts`, code]),
    ...others.map((code, number) => [`recipe-${number + 1}.mts`, `${prelude}\n${code}`]),
  ]);
  const options = { skipLibCheck: true, paths: { llemulator: [fileURLToPath(new URL('../../../index.d.mts', import.meta.url))] } };
  // Mastra's declarations of a model contradict those of the AI SDK, whose model it takes.
  const faults = strictly(path.join(home, 'types'), files, options).split('\n').filter((line) => /^\S/.test(line) && !line.includes('MastraModelConfig'));
  assert.deepEqual(faults, []);
});
