// A second file: another worker, another emulator.
import { connectEmulator } from 'llemulator';
import { test } from 'llemulator/vitest';
import { expect } from 'vitest';

test('one server for the run is found', async () => {
  const emulator = await connectEmulator();
  const api = await emulator.session();
  await api.replies('Paris.');
  const response = await fetch(`${api.baseURL}/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o', input: 'x' }),
  });
  expect((await response.json()).output[0].content[0].text).toBe('Paris.');
  await api.finish();
});

test('no stop is needed', async ({ api }) => {
  expect(api.requests).toEqual([]);
});
