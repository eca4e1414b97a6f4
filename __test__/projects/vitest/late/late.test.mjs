// What a test forgets to wait for comes after it has been checked: what must be said then says ../../../runners.test.mjs.
import { test } from 'llemulator/vitest';
import { onTestFinished } from 'vitest';

const ask = (api) => fetch(`${api.baseURL}/responses`, {
  method: 'POST',
  headers: { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'gpt-4o', input: 'x' }),
}).then((response) => response.json());

test('forgets to wait', async ({ api }) => void ask(api).catch(() => {}));
test('forgets to wait, in a session of its own', async ({ emulator }) => void ask(emulator.session()).catch(() => {}));
test('asks when it is over', async ({ api }) => onTestFinished(() => ask(api)));
test('is answered, late', async ({ api }) => {
  api.otherwise('ok');
  onTestFinished(() => ask(api));
});
test('waits', async ({ api }) => {
  api.replies('one');
  await ask(api);
});
test('forgets to wait, as the last', async ({ api }) => void ask(api).catch(() => {}));
