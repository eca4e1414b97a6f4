'use strict';
// A user's Jest file, in small.
const OpenAI = require('openai');
const { connectEmulator, toolCall } = require('llemulator');
const { setupEmulator } = require('llemulator/jest');

const emulator = setupEmulator();

test('replies, functions and matchers', async () => {
  const api = emulator.session();
  api.replies('Paris.', ({ lastUserText }) => `you said ${lastUserText}`);
  const openai = new OpenAI(api);
  expect((await openai.responses.create({ model: 'gpt-4o', input: 'The capital of France?' })).output_text).toBe('Paris.');
  expect(api).not.toHaveUsedAllReplies();
  expect((await openai.responses.create({ model: 'gpt-4o', input: 'hello' })).output_text).toBe('you said hello');
  expect(api).toHaveReceivedRequests(2);
  expect(api).toHaveReceivedRequest({ body: { input: expect.stringMatching(/France/) } });
  expect(api).toHaveUsedAllReplies();
});

test('tools', async () => {
  const api = emulator.session();
  api.replies(toolCall('get_weather', { city: 'Oslo' }), 'Cold.');
  const openai = new OpenAI(api);
  const tools = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object' } } }];
  const messages = [{ role: 'user', content: 'x' }];
  const { message } = (await openai.chat.completions.create({ model: 'gpt-4o', messages, tools })).choices[0];
  messages.push(message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: '4 °C' });
  await openai.chat.completions.create({ model: 'gpt-4o', messages, tools });
  expect(api).toHaveCalledTool('get_weather', { city: 'Oslo' });
});

test('a stream of 500', async () => {
  const api = emulator.session();
  api.replies(async function* () {
    for (let i = 0; i < 500; i++) yield 'x';
  });
  let count = 0;
  for await (const chunk of await new OpenAI(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], stream: true })) {
    count += chunk.choices[0]?.delta.content ? 1 : 0;
  }
  expect(count).toBe(500);
});

test('one server for the run is found', async () => {
  const api = await (await connectEmulator()).session();
  await api.replies('Paris.');
  expect((await new OpenAI(api).responses.create({ model: 'gpt-4o', input: 'x' })).output_text).toBe('Paris.');
  await api.finish();
});
