// A user's node:test file, in small.
import assert from 'node:assert/strict';
import test from 'node:test';
import { assertReceivedRequest, assertUsedAllReplies, setupEmulator } from 'llemulator/node';
import OpenAI from 'openai';

test('answers', async (t) => {
  const api = await setupEmulator(t);
  api.replies('Paris.');
  const answer = await new OpenAI(api).responses.create({ model: 'gpt-4o', input: 'The capital of France?' });
  assert.equal(answer.output_text, 'Paris.');
  assertReceivedRequest(api, { body: { input: /France/ } });
  assertUsedAllReplies(api);
});

test('answers', async (t) => {
  const api = await setupEmulator(t, { clock: 'manual' });
  assert.equal(api.clock.mode, 'manual');
  assert.deepEqual(api.requests, []);
});

test('side by side', { concurrency: true }, async (t) => {
  const one = (i) => t.test(`session ${i % 5}`, async (t) => {
    const api = await setupEmulator(t);
    api.replies(() => `${i}`);
    assert.equal((await new OpenAI(api).responses.create({ model: 'gpt-4o', input: 'x' })).output_text, `${i}`);
  });
  await Promise.all(Array.from({ length: 10 }, (_, i) => one(i)));
});
