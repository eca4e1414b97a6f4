// A user's node:test file, in small.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setupEmulator } from 'llemulator/node';

test('answers', async (t) => {
  const api = await setupEmulator(t);
  api.replies('Paris.');
  const response = await fetch(`${api.baseURL}/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o', input: 'x' }),
  });
  assert.equal((await response.json()).output[0].content[0].text, 'Paris.');
});

test('answers', async (t) => {
  const api = await setupEmulator(t, { clock: 'manual' });
  assert.equal(api.clock.mode, 'manual');
  assert.deepEqual(api.requests, []);
});
