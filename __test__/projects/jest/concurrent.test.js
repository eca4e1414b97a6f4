'use strict';
// Tests that run side by side, and what is made for all of them.
const OpenAI = require('openai');
const { setupEmulator } = require('llemulator/jest');

const emulator = setupEmulator();
const ask = async (api) => (await new OpenAI(api).responses.create({ model: 'gpt-4o', input: 'x' })).output_text;

let shared;
beforeAll(() => {
  shared = emulator.session('shared');
  shared.replies('one', 'two');
});

for (let i = 0; i < 10; i++) {
  test.concurrent(`session ${i}`, async () => {
    const api = emulator.session();
    api.replies(() => `${i}`);
    expect(await ask(api)).toBe(`${i}`);
  });
}

test('uses the first reply', async () => expect(await ask(shared)).toBe('one'));
test('uses the second', async () => expect(await ask(shared)).toBe('two'));

test('requests in a snapshot', async () => {
  const api = emulator.session();
  api.replies('Paris.');
  await ask(api);
  expect(api.requests).toMatchSnapshot();
});
