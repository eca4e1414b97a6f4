// The Responses API through the official client: shape, tools, state.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, session, weatherFunction } from './support.mjs';

const model = 'gpt-4o-mini';

test('a response has the whole shape of the real one', async () => {
  const { client } = await session('Paris.');
  const response = await client.responses.create({ model, input: 'Capital of France?' });
  assert.match(response.id, /^resp_[0-9a-f]{50}$/);
  assert.equal(response.output_text, 'Paris.');
  assert.equal(response.model, 'gpt-4o-mini-2024-07-18');
  const { id, ...message } = response.output[0];
  assert.match(id, /^msg_[0-9a-f]{50}$/);
  assert.equal(id.slice(4, 20), response.id.slice(5, 21), 'items share the response’s prefix');
  assert.deepEqual(message, {
    type: 'message',
    status: 'completed',
    content: [{ type: 'output_text', annotations: [], logprobs: [], text: 'Paris.' }],
    role: 'assistant',
  });
  const expected = {
    object: 'response', status: 'completed', background: false, error: null, incomplete_details: null, instructions: null,
    max_output_tokens: null, max_tool_calls: null, parallel_tool_calls: true, previous_response_id: null, service_tier: 'default',
    store: true, temperature: 1, tool_choice: 'auto', tools: [], top_logprobs: 0, top_p: 1, truncation: 'disabled', user: null,
    metadata: {}, text: { format: { type: 'text' }, verbosity: 'medium' }, prompt_cache_key: null, safety_identifier: null,
  };
  for (const [name, value] of Object.entries(expected)) assert.deepEqual(response[name], value, name);
  assert.ok(response.completed_at >= response.created_at);
  assert.equal(response.usage.total_tokens, response.usage.input_tokens + response.usage.output_tokens);
});

test('a reasoning summary comes before the message', async () => {
  const { client } = await session([{ reasoning: ['Thinking about capitals.'], text: 'Paris.' }]);
  const response = await client.responses.create({ model: 'gpt-5', input: 'x', reasoning: { summary: 'auto' } });
  assert.deepEqual(response.output.map((item) => item.type), ['reasoning', 'message']);
  assert.deepEqual(response.output[0].summary, [{ type: 'summary_text', text: 'Thinking about capitals.' }]);
  assert.ok(response.usage.output_tokens_details.reasoning_tokens > 0);
});

test('a refusal is a part of the message', async () => {
  const { client } = await session([{ refusal: 'No.' }]);
  const response = await client.responses.create({ model, input: 'x' });
  assert.deepEqual(response.output[0].content, [{ type: 'refusal', refusal: 'No.' }]);
});

test('a function call, its output, and the answer by previous_response_id', async () => {
  const { client } = await session([{ tool_calls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }] }, 'It is 4 °C.']);
  const first = await client.responses.create({ model, input: 'Weather?', tools: [weatherFunction] });
  const [call] = first.output;
  assert.deepEqual([call.type, call.name, call.arguments, call.status], ['function_call', 'get_weather', '{"city":"Oslo"}', 'completed']);
  assert.match(call.id, /^fc_[0-9a-f]{50}$/);
  assert.match(call.call_id, /^call_[A-Za-z0-9]{24}$/);
  const second = await client.responses.create({
    model,
    previous_response_id: first.id,
    input: [{ type: 'function_call_output', call_id: call.call_id, output: '4 °C' }],
    tools: [weatherFunction],
  });
  assert.equal(second.output_text, 'It is 4 °C.');
  assert.equal(second.previous_response_id, first.id);
  assert.ok(second.usage.input_tokens > first.usage.input_tokens);
});

test('parallel calls and a custom tool', async () => {
  const { client } = await session([
    { tool_calls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }, { name: 'run_sql', input: 'SELECT 1' }] },
  ]);
  const { output } = await client.responses.create({ model: 'gpt-5', input: 'x', tools: [weatherFunction, { type: 'custom', name: 'run_sql' }] });
  assert.deepEqual(output.map((item) => item.type), ['function_call', 'custom_tool_call']);
  assert.deepEqual([output[1].name, output[1].input], ['run_sql', 'SELECT 1']);
});

test('function tools come back normalised', async () => {
  const { client } = await session('x');
  const tool = { type: 'function', name: 'f', parameters: { type: 'object', properties: { a: { type: 'string' } } } };
  const { tools } = await client.responses.create({ model, input: 'x', tools: [tool] });
  assert.equal(tools[0].strict, true);
  assert.deepEqual(tools[0].parameters, {
    type: 'object',
    properties: { a: { type: 'string' } },
    additionalProperties: false,
    required: ['a'],
  });
});

test('hosted items are scripted as they are', async () => {
  const { client } = await session([
    {
      output: [
        { type: 'web_search_call', action: { type: 'search', query: 'Oslo' } },
        { text: 'Cold.', annotations: [{ type: 'url_citation', start_index: 0, end_index: 4, title: 'Oslo', url: 'https://example.com' }] },
      ],
    },
  ]);
  const { output } = await client.responses.create({ model, input: 'x', tools: [{ type: 'web_search' }] });
  assert.deepEqual([output[0].type, output[0].status], ['web_search_call', 'completed']);
  assert.match(output[0].id, /^ws_[0-9a-f]{50}$/);
  assert.equal(output[1].content[0].annotations[0].url, 'https://example.com');
});

test('max_output_tokens makes the response incomplete', async () => {
  const { client } = await session('word '.repeat(40));
  const response = await client.responses.create({ model, input: 'x', max_output_tokens: 16 });
  assert.equal(response.status, 'incomplete');
  assert.deepEqual(response.incomplete_details, { reason: 'max_output_tokens' });
  assert.equal(response.usage.output_tokens, 16);
});

test('stored responses: get, input items, delete', async () => {
  const { client } = await session('Paris.');
  const created = await client.responses.create({ model, input: [{ role: 'user', content: 'Capital?' }], metadata: { a: 'b' } });
  const fetched = await client.responses.retrieve(created.id);
  assert.deepEqual(fetched, { ...created });
  const items = await client.responses.inputItems.list(created.id);
  assert.deepEqual(items.data.map((item) => [item.type, item.role, item.content[0].text]), [['message', 'user', 'Capital?']]);
  await client.responses.delete(created.id);
  await assert.rejects(client.responses.retrieve(created.id), (error) => error.status === 404);
});

test('store: false keeps nothing', async () => {
  const { client } = await session(['a', 'b']);
  const created = await client.responses.create({ model, input: 'x', store: false });
  await assert.rejects(client.responses.retrieve(created.id), (error) => error.status === 404);
  await assert.rejects(client.responses.create({ model, input: 'y', previous_response_id: created.id }), (error) => {
    assert.deepEqual([error.status, error.code, error.param], [400, 'previous_response_not_found', 'previous_response_id']);
    return true;
  });
});

test('background: queued, polled, done', async () => {
  const { client } = await session('later');
  let response = await client.responses.create({ model, input: 'x', background: true });
  assert.equal(response.status, 'queued');
  while (['queued', 'in_progress'].includes(response.status)) response = await client.responses.retrieve(response.id);
  assert.equal(response.status, 'completed');
  assert.equal(response.output_text, 'later');
});

test('background: cancelled', async () => {
  const { client } = await session([{ text: 'too late', pace: { ttft_ms: 60_000 } }]);
  const created = await client.responses.create({ model, input: 'x', background: true });
  const cancelled = await client.responses.cancel(created.id);
  assert.equal(cancelled.status, 'cancelled');
  assert.equal((await client.responses.retrieve(created.id)).status, 'cancelled');
});

test('conversations hold the turns', async () => {
  const { client } = await session([{ match: { turn: 0 }, response: 'Hello Ada.' }, { match: { any_message: 'Ada' }, response: 'You are Ada.' }]);
  const conversation = await client.conversations.create({ metadata: { topic: 'names' } });
  assert.match(conversation.id, /^conv_[0-9a-f]{48}$/);
  await client.responses.create({ model, conversation: conversation.id, input: 'I am Ada.' });
  const second = await client.responses.create({ model, conversation: conversation.id, input: 'Who am I?' });
  assert.equal(second.output_text, 'You are Ada.');
  const items = await all(client.conversations.items.list(conversation.id, { order: 'asc', limit: 2 }));
  assert.deepEqual(items.map((item) => [item.role, item.content[0].text]), [
    ['user', 'I am Ada.'], ['assistant', 'Hello Ada.'], ['user', 'Who am I?'], ['assistant', 'You are Ada.'],
  ]);
  const updated = await client.conversations.update(conversation.id, { metadata: { topic: 'other' } });
  assert.deepEqual(updated.metadata, { topic: 'other' });
  assert.equal((await client.conversations.delete(conversation.id)).deleted, true);
});

test('input_tokens counts what a call would', async () => {
  const { client } = await session('x');
  const body = { model, input: 'How many tokens is this?' };
  const counted = await client.responses.inputTokens.count(body);
  assert.equal(counted.object, 'response.input_tokens');
  assert.equal(counted.input_tokens, (await client.responses.create(body)).usage.input_tokens);
});
