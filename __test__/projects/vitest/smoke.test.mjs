// A user's Vitest project, in small.
import { test } from 'llemulator/vitest';
import { describe, expect } from 'vitest';

const tools = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object' } } }];

test('fixtures and matchers', async ({ api, openai, emulator }) => {
  api.replies('Paris.', () => 'Oslo.');
  const answer = await openai.responses.create({ model: 'gpt-4o', input: 'The capital of France?' });
  expect(answer.output_text).toBe('Paris.');
  expect(api).not.toHaveUsedAllReplies();
  await openai.responses.create({ model: 'gpt-4o', input: 'of Norway?' });
  expect(api).toHaveReceivedRequests(2);
  expect(api).toHaveReceivedRequest({ operation: 'responses.create', body: { model: 'gpt-4o', input: expect.stringContaining('France') } });
  expect(api).not.toHaveReceivedRequest({ body: { input: 'of Sweden?' } });
  expect(api).toHaveUsedAllReplies();
  expect(api.baseURL).toBe(emulator.baseURL);
});

test('tools, in chat and over previous_response_id', async ({ api, openai }) => {
  api.replies({ tool_calls: [{ name: 'get_weather', arguments: { city: 'Oslo', days: 2 } }] }, 'Cold.');
  const [{ name, parameters }] = tools.map((tool) => tool.function);
  const first = await openai.responses.create({ model: 'gpt-4o', input: 'x', tools: [{ type: 'function', name, parameters, strict: false }] });
  expect(api).not.toHaveCalledTool('get_weather');
  const [call] = first.output;
  await openai.responses.create({ model: 'gpt-4o', previous_response_id: first.id, input: [{ type: 'function_call_output', call_id: call.call_id, output: '4 °C' }] });
  expect(api).toHaveCalledTool('get_weather');
  expect(api).toHaveCalledTool('get_weather', { city: 'Oslo' });
  expect(api).not.toHaveCalledTool('get_weather', { city: 'Rome' });
});

describe.concurrent('side by side', () => {
  for (let i = 0; i < 20; i++) {
    test(`session ${i % 10}`, async ({ api, openai, expect }) => {
      api.replies(() => `${i}`);
      const answer = await openai.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] });
      expect(answer.choices[0].message.content).toBe(`${i}`);
    });
  }
});

test('a stream of 500', async ({ api, openai }) => {
  api.replies(async function* () {
    for (let i = 0; i < 500; i++) yield 'x';
  });
  let count = 0;
  for await (const chunk of await openai.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], stream: true })) {
    count += chunk.choices[0]?.delta.content ? 1 : 0;
  }
  expect(count).toBe(500);
});
