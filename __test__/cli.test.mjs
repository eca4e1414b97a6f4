// The command as npx runs it; the stand-alone binary: command_line.rs.
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, runProgram, startCommand as start } from './support.mjs';

const cli = (...args) => runProgram(process.execPath, ['js/cli.js', ...args]);

const headers = { authorization: 'Bearer sk-test', 'content-type': 'application/json' };
const post = (url, path, body) => fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
const chat = (content, more) => ({ model: 'gpt-4o', messages: [{ role: 'user', content }], ...more });

test.each(['SIGINT', 'SIGTERM'])('the first line names the address; %s ends it with code 0', async (signal) => {
  const { url, printed, stop } = await start();
  expect((await fetch(`${url}/v1/models`, { headers })).status).toBe(200);
  expect(await stop(signal)).toEqual([0, null]);
  const [, sdks, shell, line] = printed.out.split('\n');
  expect(sdks).toContain(`base URL ${url}/v1`);
  expect(shell).toContain(`OPENAI_BASE_URL=${url}/v1`);
  expect(line).toMatch(/^\d\d:\d\d:\d\dZ 200 \d+ms sk-…[0-9a-f]{4} GET \/v1\/models$/);
});

test('a key in a query is not logged', async () => {
  const { url, printed, stop } = await start();
  expect((await fetch(`${url}/v1/models?api_key=planted-secret&limit=1`, { headers })).status).toBe(200);
  await stop();
  expect(printed.out).toContain(' GET /v1/models?api_key=pla…&limit=1\n');
  expect(printed.out + printed.err).not.toContain('planted-secret');
});

test('--log-level warn prints nothing but the first line', async () => {
  const { url, printed, stop } = await start(['--port', '0', '--log-level', 'warn']);
  expect((await post(url, '/v1/chat/completions', chat('hi'))).status).toBe(200);
  await stop();
  expect(printed).toEqual({ out: `LLEmulator listening on ${url}\n`, err: '' });
});

test('an open stream gets a grace time, then the command ends with code 0', async () => {
  const { url, stop } = await start(['--port', '0', '--grace-ms', '50']);
  const held = { text: 'one two three', pace: { hold: { after_chunks: 1, until: 'never' } } };
  expect((await post(url, '/_emulator/script', { responses: [held] })).status).toBe(200);
  const response = await post(url, '/v1/chat/completions', chat('hi', { stream: true }));
  const reader = response.body.getReader();
  await reader.read();
  expect(await stop()).toEqual([0, null]);
  // The stream ends without its end.
  await expect((async () => { while (!(await reader.read()).done); })()).rejects.toThrow();
});

test('PORT chooses the port; --healthcheck probes it', async () => {
  const first = await start();
  const { port } = new URL(first.url);
  expect(await cli('--healthcheck', '--port', port)).toMatchObject({ code: 0 });
  await first.stop();
  expect(await cli('--healthcheck', '--port', port)).toMatchObject({ code: 1, stderr: expect.stringContaining(`no emulator on port ${port}`) });
  const second = await start([], { PORT: port });
  expect(second.url).toBe(first.url);
  const taken = await cli('--port', port);
  expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining('Choose another `port`') });
  await second.stop();
});

test('a bad script stops the start with file, path and reason', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'llemulator-')), 'bad.json');
  await writeFile(file, '{"responses": ["fine", {"txt": "x"}]}');
  const { code, stdout, stderr } = await cli('--port', '0', '--script', file);
  expect([code, stdout]).toEqual([1, '']);
  for (const part of [file, 'responses[1]', 'txt', 'text']) expect(stderr).toContain(part);
});

test('--version and --help', async () => {
  const { default: manifest } = await import('../package.json', { with: { type: 'json' } });
  expect(await cli('--version')).toMatchObject({ code: 0, stdout: `llemulator ${manifest.version}\n` });
  expect((await cli('--help')).stdout).toContain('--profile');
});

test('every option of startEmulator is a flag and a variable', async () => {
  const types = await readFile(join(ROOT, 'index.d.ts'), 'utf8');
  const [, options] = /^export interface EmulatorOptions \{\n(.*?)^\}/ms.exec(types);
  const flags = [...options.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  const { stdout } = await cli('--help');
  const [, settings] = stdout.split('\nSettings:\n');
  const listed = settings.split(/^ {6}(?=--)/m).slice(1);
  // In the place of script files JavaScript has emulator.script().
  expect(listed.map((each) => /^--[\w-]+/.exec(each)[0]).filter((flag) => !['--script', '--watch'].includes(flag)).sort()).toEqual(flags.sort());
  for (const each of listed) expect(each.replace(/\s+/g, ' ')).toMatch(/\[env: [A-Z_]+=?/);
});

test('mistakes: exit code and reason', async () => {
  expect(await cli('--prot', '1')).toMatchObject({ code: 2, stderr: expect.stringContaining('--port') });
  expect(await cli('--script', 'no-such.json')).toMatchObject({ code: 1, stderr: expect.stringContaining('no-such.json') });
});

test('a miss is logged as it is answered', async () => {
  const { url, printed, stop } = await start(['--port', '0', '--fallback', 'error']);
  const ask = async (content) => (await post(url, '/v1/chat/completions', chat(content))).json();
  const answers = [await ask('one'), await ask('two')];
  await stop();
  expect(answers[1].error.message).toContain('1. chat.completions.create user: "one"');
  for (const { error } of answers) expect(printed.err).toContain(`llemulator: ${error.message}\n`);
});
