// Chat completions streamed, raw and through the client's accumulators.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, ask, session, weatherTool } from './support.mjs';

const text = 'Naïve café — “quotes”,\n\ttabs and 👩‍👩‍👧 emoji.';
const deltas = (chunks) => chunks.flatMap((chunk) => chunk.choices).map((choice) => choice.delta);

test('chunks carry the text without loss, then the reason, and nothing more', async () => {
  const { client } = await session(text);
  const chunks = await all(await client.chat.completions.create(ask('hi', { stream: true })));
  assert.equal(deltas(chunks).map((delta) => delta.content ?? '').join(''), text);
  assert.deepEqual(chunks[0].choices[0].delta, { role: 'assistant', content: '', refusal: null });
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
  assert.deepEqual(chunks.at(-1).choices[0].delta, {});
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
  for (const chunk of chunks) {
    assert.deepEqual(Object.keys(chunk), [
      'id', 'object', 'created', 'model', 'service_tier', 'system_fingerprint', 'choices', 'obfuscation',
    ]);
    assert.deepEqual(Object.keys(chunk.choices[0]), ['index', 'delta', 'logprobs', 'finish_reason']);
  }
});

test('include_usage: usage is null in every chunk but the last, which has no choices', async () => {
  const { client } = await session('one two three');
  const chunks = await all(
    await client.chat.completions.create(ask('hi', { stream: true, stream_options: { include_usage: true } })),
  );
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.completion_tokens, 3);
  assert.equal(last.usage.total_tokens, last.usage.prompt_tokens + 3);
  for (const chunk of chunks) assert.equal(chunk.usage, null);
});

test('include_obfuscation: false leaves the padding out', async () => {
  const { client } = await session('one two three');
  const chunks = await all(
    await client.chat.completions.create(ask('hi', { stream: true, stream_options: { include_obfuscation: false } })),
  );
  for (const chunk of chunks) assert.equal('obfuscation' in chunk, false);
});

test('one tool call: the first chunk names it, the rest are its arguments', async () => {
  const { client } = await session([{ tool_calls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }] }]);
  const chunks = await all(await client.chat.completions.create(ask('hi', { stream: true, tools: [weatherTool] })));
  const [first, ...rest] = deltas(chunks);
  assert.deepEqual(Object.keys(first), ['role', 'content', 'tool_calls', 'refusal']);
  assert.equal(first.content, null);
  const { id, ...header } = first.tool_calls[0];
  assert.match(id, /^call_[A-Za-z0-9]{24}$/);
  assert.deepEqual(header, { index: 0, type: 'function', function: { name: 'get_weather', arguments: '' } });
  assert.equal(rest.map((delta) => delta.tool_calls?.[0].function.arguments ?? '').join(''), '{"city":"Oslo"}');
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'tool_calls');
});

test('several tool calls: each index has its own header chunk', async () => {
  const { client } = await session([
    { tool_calls: ['Oslo', 'Rome'].map((city) => ({ name: 'get_weather', arguments: { city } })) },
  ]);
  const chunks = await all(await client.chat.completions.create(ask('hi', { stream: true, tools: [weatherTool] })));
  assert.deepEqual(deltas(chunks)[0], { role: 'assistant', content: null });
  const calls = deltas(chunks).flatMap((delta) => delta.tool_calls ?? []);
  assert.deepEqual(calls.filter((call) => call.id).map((call) => call.index), [0, 1]);
  for (const [index, city] of [[0, 'Oslo'], [1, 'Rome']]) {
    const args = calls.filter((call) => call.index === index).map((call) => call.function.arguments);
    assert.equal(args.join(''), JSON.stringify({ city }));
  }
});

test('a refusal streams as refusal deltas', async () => {
  const { client } = await session([{ refusal: 'I cannot do that.' }]);
  const chunks = await all(await client.chat.completions.create(ask('hi', { stream: true })));
  assert.deepEqual(deltas(chunks)[0], { role: 'assistant', content: null, refusal: '' });
  assert.equal(deltas(chunks).map((delta) => delta.refusal ?? '').join(''), 'I cannot do that.');
});

test('n streams interleave, each with its role and its reason', async () => {
  const { client } = await session([{ choices: ['one two', 'three four'] }]);
  const chunks = await all(await client.chat.completions.create(ask('hi', { stream: true, n: 2 })));
  for (const [index, expected] of [[0, 'one two'], [1, 'three four']]) {
    const own = chunks.flatMap((chunk) => chunk.choices).filter((choice) => choice.index === index);
    assert.equal(own[0].delta.role, 'assistant');
    assert.equal(own.map((choice) => choice.delta.content ?? '').join(''), expected);
    assert.equal(own.at(-1).finish_reason, 'stop');
  }
});

test('log probabilities: one token per chunk', async () => {
  const { client } = await session('Paris is big');
  const chunks = await all(await client.chat.completions.create(ask('hi', { stream: true, logprobs: true })));
  const tokens = chunks.flatMap((chunk) => chunk.choices[0].logprobs?.content ?? []);
  assert.equal(tokens.map((token) => token.token).join(''), 'Paris is big');
});

test('ChatCompletionStream accumulates text, events and usage', async () => {
  const { client } = await session(text);
  const seen = { content: '', chunks: 0 };
  const stream = client.chat.completions
    .stream(ask('hi', { stream_options: { include_usage: true } }))
    .on('content', (delta) => (seen.content += delta))
    .on('chunk', () => (seen.chunks += 1));
  const completion = await stream.finalChatCompletion();
  assert.equal(seen.content, text);
  assert.equal(completion.choices[0].message.content, text);
  assert.equal((await stream.totalUsage()).total_tokens, completion.usage.total_tokens);
  assert.ok(seen.chunks > 5);
});

test('ChatCompletionStream accumulates parallel tool calls', async () => {
  const { client } = await session([
    { tool_calls: ['Oslo', 'Rome'].map((city) => ({ name: 'get_weather', arguments: { city } })) },
  ]);
  const stream = client.chat.completions.stream(ask('hi', { tools: [weatherTool] }));
  const done = [];
  stream.on('tool_calls.function.arguments.done', (event) => done.push(event.arguments));
  const message = await stream.finalMessage();
  assert.deepEqual(message.tool_calls.map((call) => call.function.arguments), ['{"city":"Oslo"}', '{"city":"Rome"}']);
  assert.deepEqual(done, ['{"city":"Oslo"}', '{"city":"Rome"}']);
});

test('a client that leaves early does no harm', async () => {
  const { client } = await session([{ text: 'word '.repeat(500) }, 'next']);
  for await (const chunk of await client.chat.completions.create(ask('hi', { stream: true }))) {
    if (chunk.choices[0].delta.content) break;
  }
  assert.equal((await client.chat.completions.create(ask())).choices[0].message.content, 'next');
});

test('legacy completions stream and end with their reason', async () => {
  const { client } = await session('one two three');
  const chunks = await all(
    await client.completions.create({ model: 'gpt-3.5-turbo-instruct', prompt: 'count', stream: true, max_tokens: 20 }),
  );
  assert.equal(chunks.map((chunk) => chunk.choices[0].text).join(''), 'one two three');
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
  assert.match(chunks[0].id, /^cmpl-[A-Za-z0-9]{29}$/);
});

test('legacy completions answer every prompt of a list', async () => {
  const { client } = await session([{ choices: ['first', 'second'] }]);
  const { choices } = await client.completions.create({ model: 'gpt-3.5-turbo-instruct', prompt: ['a', 'b'] });
  assert.deepEqual(choices.map((choice) => [choice.index, choice.text]), [[0, 'first'], [1, 'second']]);
});
