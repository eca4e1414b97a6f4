// Chat completions through the official client, not streamed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, session, weatherTool } from './support.mjs';

test('a completion has the whole shape of the real one', async () => {
  const { client } = await session('It is 4 °C.');
  const completion = await client.chat.completions.create(ask('Weather in Oslo?'));
  assert.match(completion.id, /^chatcmpl-[A-Za-z0-9]{29}$/);
  assert.equal(completion.object, 'chat.completion');
  assert.ok(Math.abs(completion.created - Date.now() / 1000) < 60);
  assert.equal(completion.model, 'gpt-4o-mini-2024-07-18');
  assert.deepEqual(completion.choices, [
    {
      index: 0,
      message: { role: 'assistant', content: 'It is 4 °C.', refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: 'stop',
    },
  ]);
  assert.equal(completion.service_tier, 'default');
  assert.match(completion.system_fingerprint, /^fp_[0-9a-f]{10}$/);
  assert.deepEqual(Object.keys(completion), [
    'id', 'object', 'created', 'model', 'choices', 'usage', 'service_tier', 'system_fingerprint',
  ]);
});

test('usage counts real tokens', async () => {
  const { client } = await session('It is 4 °C.');
  const { usage } = await client.chat.completions.create(ask('Weather in Oslo?'));
  assert.deepEqual(usage, {
    prompt_tokens: 11,
    completion_tokens: 7,
    total_tokens: 18,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  });
});

test('models of the GPT-5 family send no logprobs key and no fingerprint', async () => {
  const { client } = await session('hello');
  const completion = await client.chat.completions.create(ask('hi', { model: 'gpt-5' }));
  assert.deepEqual(Object.keys(completion.choices[0]), ['index', 'message', 'finish_reason']);
  assert.equal(completion.system_fingerprint, null);
});

test('a refusal', async () => {
  const { client } = await session([{ refusal: "I can't help with that." }]);
  const { choices } = await client.chat.completions.create(ask());
  assert.equal(choices[0].message.refusal, "I can't help with that.");
  assert.equal(choices[0].message.content, null);
  assert.equal(choices[0].finish_reason, 'stop');
});

test('a tool call, its result, and the answer', async () => {
  const { client } = await session([{ tool_calls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }] }, 'It is 4 °C in Oslo.']);
  const messages = [{ role: 'user', content: 'Weather in Oslo?' }];
  const first = await client.chat.completions.create({ model: 'gpt-4o-mini', messages, tools: [weatherTool] });
  const { message, finish_reason: finish } = first.choices[0];
  assert.equal(finish, 'tool_calls');
  assert.equal(message.content, null);
  assert.match(message.tool_calls[0].id, /^call_[A-Za-z0-9]{24}$/);
  assert.equal(message.tool_calls[0].type, 'function');
  assert.deepEqual(message.tool_calls[0].function, { name: 'get_weather', arguments: '{"city":"Oslo"}' });
  messages.push(message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: '4 °C' });
  const second = await client.chat.completions.create({ model: 'gpt-4o-mini', messages, tools: [weatherTool] });
  assert.equal(second.choices[0].message.content, 'It is 4 °C in Oslo.');
});

test('parallel tool calls keep their order and get ids of their own', async () => {
  const cities = ['Oslo', 'Rome', 'Lima'];
  const { client } = await session([{ tool_calls: cities.map((city) => ({ name: 'get_weather', arguments: { city } })) }]);
  const { choices } = await client.chat.completions.create(ask('Weather?', { tools: [weatherTool] }));
  const calls = choices[0].message.tool_calls;
  assert.deepEqual(calls.map((call) => JSON.parse(call.function.arguments).city), cities);
  assert.equal(new Set(calls.map((call) => call.id)).size, 3);
});

test('a custom tool call carries its input verbatim', async () => {
  const { client } = await session([{ tool_calls: [{ name: 'run_sql', input: 'SELECT 1;\n' }] }]);
  const { choices } = await client.chat.completions.create(
    ask('Run it', { model: 'gpt-5', tools: [{ type: 'custom', custom: { name: 'run_sql' } }] }),
  );
  const [call] = choices[0].message.tool_calls;
  assert.equal(call.type, 'custom');
  assert.deepEqual(call.custom, { name: 'run_sql', input: 'SELECT 1;\n' });
});

test('a forced tool ends with stop', async () => {
  const { client } = await session([{ tool_calls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }] }]);
  const { choices } = await client.chat.completions.create(
    ask('Weather?', { tools: [weatherTool], tool_choice: { type: 'function', function: { name: 'get_weather' } } }),
  );
  assert.equal(choices[0].finish_reason, 'stop');
  assert.equal(choices[0].message.tool_calls.length, 1);
});

test('n choices, the last one repeated', async () => {
  const { client } = await session([{ choices: ['one', 'two'] }]);
  const { choices } = await client.chat.completions.create(ask('hi', { n: 3 }));
  assert.deepEqual(choices.map((choice) => [choice.index, choice.message.content]), [[0, 'one'], [1, 'two'], [2, 'two']]);
});

test('max_tokens cuts at the token', async () => {
  const { client } = await session('one two three four five');
  const { choices, usage } = await client.chat.completions.create(ask('count', { max_tokens: 3 }));
  assert.equal(choices[0].message.content, 'one two three');
  assert.equal(choices[0].finish_reason, 'length');
  assert.equal(usage.completion_tokens, 3);
});

test('stop sequences end the answer', async () => {
  const { client } = await session('one two three');
  const { choices } = await client.chat.completions.create(ask('count', { stop: [' three'] }));
  assert.equal(choices[0].message.content, 'one two');
  assert.equal(choices[0].finish_reason, 'stop');
});

test('log probabilities when asked', async () => {
  const { client } = await session('Paris is big');
  const { choices } = await client.chat.completions.create(ask('hi', { logprobs: true, top_logprobs: 2 }));
  const { content, refusal } = choices[0].logprobs;
  assert.equal(refusal, null);
  assert.equal(content.map((token) => token.token).join(''), 'Paris is big');
  for (const token of content) {
    assert.deepEqual(Object.keys(token), ['token', 'logprob', 'bytes', 'top_logprobs']);
    assert.ok(token.logprob <= 0);
    assert.deepEqual(token.bytes, [...Buffer.from(token.token)]);
    assert.equal(token.top_logprobs.length, 2);
  }
});

test('stored completions: get, list, messages, update, delete', async () => {
  const { client } = await session('kept');
  const created = await client.chat.completions.create(ask('keep this', { store: true, metadata: { topic: 'a' } }));
  const fetched = await client.chat.completions.retrieve(created.id);
  assert.equal(fetched.choices[0].message.content, 'kept');
  assert.deepEqual(fetched.metadata, { topic: 'a' });
  const listed = await client.chat.completions.list({ limit: 5 });
  assert.deepEqual(listed.data.map((one) => one.id), [created.id]);
  const messages = await client.chat.completions.messages.list(created.id);
  assert.equal(messages.data[0].content, 'keep this');
  const updated = await client.chat.completions.update(created.id, { metadata: { topic: 'b' } });
  assert.deepEqual(updated.metadata, { topic: 'b' });
  const gone = await client.chat.completions.delete(created.id);
  assert.deepEqual([gone.object, gone.deleted, gone.id], ['chat.completion.deleted', true, created.id]);
  await assert.rejects(client.chat.completions.retrieve(created.id), (error) => error.status === 404);
});

test('a script matches on tools, models and history', async () => {
  const { client } = await session([
    { match: { tool_offered: 'get_weather' }, response: 'has the tool' },
    { match: { model: 'gpt-4.1' }, response: 'is gpt-4.1' },
    { match: { turn: 1 }, response: 'second turn' },
  ]);
  const say = async (body) => (await client.chat.completions.create(body)).choices[0].message.content;
  const history = [{ role: 'user', content: 'a' }, { role: 'assistant', content: 'b' }, { role: 'user', content: 'c' }];
  assert.equal(await say({ model: 'gpt-4o-mini', messages: history }), 'second turn');
  assert.equal(await say(ask('x', { model: 'gpt-4.1' })), 'is gpt-4.1');
  assert.equal(await say(ask('x', { tools: [weatherTool] })), 'has the tool');
});
