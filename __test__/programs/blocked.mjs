// While this thread sits in spawnSync, a child talks to the emulator inside this process.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { startEmulator } from 'llemulator';

const emulator = await startEmulator();
const api = emulator.session();
api.replies('Paris.');
const child = `
  fetch(process.env.OPENAI_BASE_URL + '/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer ' + process.env.OPENAI_API_KEY },
    body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] }),
  }).then((response) => response.json()).then((answer) => console.log(answer.choices[0].message.content));`;
const { stdout } = spawnSync(process.execPath, ['-e', child], { env: { ...process.env, ...api.env }, encoding: 'utf8' });
assert.equal(stdout.trim(), 'Paris.');
assert.equal(api.requests.length, 1);
