'use strict';
// What must fail, and how: what Jest prints is compared with ../expected.
const OpenAI = require('openai');
const { text } = require('llemulator');
const { setupEmulator } = require('llemulator/jest');

const emulator = setupEmulator();
const ask = async (api, input) => (await new OpenAI({ ...api, maxRetries: 0 }).responses.create({ model: 'gpt-4o', input })).output_text;

test('replies are left over', () => {
  emulator.session().replies('never asked for', function weather() {
    return 'Cold.';
  });
});

test('fails by itself: what it left is not shown', () => {
  emulator.session().replies('left too');
  expect(1).toBe(2);
});

test('the application swallows that nothing was scripted', async () => {
  await ask(emulator.session(), 'Who are you?').catch(() => 'no answer');
});

test('fails, and nothing was scripted', async () => {
  expect(await ask(emulator.session(), 'Who are you?').catch(() => 'no answer')).toBe('An emulator.');
});

test('the application swallows that a reply function throws', async () => {
  const api = emulator.session();
  api.replies(({ tools }) => tools[0].name);
  await ask(api, 'hello').catch(() => 'no answer');
});

test('runs out of time while a request waits', async () => {
  const api = emulator.session();
  api.replies(text('one two', { hold: { until: 'go' } }));
  await ask(api, 'hello');
}, 500);

test('a matcher fails', async () => {
  const api = emulator.session();
  api.replies('Paris.');
  await ask(api, 'The capital of France?');
  expect(api).toHaveReceivedRequest({ operation: 'responses.create', body: { model: 'gpt-4o-mini', input: /France/ } });
});
