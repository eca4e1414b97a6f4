// The emulators of a process share one runtime of one thread. Only Linux shows a process's threads as files; elsewhere
// there is nothing to count.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { startEmulator } from 'llemulator';

const TASKS = '/proc/self/task';
const ours = () => readdirSync(TASKS).filter((task) => readFileSync(`${TASKS}/${task}/comm`, 'utf8') === 'llemulator\n').length;

const emulators = await Promise.all(Array.from({ length: 20 }, () => startEmulator()));
const api = emulators[7].session();
api.replies(() => 'computed');
const response = await fetch(`${api.baseURL}/chat/completions`, {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: `Bearer ${api.apiKey}` },
  body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] }),
});
assert.equal(response.status, 200);
if (existsSync(TASKS)) assert.equal(ours(), 1);
await Promise.all(emulators.map((emulator) => emulator.stop()));
if (existsSync(TASKS)) assert.equal(ours(), 1);
