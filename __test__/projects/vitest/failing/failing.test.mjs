// What must fail, and how: what Vitest prints is compared with ../expected.
import { text } from 'llemulator';
import { test } from 'llemulator/vitest';
import { expect } from 'vitest';

const ask = async (openai, input) => (await openai.responses.create({ model: 'gpt-4o', input }, { maxRetries: 0 })).output_text;

test('replies are left over', ({ api }) => {
  api.replies('never asked for', function weather() {
    return 'Cold.';
  });
});

test('fails by itself: what it left is not shown', ({ api }) => {
  api.replies('left too');
  expect(1).toBe(2);
});

test('the application swallows that nothing was scripted', async ({ openai }) => {
  await ask(openai, 'Who are you?').catch(() => 'no answer');
});

test('fails, and nothing was scripted', async ({ openai }) => {
  expect(await ask(openai, 'Who are you?').catch(() => 'no answer')).toBe('An emulator.');
});

test('the application swallows that a reply function throws', async ({ api, openai }) => {
  api.replies(({ tools }) => tools[0].name);
  await ask(openai, 'hello').catch(() => 'no answer');
});

test('runs out of time while a request waits', { timeout: 500 }, async ({ api, openai }) => {
  api.replies(text('one two', { hold: { until: 'go' } }));
  await ask(openai, 'hello');
});

test('a matcher fails', async ({ api, openai }) => {
  api.replies('Paris.');
  await ask(openai, 'The capital of France?');
  expect(api).toHaveReceivedRequest({ operation: 'responses.create', body: { model: 'gpt-4o-mini', input: /France/ } });
});
