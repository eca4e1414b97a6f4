// The command as npx runs it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { ROOT, runProgram } from './support.mjs';

const cli = (...args) => runProgram(process.execPath, ['js/cli.js', ...args]);

test.each(['SIGINT', 'SIGTERM'])('the first line names the address; %s ends it with code 0', async (signal) => {
  const server = spawn(process.execPath, ['js/cli.js', '--port', '0'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const [first] = await once(server.stdout.setEncoding('utf8'), 'data');
  const [, url] = /^LLEmulator listening on (http:\/\/127\.0\.0\.1:\d+)\n/.exec(first);
  expect((await fetch(`${url}/v1/models`, { headers: { authorization: 'Bearer sk-test' } })).status).toBe(200);
  server.stdout.resume();
  server.kill(signal);
  expect(await once(server, 'exit')).toEqual([0, null]);
});

test('--version and --help', async () => {
  const { default: manifest } = await import('../package.json', { with: { type: 'json' } });
  expect(await cli('--version')).toMatchObject({ code: 0, stdout: `llemulator ${manifest.version}\n` });
  expect((await cli('--help')).stdout).toContain('--profile');
});

test('mistakes: exit code and reason', async () => {
  expect(await cli('--prot', '1')).toMatchObject({ code: 2, stderr: expect.stringContaining('--port') });
  expect(await cli('--script', 'no-such.json')).toMatchObject({ code: 1, stderr: expect.stringContaining('no-such.json') });
});

test('a miss is logged as it is answered', async () => {
  const server = spawn(process.execPath, ['js/cli.js', '--port', '0', '--fallback', 'error'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let logged = '';
  server.stderr.setEncoding('utf8').on('data', (text) => (logged += text));
  const [first] = await once(server.stdout.setEncoding('utf8'), 'data');
  const url = /http:\/\/[\d.:]+/.exec(first)[0];
  const ask = (content) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content }] }),
    }).then((response) => response.json());
  const answers = [await ask('one'), await ask('two')];
  server.stdout.resume();
  server.kill('SIGTERM');
  await once(server, 'close');
  expect(answers[1].error.message).toContain('1. chat.completions.create user: "one"');
  for (const { error } of answers) expect(logged).toContain(`llemulator: ${error.message}\n`);
});
