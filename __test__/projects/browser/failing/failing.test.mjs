// What must fail, and how: what is printed is compared with ../expected.
import assert from 'node:assert/strict';
import test from 'node:test';
import { connectEmulator, startEmulator } from 'llemulator';
import { startApp } from '../app.mjs';

test('the page shows no answer', async (t) => {
  const emulator = await startEmulator();
  const app = await startApp(emulator);
  t.after(async () => {
    await app.stop();
    await emulator.stop();
  });
  const api = await (await connectEmulator(emulator.url)).session('page');
  await api.replies('Paris.');
  assert.equal(await app.ask('page', 'The capital of France?'), 'Paris.');
  assert.equal(await app.ask('page', 'Of Norway?'), 'No answer.');
  await api.finish();
});
