// Run again and again by one Vitest: a named session begins anew each time.
import { connectEmulator } from 'llemulator';
import { expect, test } from 'vitest';
import 'llemulator/vitest';

test('a named session holds nothing of the run before', async () => {
  const api = await (await connectEmulator()).session('watched');
  await expect(api).toHaveReceivedRequests(0);
  await api.replies('Paris.', 'left behind');
  const response = await fetch(`${api.baseURL}/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o', input: 'x' }),
  });
  expect((await response.json()).output[0].content[0].text).toBe('Paris.');
});
