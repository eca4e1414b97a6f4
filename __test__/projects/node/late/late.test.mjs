// What a test forgets to wait for comes after it has been checked: what must be said then says ../../../runners.test.mjs.
import test from 'node:test';
import { setupEmulator } from 'llemulator/node';

const ask = (api) => fetch(`${api.baseURL}/responses`, {
  method: 'POST',
  headers: { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'gpt-4o', input: 'x' }),
}).then((response) => response.json());

test('forgets to wait', async (t) => void ask(await setupEmulator(t)).catch(() => {}));
test('asks when it is over', async (t) => {
  const api = await setupEmulator(t);
  t.after(() => ask(api).catch(() => {}));
});
test('is answered, late', async (t) => {
  const api = await setupEmulator(t);
  api.otherwise('ok');
  t.after(() => ask(api));
});
test('waits', async (t) => {
  const api = await setupEmulator(t);
  api.replies('one');
  await ask(api);
});
test('forgets to wait, as the last', async (t) => void ask(await setupEmulator(t)).catch(() => {}));
