// Script files by the command: validate, convert, --watch.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { chat, runProgram, startCommand } from './support.mjs';

const cli = (...args) => runProgram(process.execPath, ['js/cli.js', ...args]);
const folder = mkdtempSync(path.join(tmpdir(), 'llemulator-scripts-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file of the test's own. */
function file(name, text) {
  writeFileSync(path.join(folder, name), text);
  return path.join(folder, name);
}

test('validate tells faults and doubts with line and column', async () => {
  const good = file('good.yaml', 'responses:\n  .*: all\n  b: never # reached\n');
  const bad = file('bad.json', '{\n  "responses": [{"txt": "a"}]\n}');
  expect(await cli('validate', good)).toEqual({
    code: 0, signal: null, stderr: '',
    stdout: `warning: ${good}:3:3: responses.b: never reached: responses[".*"] takes every request it could match, without limit\n0 faults, 1 doubt\n`,
  });
  const both = await cli('validate', good, bad, path.join(folder, 'none.json'));
  expect(both.code).toBe(1);
  expect(both.stdout).toContain(`error: ${bad}:2:18: responses[0].txt: unknown key "txt" of a rule; did you mean "text"?`);
  expect(both.stdout).toMatch(/error: .*none\.json: cannot be read[^]*2 faults, 1 doubt\n$/);
  expect((await cli('validate', bad)).stdout).toMatch(/\n1 fault, 0 doubts\n$/);
  expect(await cli('--script', bad)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(`${bad}:2:18: responses[0].txt`) });
});

test('convert aimock: what comes out is a script; what is none is refused', async () => {
  const fixtures = file('fixtures.json', '{"fixtures": [{"match": {"userMessage": "hi"}, "response": {"content": "hello"}, "chunkSize": 3}]}');
  const { code, stdout } = await cli('convert', 'aimock', fixtures);
  expect([code, JSON.parse(stdout)]).toEqual([0, {
    rules: [{ match: { user: 'hi' }, response: { text: 'hello' }, times: 'unlimited', $comment: 'aimock\'s chunkSize have no counterpart' }],
  }]);
  expect(await cli('validate', file('converted.json', stdout))).toMatchObject({ code: 0, stdout: '0 faults, 0 doubts\n' });
  const refused = (text) => cli('convert', 'aimock', file('wrong.json', text));
  expect(await refused('{"fixtures": [{"match": {}, "response": {"video": {}}}]}')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('fixtures[0].response') });
  expect(await refused('{"fixtures": [')).toMatchObject({ code: 1, stderr: expect.stringContaining('not JSON') });
  expect(await refused('{"fixtures": [{"match": {"userMesage": "hi"}, "response": {"content": "hello"}}]}')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('fixtures[0].match.userMesage') });
  const many = mkdtempSync(path.join(folder, 'aimock-'));
  for (const name of ['one', 'two']) writeFileSync(path.join(many, `${name}.json`), JSON.stringify({ fixtures: [{ match: { userMessage: name }, response: { content: name } }] }));
  writeFileSync(path.join(many, 'notes.txt'), '');
  const all = await cli('convert', 'aimock', many);
  expect([all.code, JSON.parse(all.stdout).rules.map((rule) => rule.match.user), all.stderr]).toEqual([0, ['one', 'two'], expect.stringContaining('notes.txt: skipped')]);
  expect(await cli('convert', 'wiremock', fixtures)).toMatchObject({ code: 2, stderr: expect.stringContaining('aimock') });
});

test('--watch loads again; rules that stay keep their counters; a fault changes nothing', async () => {
  const watched = mkdtempSync(path.join(folder, 'watched-'));
  const base = file('base.yaml', 'responses: [once]\n');
  const script = path.join(watched, 'script.yaml');
  writeFileSync(script, 'extends: ../base.yaml\nresponses:\n  - { match: a, text: first }\n  - { match: a, text: second, times: 2 }\n');
  const { url, printed, stop } = await startCommand(['--port', '0', '--script', watched, '--watch', '--fallback', 'error']);
  const say = (text) => chat({ baseURL: `${url}/v1`, apiKey: 'sk-watch' }, text);
  const reloads = () => printed.err.split('llemulator: ').length;
  /** Changes files and waits until the server has seen it. */
  const change = async (act) => {
    const before = reloads();
    act();
    await vi.waitUntil(() => reloads() > before, { timeout: 10_000 });
  };
  expect([await say('a'), await say('a')]).toEqual(['once', 'first']);
  await change(() => writeFileSync(script, 'extends: ../base.yaml\nresponses:\n  - { match: a, text: new }\n  - { match: a, text: second, times: 2 }\n  - { match: a, text: first }\n'));
  expect(await say('a')).toBe('new');
  await change(() => writeFileSync(script, 'responses: [broken'));
  expect(printed.err).toMatch(/script\.yaml:1:\d+: not YAML[^]*; the script loaded before stays\n$/);
  expect(await say('a')).toBe('second');
  // A file in another folder, which only `extends` leads to, and one that is new in this one.
  await change(() => writeFileSync(script, 'extends: ../base.yaml\nresponses:\n  - { match: a, text: second, times: 2 }\n'));
  await change(() => writeFileSync(base, 'responses: [once, based]\n'));
  await change(() => writeFileSync(path.join(watched, 'z.json'), '{"responses": {"a": "z"}}'));
  expect([await say('a'), await say('a'), await say('a')]).toEqual(['based', 'second', 'z']);
  await stop();
});

test('--script DIR says what it skips', async () => {
  const scripts = mkdtempSync(path.join(folder, 'scripts-'));
  writeFileSync(path.join(scripts, 'a.json'), '{"responses": ["from a"]}');
  writeFileSync(path.join(scripts, 'b.jsn'), '{"responses": ["from b"]}');
  const { url, printed, stop } = await startCommand(['--port', '0', '--script', scripts]);
  expect(await chat({ baseURL: `${url}/v1`, apiKey: 'sk-a' }, 'x')).toBe('from a');
  await stop();
  expect(printed.err).toBe(`llemulator: ${scripts}: b.jsn not read: script files end in .json, .yaml or .yml and stand in the folder itself\n`);
});
