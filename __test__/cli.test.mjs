// The command as npx runs it; the stand-alone binary: command_line.rs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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

// With the feature, which only the stand-alone binary has: conformance/telemetry.
test.each([['OTEL_EXPORTER_OTLP_ENDPOINT', true], ['OTEL_SERVICE_NAME', false]])('%s: a build without OpenTelemetry says so when it is wanted (%s)', async (variable, wanted) => {
  const { printed, stop } = await start(['--port', '0'], { [variable]: 'jaeger:4317' });
  await stop();
  expect(printed.err.includes('this build does not speak OpenTelemetry')).toBe(wanted);
});

test('an open stream gets a grace time, then the command ends with code 0', async () => {
  const { url, stop } = await start(['--port', '0', '--grace-ms', '50']);
  const held = { text: 'one two three', pace: { hold: { after_chunks: 1, until: 'never' } } };
  expect((await post(url, '/_emulator/script', { responses: [held] })).status).toBe(200);
  const response = await post(url, '/v1/chat/completions', chat('hi', { stream: true }));
  const reader = response.body.getReader();
  await reader.read();
  expect(await stop()).toEqual([0, null]);
  // It says why it ends, and has no end of its own.
  let rest = '';
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) rest += new TextDecoder().decode(piece.value);
  expect(rest).toContain('"code":"session_ended"');
  expect(rest).not.toContain('[DONE]');
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

// What opens an address, where a test can stand in for it.
const openers = { linux: ['xdg-open'], darwin: ['open'] }[process.platform] ?? [];

test.each(openers)('--open opens the page by %s, and says so where that is not there', async (opener) => {
  const folder = await mkdtemp(join(tmpdir(), 'llemulator-'));
  const opened = join(folder, 'opened');
  await writeFile(join(folder, opener), `#!/bin/sh\necho "$1" > '${opened}'\n`, { mode: 0o755 });
  const first = await start(['--port', '0', '--open'], { PATH: `${folder}:${process.env.PATH}` });
  await expect.poll(() => readFile(opened, 'utf8').catch(() => '')).toBe(`${first.url}\n`);
  await first.stop();
  const second = await start(['--port', '0', '--open'], { PATH: '/nowhere' });
  await expect.poll(() => second.printed.err).toContain(`The page is at ${second.url}/`);
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
});

test('--help is one screen with examples that work; --help --all knows every option', async () => {
  const { code, stdout } = await cli('--help');
  expect([code, (await cli('-h')).stdout]).toEqual([0, stdout]);
  expect(stdout.split('\n').length).toBeLessThanOrEqual(60);
  for (const part of ['--port', '--script', '--profile', '--exit-with-parent', 'validate', 'Examples:', '--help --all']) expect(stdout).toContain(part);
  // Without a meaning on a command line, or rarely wanted there.
  for (const part of ['JavaScript', '--max-callbacks', '--callback-timeout-ms', '--max-objects']) expect(stdout).not.toContain(part);
  const all = (await cli('--help', '--all')).stdout;
  for (const [option] of stdout.matchAll(/--[a-z-]+/g)) expect(all).toContain(option);
  expect(all).toContain('--max-objects');
  expect(all).not.toContain('JavaScript');
  expect((await cli('validate', '--help')).stdout).toContain('Script files and folders');
  // The examples: what they start says where it listens.
  const examples = [...stdout.matchAll(/^ {2}llemulator(.*?) {2,}\S/gm)].map(([, words]) => words.trim().split(' ').filter(Boolean)).filter(([first]) => !['validate', undefined].includes(first));
  expect(examples.length).toBe(3);
  const script = join(await mkdtemp(join(tmpdir(), 'llemulator-')), 'replies.yaml');
  await writeFile(script, 'responses: [a]\n');
  for (const words of examples) {
    const { stop } = await start([...words.map((word) => (word === 'replies.yaml' ? script : word)), ...(words.includes('--port') ? [] : ['--port', '0'])]);
    expect(await stop()).toEqual([0, null]);
  }
});

test('--exit-with-parent: whoever started it is gone, so it goes', async () => {
  // A test run that starts an emulator and is killed before it can stop it; the emulator's stdout is ours.
  const parent = (stdin) => `
    const child = require('node:child_process').spawn(process.execPath, ['js/cli.js', '--port', '0', '--exit-with-parent'], { stdio: ['${stdin}', 'inherit', 'inherit'] });
    setInterval(() => {}, 1000);`;
  for (const stdin of process.platform === 'win32' ? ['pipe'] : ['pipe', 'ignore']) {
    const run = spawn(process.execPath, ['-e', parent(stdin)], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: run.stdout });
    const [first] = await once(lines, 'line');
    expect(first).toMatch(/^LLEmulator listening on /);
    run.kill('SIGKILL');
    // The pipe closes when its last writer, the emulator, has ended.
    await once(lines, 'close');
    await expect(fetch(`${first.split(' ').at(-1)}/healthz`)).rejects.toThrow();
  }
});

test('every option of startEmulator is a flag and a variable', async () => {
  const types = await readFile(join(ROOT, 'index.d.ts'), 'utf8');
  const [, options] = /^export interface EmulatorOptions \{\n(.*?)^\}/ms.exec(types);
  const flags = [...options.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  const { stdout } = await cli('--help', '--all');
  const [, settings] = stdout.split('\nSettings:\n');
  const listed = settings.split(/^ {6}(?=--)/m).slice(1);
  // In the place of script files JavaScript has emulator.script(), and it is the parent; functions are given to it alone.
  const onlyHere = ['--script', '--watch', '--exit-with-parent'];
  const onlyThere = ['--callback-timeout-ms', '--max-callbacks'];
  expect([...listed.map((each) => /^--[\w-]+/.exec(each)[0]).filter((flag) => !onlyHere.includes(flag)), ...onlyThere].sort()).toEqual(flags.sort());
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
