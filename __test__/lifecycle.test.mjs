// From start to the end of the process, in processes of their own.
import { expect, test } from 'vitest';
import { startEmulator } from 'llemulator';
import { chat, program, runProgram } from './support.mjs';

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

test('stop() is idempotent, closes the port and ends what runs', async () => {
  const emulator = await startEmulator();
  const api = emulator.session();
  let called;
  const running = new Promise((resolve) => (called = resolve));
  api.replies(() => (called(), new Promise(() => {})));
  const pending = expect(chat(api, 'x')).rejects.toThrow();
  await running;
  const stopped = emulator.stop();
  expect(emulator.stop()).toBe(stopped);
  await stopped;
  await pending;
  await expect(fetch(emulator.url)).rejects.toThrow();
  // What was asked can still be read.
  expect(api.transcript()).toBeTypeOf('string');
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
