// Recordings as a test author uses them: options, a session's own file, the helpers of the runners.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import OpenAI from 'openai';
import { afterAll, expect, test } from 'vitest';
import { startEmulator } from 'llemulator';
import { ROOT, chat, pieces, runProgram, startCommand, thrown } from './support.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'llemulator-cassettes-'));
afterAll(() => rmSync(folder, { recursive: true }));
const real = await startEmulator({ fallback: 'echo', auth: 'optional' });
afterAll(() => real.stop());
const upstream = { upstream: real.baseURL, upstreamKey: 'sk-up', ci: false };
const own = (name) => path.join(folder, name);

test('what was recorded is played by an emulator that knows nothing else', async () => {
  const record = own('options');
  const recorder = await startEmulator({ ...upstream, record });
  const api = recorder.session();
  expect(await chat(api, 'one')).toBe('Echo: one');
  const streamed = await pieces(api, 'two');
  await recorder.stop();
  const [file] = readdirSync(record);
  expect(readFileSync(path.join(record, file), 'utf8')).not.toContain('sk-up');
  const player = await startEmulator({ cassettes: record });
  const again = player.session();
  expect(await chat(again, 'one')).toBe('Echo: one');
  expect(await pieces(again, 'two')).toEqual(streamed);
  // Over the other API, and unstreamed.
  expect((await new OpenAI(player.session()).responses.create({ model: 'gpt-4o', input: 'two' })).output_text).toBe('Echo: two');
  await expect(chat(again, 'three')).rejects.toMatchObject({ code: 'no_recording', message: expect.stringContaining('body.messages[0].content: recorded "one", came "three"') });
  expect(() => again.finish()).toThrow(/No recording answers this chat\.completions\.create/);
  await player.stop();
});

test('a session has a cassette of its own, without time stamps', async () => {
  const file = own('nested/own.jsonl');
  const emulator = await startEmulator({ ci: false });
  const api = emulator.session();
  api.cassette(file, { record: 'on-miss', upstream: real.baseURL, upstreamKey: 'sk-up' });
  expect(await chat(api, 'one')).toBe('Echo: one');
  api.finish();
  const first = readFileSync(file, 'utf8');
  expect(first.trim().split('\n')).toHaveLength(2);
  expect(first).not.toMatch(/"at"|"client"|"date"/);
  const player = emulator.session();
  player.cassette(file);
  expect(await chat(player, 'one')).toBe('Echo: one');
  await expect(chat(player, 'two')).rejects.toMatchObject({ code: 'no_recording' });
  const refused = (path, options, told) => expect(thrown(() => api.cassette(path, options))).toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT', message: expect.stringContaining(told) });
  refused(file, { recrd: 'all' }, 'did you mean record?');
  refused(file, { record: 'sometimes' }, 'there is no way to record');
  refused(file, { record: 'all', upstream: 'nonsense' }, 'upstream is "nonsense"');
  refused(file, { record: 'all', upstream: real.baseURL, upstreamKey: 5 }, 'upstreamKey must be a string, not 5');
  refused('', {}, 'expected the path of a file');
  await emulator.stop();
});

test('nothing is recorded where CI is set', async () => {
  const file = own('ci.jsonl');
  const emulator = await startEmulator({ ci: true });
  const api = emulator.session();
  api.cassette(file, { record: 'all', upstream: real.baseURL });
  await expect(chat(api, 'one')).rejects.toMatchObject({ code: 'no_recording', message: expect.stringContaining('there are no recordings') });
  await emulator.stop();
  expect(existsSync(file)).toBe(false);
});

test('lines that cannot be read are named, the rest plays', async () => {
  const file = own('broken.jsonl');
  const recording = { operation: 'chat.completions.create', request: { method: 'POST', path: '/v1/chat/completions', body: { model: 'gpt-4o', messages: [{ role: 'user', content: 'one' }] } }, reply: 'by hand' };
  writeFileSync(file, `{"cassette":1}\n{"operation":\n${JSON.stringify(recording)}\n`);
  const warned = [];
  const listen = (warning) => warned.push(String(warning));
  process.on('warning', listen);
  const emulator = await startEmulator();
  const api = emulator.session();
  api.cassette(file);
  expect(await chat(api, 'one')).toBe('by hand');
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', listen);
  expect(warned).toEqual([expect.stringContaining(`${file}:2: the line is cut off`)]);
  await emulator.stop();
});

/** A project of a user's, with a test for a runner. */
function project(name, files) {
  const place = own(name);
  mkdirSync(place);
  for (const [file, text] of Object.entries(files)) writeFileSync(path.join(place, file), text);
  mkdirSync(path.join(place, 'node_modules'));
  symlinkSync(ROOT, path.join(place, 'node_modules/llemulator'));
  for (const dependency of ['vitest', 'jest', 'openai', '@jest']) symlinkSync(path.join(ROOT, 'node_modules', dependency), path.join(place, 'node_modules', dependency));
  return place;
}

const asks = `(await openai.responses.create({ model: 'gpt-4o', input: 'The capital of France?' })).output_text`;
const runners = [
  ['vitest', 'capital.test.mjs', ['node_modules/vitest/vitest.mjs', 'run'], `
    import { test } from 'llemulator/vitest';
    import { expect } from 'vitest';
    test('knows capitals', async ({ openai, cassette }) => {
      cassette('capital of France');
      expect(${asks}).toContain('France');
    });`],
  ['jest', 'capital.test.js', ['node_modules/jest/bin/jest.js', '--ci=false'], `
    const { OpenAI } = require('openai');
    const { setupEmulator } = require('llemulator/jest');
    const emulator = setupEmulator();
    test('knows capitals', async () => {
      const openai = new OpenAI({ ...emulator.cassette('capital of France'), maxRetries: 0 });
      expect(${asks}).toContain('France');
    });`],
  ['node', 'capital.test.mjs', ['--test'], `
    import assert from 'node:assert';
    import test from 'node:test';
    import OpenAI from 'openai';
    import { cassette } from 'llemulator/node';
    test('knows capitals', async (t) => {
      const openai = new OpenAI({ ...(await cassette(t, 'capital of France')), maxRetries: 0 });
      assert.match(${asks}, /France/);
    });`],
];

test.each(runners)('%s: a cassette stands beside the test, is recorded when asked, and misses in CI', async (name, file, words, text) => {
  const place = project(name, { [file]: text, 'package.json': '{}', 'jest.config.json': '{}' });
  const args = [...words, ...(name === 'node' ? [file] : [])];
  const run = (env) => runProgram(process.execPath, args, { cwd: place, env: { ...process.env, CI: '', NODE_OPTIONS: '', VITEST: '', ...env } });
  const cassette = path.join(place, '__cassettes__/capital-of-France.jsonl');
  const asked = { LLEMULATOR_RECORD: 'on-miss', LLEMULATOR_UPSTREAM: real.baseURL, LLEMULATOR_UPSTREAM_KEY: 'sk-up' };
  const missed = await run({ ...asked, CI: 'true' });
  expect([missed.code, existsSync(cassette)], missed.stdout + missed.stderr).toEqual([1, false]);
  expect(missed.stdout + missed.stderr).toContain('No recording answers this responses.create');
  const recorded = await run(asked);
  expect(recorded.code, recorded.stdout + recorded.stderr).toBe(0);
  const first = readFileSync(cassette, 'utf8');
  const requests = real.session('sk-up').requests.length;
  for (const env of [{}, { CI: 'true' }, asked]) {
    const played = await run(env);
    expect(played.code, played.stdout + played.stderr).toBe(0);
  }
  expect(real.session('sk-up').requests.length).toBe(requests);
  expect(readFileSync(cassette, 'utf8')).toBe(first);
  // Another question in CI: nothing is asked, and the nearest recording is named with what differs.
  writeFileSync(path.join(place, file), text.replace('The capital of France?', 'The capital of Norway? Not France.'));
  const differs = await run({ ...asked, CI: 'true' });
  expect(differs.code).toBe(1);
  expect(differs.stdout + differs.stderr).toMatch(/the nearest is \S*capital-of-France\.jsonl:2, which differs in\s+body\.input: recorded "The capital of France\?", came "The capital of Norway\?/);
  expect(readFileSync(cassette, 'utf8')).toBe(first);
}, 120_000);

test('the command line records, plays, lists, shows, prunes, converts and checks', async () => {
  const record = own('command');
  const llemulator = (...words) => runProgram(process.execPath, [`${ROOT}js/cli.js`, ...words], { env: { ...process.env, CI: '' } });
  const recorder = await startCommand(['--port', '0', '--record', record, '--upstream', real.baseURL, '--ci', 'false']);
  expect(await chat({ baseURL: `${recorder.url}/v1`, apiKey: 'k' }, 'one')).toBe('Echo: one');
  await recorder.stop();
  const player = await startCommand(['--port', '0', '--cassettes', record]);
  expect(await chat({ baseURL: `${player.url}/v1`, apiKey: 'k' }, 'one')).toBe('Echo: one');
  await player.stop();
  const [file] = readdirSync(record).map((name) => path.join(record, name));
  const listed = await llemulator('cassettes', 'list', record);
  expect([listed.code, listed.stdout]).toEqual([0, expect.stringContaining(`${file}:2  chat.completions.create  200  gpt-4o "one"  (js `)]);
  expect((await llemulator('cassettes', 'show', `${file}:2`)).stdout).toContain('"text": "Echo: one"');
  expect((await llemulator('cassettes', 'show', `${file}:9`)).code).toBe(1);
  const script = JSON.parse((await llemulator('cassettes', 'convert', record)).stdout);
  const api = real.session('converted');
  api.script(script);
  expect(await chat(api, 'one')).toBe('Echo: one');
  api.finish();
  expect(await llemulator('cassettes', 'check', record)).toMatchObject({ code: 0, stdout: '1 recordings: 0 errors, 0 warnings, 0 infos\n' });
  const again = await llemulator('--upstream', real.baseURL, 'cassettes', 'check', record);
  expect(again, again.stdout).toMatchObject({ code: 0 });
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  // As if the API had been another then: a field more, one less, one of another type.
  const recording = JSON.parse(lines[1]);
  const { usage, ...answer } = JSON.parse(recording.response.chunks.map(([, text]) => text).join(''));
  expect(usage).toBeDefined();
  recording.response.chunks = [[0, JSON.stringify({ ...answer, created: 'then', vibes: 1 })]];
  writeFileSync(file, `${lines[0]}\n${JSON.stringify(recording)}\n`);
  const live = await llemulator('--upstream', real.baseURL, 'cassettes', 'check', record);
  expect([live.code, live.stdout]).toEqual([4, expect.stringContaining(`error: ${file}:2: created: was a string, is a number`)]);
  expect(live.stdout).toContain(`warning: ${file}:2: vibes: is not there any more`);
  expect(live.stdout).toContain(`info: ${file}:2: usage: is new`);
  const stale = lines[1].replace('"model":"gpt-4o"', '"model":"gpt-1"');
  writeFileSync(file, `${[...lines, lines[1], '{"cut', stale].join('\n')}\n`);
  const checked = await llemulator('cassettes', 'check', record);
  expect([checked.code, checked.stdout]).toEqual([1, expect.stringContaining(`warning: ${file}:5: request.body.model: "gpt-1" is retired or unknown`)]);
  expect((await llemulator('cassettes', 'prune', record)).stdout).toContain('2 taken out');
  expect(readFileSync(file, 'utf8').trim().split('\n')).toEqual([expect.stringContaining('"cassette":1'), lines[1], stale]);
  expect((await llemulator('cassettes', 'check', record)).code).toBe(3);
});

test('two processes record into one folder at the same time', async () => {
  const record = own('together');
  const start = () => startCommand(['--port', '0', '--record', record, '--upstream', real.baseURL, '--ci', 'false']);
  const recorders = await Promise.all([start(), start()]);
  const asks = Array.from({ length: 20 }, (_, number) => `ask ${number}`);
  const all = recorders.map(async ({ url }, number) => {
    for (const text of asks) expect(await chat({ baseURL: `${url}/v1`, apiKey: 'k' }, `${text} of ${number}`)).toBe(`Echo: ${text} of ${number}`);
  });
  await Promise.all(all);
  await Promise.all(recorders.map((recorder) => recorder.stop()));
  expect(readdirSync(record)).toHaveLength(2);
  const player = await startEmulator({ cassettes: record });
  const api = player.session();
  for (const number of [0, 1]) for (const text of asks) expect(await chat(api, `${text} of ${number}`)).toBe(`Echo: ${text} of ${number}`);
  await player.stop();
});
