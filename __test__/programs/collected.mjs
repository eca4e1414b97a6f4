// Run with --expose-gc. A handle that nobody holds any more stops nothing; its functions still answer.
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { startEmulator } from 'llemulator';

async function open() {
  const emulator = await startEmulator();
  const api = emulator.session();
  api.replies(() => 'still here');
  return { gone: new WeakRef(emulator), baseURL: api.baseURL, apiKey: api.apiKey };
}
const { gone, baseURL, apiKey } = await open();
for (let i = 0; gone.deref() && i < 100; i++) {
  await setImmediate();
  globalThis.gc();
}
assert.equal(gone.deref(), undefined, 'the handle was collected');
const response = await fetch(`${baseURL}/chat/completions`, {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
  body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] }),
});
assert.equal((await response.json()).choices[0].message.content, 'still here');
