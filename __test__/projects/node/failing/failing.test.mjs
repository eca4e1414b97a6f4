// What must fail, and how: what node:test prints is compared with ../expected.
import assert from 'node:assert/strict';
import test from 'node:test';
import { text } from 'llemulator';
import { assertReceivedRequest, setupEmulator } from 'llemulator/node';
import OpenAI from 'openai';

const ask = async (api, input) => (await new OpenAI({ ...api, maxRetries: 0 }).responses.create({ model: 'gpt-4o', input })).output_text;

test('replies are left over', async (t) => {
  (await setupEmulator(t)).replies('never asked for', function weather() {
    return 'Cold.';
  });
});

test('fails by itself: what it left is not shown', async (t) => {
  (await setupEmulator(t)).replies('left too');
  assert.equal(1, 2);
});

test('fails, and nothing was scripted', async (t) => {
  const api = await setupEmulator(t);
  assert.equal(await ask(api, 'Who are you?').catch(() => 'no answer'), 'An emulator.');
});

test('the application swallows that a reply function throws', async (t) => {
  const api = await setupEmulator(t);
  api.replies(({ tools }) => tools[0].name);
  await ask(api, 'hello').catch(() => 'no answer');
});

test('runs out of time while a request waits', { timeout: 500 }, async (t) => {
  const api = await setupEmulator(t);
  api.replies(text('one two', { hold: { until: 'go' } }));
  await ask(api, 'hello');
});

test('an assertion fails', async (t) => {
  const api = await setupEmulator(t);
  api.replies('Paris.');
  await ask(api, 'The capital of France?');
  assertReceivedRequest(api, { operation: 'responses.create', body: { model: 'gpt-4o-mini', input: /France/ } });
});
