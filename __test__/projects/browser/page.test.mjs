// A page that calls the API, in a real browser; one session per test, side by side.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startEmulator } from 'llemulator';
import { assertReceivedMessages } from 'llemulator/node';
import { startApp } from './app.mjs';

test('pages of several tests', { concurrency: true }, async (t) => {
  const emulator = await startEmulator();
  const app = await startApp(emulator);
  t.after(async () => {
    await app.stop();
    await emulator.stop();
  });
  const one = (name, city) => t.test(name, async () => {
    const api = emulator.session(name);
    api.replies(`${city}.`);
    assert.equal(await app.ask(name, `The capital, ${name}?`), `${city}.`);
    assertReceivedMessages(api, [`The capital, ${name}?`]);
    api.finish();
  });
  await Promise.all([one('france', 'Paris'), one('norway', 'Oslo'), one('italy', 'Rome')]);
});
