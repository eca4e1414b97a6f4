// Compiled strictly, the declarations of the package and of Vitest included.
import { startEmulator } from 'llemulator';
import { test } from 'llemulator/vitest';
import { expect } from 'vitest';

test('matchers', async ({ api, openai }) => {
  api.replies('Paris.');
  await openai.responses.create({ model: 'gpt-4o', input: 'x' });
  expect(api).toHaveReceivedRequests(1);
  expect(api).not.toHaveUsedAllReplies();
  // @ts-expect-error a number
  expect(api).toHaveReceivedRequests('1');
});

export const emulator = startEmulator({ port: 0 });
