// From start to the end of the process, in processes of their own.
import { expect, test, vi } from 'vitest';
import { startEmulator, text } from 'llemulator';
import { chat, pieces, program, runProgram, thrown } from './support.mjs';

const clean = { code: 0, signal: null, stderr: '' };

test('both doors, replies, functions, stop', async () => {
  expect(await program('smoke.mjs')).toEqual({ ...clean, stdout: 'ok\n' });
});

test('a process that forgets to stop ends by itself', async () => {
  expect(await program('forgotten.mjs')).toMatchObject(clean);
});

test('process.exit() while a function runs', async () => {
  expect(await runProgram(process.execPath, ['__test__/programs/forgotten.mjs', '--exit'])).toMatchObject(clean);
});

test('a handle that is garbage-collected stops nothing', async () => {
  expect(await program('collected.mjs', '--expose-gc')).toMatchObject(clean);
});

test('a blocked thread is answered', async () => {
  expect(await program('blocked.mjs')).toMatchObject(clean);
});

test('worker threads, however they end', { timeout: 60_000 }, async () => {
  expect(await program('workers.mjs')).toMatchObject(clean);
});

test('however many emulators there are, they share one thread', async () => {
  expect(await program('threads.mjs')).toMatchObject(clean);
});

test('fake timers do no harm', async () => {
  vi.useFakeTimers();
  try {
    const emulator = await startEmulator();
    const api = emulator.session();
    api.replies(text('one two', { chunk: 'word', delayMs: 1 }), async () => 'computed', async function* () { yield 'a'; yield 'b'; });
    expect([await pieces(api, 'x'), await chat(api, 'x'), await pieces(api, 'x')]).toEqual([['one ', 'two'], 'computed', ['a', 'b']]);
    expect(api.requests.length).toBe(3);
    await emulator.stop();
  } finally {
    vi.useRealTimers();
  }
});

test('nothing edits process.env', async () => {
  const before = { ...process.env };
  const emulator = await startEmulator();
  expect(emulator.session().env).toHaveProperty('OPENAI_API_KEY');
  await emulator.stop();
  expect({ ...process.env }).toEqual(before);
});

test('stop() is idempotent, closes the port and ends what runs', async () => {
  const emulator = await startEmulator();
  const api = emulator.session();
  let called;
  const running = new Promise((resolve) => (called = resolve));
  api.replies('asked before', () => (called(), new Promise(() => {})));
  await chat(api, 'x');
  const pending = expect(chat(api, 'x')).rejects.toThrow();
  await running;
  const stopped = emulator.stop();
  expect(emulator.stop()).toBe(stopped);
  await stopped;
  await pending;
  await expect(fetch(emulator.url)).rejects.toThrow();
  // What was asked can still be read, and forgotten; what would change an answer is refused at its line.
  expect(api.transcript()).toContain('asked before');
  const late = [
    () => api.replies('too late'), () => api.otherwise('too late'), () => api.script({ responses: ['too late'] }), () => api.release('go'),
    () => api.cassette('late.jsonl'), () => emulator.on('pending', () => {}), () => emulator.session(), () => emulator.script({ responses: ['too late'] }),
  ];
  for (const act of late) {
    const error = thrown(act);
    expect(error).toMatchObject({ code: 'ERR_LLEMULATOR_STOPPED', message: expect.stringContaining('stop()') });
    expect(error.stack.split('\n').find((line) => line.startsWith('    at '))).toContain('lifecycle.test.mjs');
  }
  api.reset();
  await emulator[Symbol.asyncDispose]();
});

test('fifty side by side, each with its own functions', async () => {
  const emulators = await Promise.all(Array.from({ length: 50 }, () => startEmulator()));
  expect(new Set(emulators.map((emulator) => emulator.port)).size).toBe(50);
  const answers = await Promise.all(
    emulators.map((emulator, i) => {
      const api = emulator.session();
      api.replies(() => `${i}`);
      return chat(api, 'x');
    }),
  );
  expect(answers).toEqual(emulators.map((_, i) => `${i}`));
  await Promise.all(emulators.map((emulator) => emulator.stop()));
});

test('a new start on the port of one that stopped fails no request', { timeout: 60_000 }, async () => {
  const options = { port: 0, fallback: 'echo', auth: 'optional' };
  for (let round = 0; round < 100; round++) {
    const emulator = await startEmulator(options);
    options.port = emulator.port;
    // Several at once, so that the pool of fetch keeps several connections.
    const ask = () => fetch(`${emulator.baseURL}/models`).then(async (response) => [response.status, (await response.text()).length > 0]);
    expect(await Promise.all(Array.from({ length: 4 }, ask)), `round ${round}`).toEqual(Array(4).fill([200, true]));
    await emulator.stop();
  }
});

test('a body over the limit: fetch and the client see the answer', async () => {
  const emulator = await startEmulator({ maxBodyBytes: 100_000 });
  const api = emulator.session();
  const large = 'x'.repeat(20_000_000);
  const headers = { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' };
  for (let round = 0; round < 5; round++) {
    expect((await fetch(`${api.baseURL}/chat/completions`, { method: 'POST', headers, body: large })).status).toBe(413);
  }
  await expect(chat(api, large)).rejects.toMatchObject({ status: 413 });
  await emulator.stop();
});
