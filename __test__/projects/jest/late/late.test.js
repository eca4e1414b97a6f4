'use strict';
// What a test forgets to wait for comes after it has been checked: what must be said then says ../../../runners.test.mjs.
const { setupEmulator } = require('llemulator/jest');

const emulator = setupEmulator();
let later;
afterEach(async () => {
  await later?.();
  later = undefined;
});
const ask = (api) => fetch(`${api.baseURL}/responses`, {
  method: 'POST',
  headers: { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'gpt-4o', input: 'x' }),
}).then((response) => response.json());

test('forgets to wait', () => void ask(emulator.session()).catch(() => {}));
test.concurrent('forgets to wait beside others', async () => void ask(emulator.session()).catch(() => {}));
test('is answered, late', () => {
  const api = emulator.session();
  api.otherwise('ok');
  later = () => ask(api);
});
test('asks when it is over', () => {
  const api = emulator.session();
  later = () => ask(api);
});
test('waits', async () => {
  const api = emulator.session();
  api.replies('one');
  await ask(api);
});
test('forgets to wait, as the last', () => void ask(emulator.session()).catch(() => {}));
