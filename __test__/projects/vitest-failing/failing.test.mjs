// What must fail, and how: __test__/runners.test.mjs reads the output.
import { test } from 'llemulator/vitest';
import { expect } from 'vitest';

test('a reply is left over', async ({ api }) => {
  api.replies('never asked for');
});

test('fails by itself', async ({ api }) => {
  api.replies('left too');
  expect(1).toBe(2);
});

test('a matcher fails', async ({ api, openai }) => {
  api.replies('Paris.');
  await openai.responses.create({ model: 'gpt-4o', input: 'x' });
  expect(api).toHaveReceivedRequests(2);
});
