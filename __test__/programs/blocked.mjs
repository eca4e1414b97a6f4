// While this thread sits in spawnSync, the SDK in a child talks to the emulator inside this process.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { startEmulator } from 'llemulator';

const emulator = await startEmulator();
const api = emulator.session();
api.replies('Paris.');
const child = `
  const { OpenAI } = require('openai');
  new OpenAI().chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] })
    .then((answer) => console.log(answer.choices[0].message.content));`;
const { stdout } = spawnSync(process.execPath, ['-e', child], { env: { ...process.env, ...api.env }, encoding: 'utf8' });
assert.equal(stdout.trim(), 'Paris.');
assert.equal(api.requests.length, 1);
