// The image's binary where an image puts it: process 1 of its own name space, in a read-only file system that holds
// nothing but the binary, as a user without rights.
//   LLEMULATOR_STATIC=target/image/llemulator node --test deploy/test/image.test.mjs
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { start } from '../../scripts/start.mjs';

const root = mkdtempSync(path.join(tmpdir(), 'llemulator-image-'));
before(() => {
  copyFileSync(process.env.LLEMULATOR_STATIC, path.join(root, 'llemulator'));
  chmodSync(root, 0o755);
});
/** What was started: a test that fails leaves nothing running that the run would wait for. */
const started = [];
after(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

/**
 * A shell command in name spaces of its own, with what `container` mounts. Root becomes nobody; who is not root becomes
 * root of a user name space for the mounts, and nobody of another for the rest.
 */
function unshared(args, writable) {
  const isRoot = process.getuid() === 0;
  const mounts = [
    'mount --make-rprivate /',
    'mount --bind "$0" "$0"',
    ...(writable ? ['mount -t tmpfs -o size=64m,mode=1777 none "$0/tmp"'] : []),
    'mount -o remount,bind,ro "$0"',
  ];
  const enter = isRoot
    ? 'exec chroot --userspec=65534:65534 "$0" /llemulator "$@"'
    : 'exec unshare --user --map-user=65534 --map-group=65534 --root="$0" /llemulator "$@"';
  const own = ['--mount', '--pid', '--fork', '--kill-child', ...(isRoot ? [] : ['--user', '--map-root-user'])];
  return [...own, 'sh', '-euc', [...mounts, enter].join('\n'), root, ...args];
}

/** Runs the binary to its end. */
const runOnce = (args, env = {}) => spawnSync('unshare', unshared(args, false), { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } });

/**
 * The emulator, started as the image starts it, but on a free port.
 * @param {Record<string, string>} [env]
 * @param {{ writable?: boolean }} [options]  with a /tmp that can be written
 */
async function container(env = {}, { writable = false } = {}) {
  if (writable) mkdirSync(path.join(root, 'tmp'), { recursive: true });
  const variables = { PATH: process.env.PATH, PORT: '0', LLEMULATOR_HOST: '0.0.0.0', ...env };
  const { line, child, printed, ended } = await start('unshare', unshared([], writable), { env: variables, stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  const [, port] = /listening on \S+:(\d+)$/.exec(line) ?? assert.fail(line);
  const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());
  return { url: `http://127.0.0.1:${port}`, port, pid, stop: () => (process.kill(pid, 'SIGTERM'), ended), printed: () => printed.out + printed.err };
}

const chat = (url, text) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer image', 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o', stream: true, messages: [{ role: 'user', content: text }] }),
  });

/** What a stream said, and whether it came to its end. */
function said(text) {
  const events = text.split('\n\n').filter(Boolean).map((event) => event.replace('data: ', ''));
  const whole = events.at(-1) === '[DONE]';
  return { whole, content: events.filter((event) => event !== '[DONE]').map((event) => JSON.parse(event).choices[0].delta.content ?? '').join('') };
}

const words = (count) => Array.from({ length: count }, (_, number) => `word${number}`).join(' ');

test('it needs no library, no user and no file: --version in an empty file system', () => {
  const { status, stdout, stderr } = runOnce(['--version']);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^llemulator \d+\.\d+\.\d+\n$/);
});

test('it serves as process 1, without rights, from a read-only file system', async () => {
  const emulator = await container();
  const status = readFileSync(`/proc/${emulator.pid}/status`, 'utf8');
  assert.match(status, /^NSpid:.*\t1$/m, 'it is process 1 of its name space');
  if (process.getuid() === 0) assert.match(status, /^Uid:\t65534\t65534\t65534\t65534$/m);
  assert.match(status, /^CapEff:\t0{16}$/m, 'no capability');
  assert.equal(runOnce(['--healthcheck'], { PORT: emulator.port }).status, 0);
  const answer = await chat(emulator.url, 'hello there');
  assert.deepEqual(said(await answer.text()), { whole: true, content: 'Echo: hello there' });
  const page = await fetch(emulator.url, { headers: { accept: 'text/html' } });
  assert.match(await page.text(), /<script type="module"/, 'the control room’s page is in it');
  const models = await fetch(`${emulator.url}/v1/models`);
  assert.ok((await models.json()).data.length > 10);
  assert.deepEqual(await emulator.stop(), [0, null], emulator.printed());
  const { status: unhealthy, stderr } = runOnce(['--healthcheck'], { PORT: emulator.port });
  assert.equal(unhealthy, 1);
  assert.match(stderr, /no emulator on port/);
});

test('SIGTERM while it streams: the stream ends whole, then the process, with code 0', async () => {
  const emulator = await container({ STREAM_DELAY_MIN_MS: '20', STREAM_DELAY_MAX_MS: '20' });
  const answer = await chat(emulator.url, words(40));
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  let text = decoder.decode((await reader.read()).value, { stream: true });
  const ended = emulator.stop();
  for (let next = await reader.read(); !next.done; next = await reader.read()) text += decoder.decode(next.value, { stream: true });
  assert.deepEqual(said(text), { whole: true, content: `Echo: ${words(40)}` });
  assert.deepEqual(await ended, [0, null], emulator.printed());
});

test('a stream longer than the grace is told so; the process still ends with code 0', async () => {
  const emulator = await container({ STREAM_DELAY_MIN_MS: '1000', STREAM_DELAY_MAX_MS: '1000', LLEMULATOR_GRACE_MS: '50' });
  const answer = await chat(emulator.url, words(1000));
  const stopped = emulator.stop();
  assert.match(await answer.text(), /"code":"session_ended"\}\}\n\n$/);
  assert.deepEqual(await stopped, [0, null], emulator.printed());
});

test('a form larger than memory takes needs /tmp: without, it says so; with, it is kept', async () => {
  const upload = async (url) => {
    const form = new FormData();
    form.set('purpose', 'user_data');
    form.set('file', new Blob([new Uint8Array(3 << 20)]), 'large.bin');
    const answer = await fetch(`${url}/v1/files`, { method: 'POST', headers: { authorization: 'Bearer image' }, body: form });
    return { status: answer.status, text: await answer.text() };
  };
  const bare = await container();
  const refused = await upload(bare.url);
  assert.ok(refused.status >= 500, refused.text);
  assert.match(refused.text, /temporary files/);
  assert.equal((await fetch(`${bare.url}/healthz`)).status, 200, 'it goes on');
  await bare.stop();
  const mounted = await container({}, { writable: true });
  const kept = await upload(mounted.url);
  assert.equal(kept.status, 200, kept.text);
  assert.equal(JSON.parse(kept.text).bytes, 3 << 20);
  await mounted.stop();
});
