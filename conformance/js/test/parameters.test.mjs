// Parameters are obeyed, on both APIs, with and without a stream.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, ask, session, weatherFunction, weatherTool } from './support.mjs';

const other = { ...weatherTool, function: { ...weatherTool.function, name: 'get_time' } };
const otherFunction = { ...weatherFunction, name: 'get_time' };
const weather = { name: 'get_weather', arguments: { city: 'Oslo' } };
const generate = { script: { defaults: { fallback: 'generate' } } };
const mismatch = { status: 400, code: 'script_mismatch' };
const names = (output) => output.map((item) => item.name ?? item.type);

/** What a request allows, as both APIs write it; a reply it forbids; the tools a generated answer calls then. */
const CHOICES = [
  ['none', 'none', 'none', { tool_calls: [weather] }, []],
  ['required', 'required', 'required', 'text', ['get_weather']],
  ['a named tool', { type: 'function', function: { name: 'get_time' } }, { type: 'function', name: 'get_time' }, { tool_calls: [weather] }, ['get_time']],
  [
    'allowed tools',
    { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'get_time' } }] } },
    { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'get_time' }] },
    { tool_calls: [weather] },
    ['get_time'],
  ],
];

for (const [name, onChat, onResponses, forbidden, called] of CHOICES) {
  test(`tool_choice: ${name}`, async () => {
    const chat = ask('Weather in Oslo?', { tools: [weatherTool, other], tool_choice: onChat });
    const response = { model: 'gpt-4o-mini', input: 'Weather in Oslo?', tools: [weatherFunction, otherFunction], tool_choice: onResponses };
    for (const stream of [false, true]) {
      const { client } = await session([forbidden, forbidden]);
      await assert.rejects(client.chat.completions.create({ ...chat, stream }), mismatch);
      await assert.rejects(client.responses.create({ ...response, stream }), mismatch);
    }
    const { client } = await session(undefined, generate);
    const { message } = (await client.chat.completions.create(chat)).choices[0];
    assert.deepEqual((message.tool_calls ?? []).map((call) => call.function.name), called);
    assert.deepEqual(names((await client.responses.create(response)).output), called.length ? called : ['message']);
  });
}

test('parallel_tool_calls: false forbids two calls', async () => {
  const two = { tool_calls: [weather, { ...weather, name: 'get_time' }] };
  for (const stream of [false, true]) {
    const { client } = await session([two, two]);
    await assert.rejects(client.chat.completions.create(ask('x', { tools: [weatherTool, other], parallel_tool_calls: false, stream })), mismatch);
    await assert.rejects(
      client.responses.create({ model: 'gpt-4o-mini', input: 'x', tools: [weatherFunction, otherFunction], parallel_tool_calls: false, stream }),
      mismatch,
    );
  }
});

test('thoughts take what the words leave of the token limit', async () => {
  const { client } = await session({ '': { reasoning: ['Hm.'], text: 'word '.repeat(50) } });
  const { choices: [choice], usage } = await client.chat.completions.create(ask('x', { model: 'o3', max_completion_tokens: 80 }));
  assert.deepEqual([choice.finish_reason, usage.completion_tokens], ['stop', 80]);
  const response = await client.responses.create({ model: 'gpt-5', input: 'x', max_output_tokens: 16 });
  assert.deepEqual([response.status, response.output.map((item) => item.type)], ['incomplete', ['reasoning', 'message']]);
  assert.deepEqual([response.usage.output_tokens, response.usage.output_tokens_details.reasoning_tokens], [16, 0]);
});

test('a cut stream says so on both APIs', async () => {
  const { client } = await session({ '': 'word '.repeat(50) });
  const chunks = await all(await client.chat.completions.create(ask('x', { max_tokens: 5, stream: true, stream_options: { include_usage: true } })));
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), 'word word word word word');
  assert.equal(chunks.at(-2).choices[0].finish_reason, 'length');
  assert.equal(chunks.at(-1).usage.completion_tokens, 5);
  const events = await all(await client.responses.create({ model: 'gpt-4o-mini', input: 'x', max_output_tokens: 16, stream: true }));
  assert.equal(events.at(-1).type, 'response.incomplete');
  assert.equal(events.at(-1).response.usage.output_tokens, 16);
});

test('a stop sequence ends a stream as it ends an answer', async () => {
  const { client } = await session({ '': 'one two STOP three' });
  const { choices: [whole] } = await client.chat.completions.create(ask('x', { stop: ['STOP'] }));
  const chunks = await all(await client.chat.completions.create(ask('x', { stop: ['STOP'], stream: true })));
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? '').join(''), whole.message.content);
  assert.deepEqual([whole.message.content, whole.finish_reason, chunks.at(-1).choices[0].finish_reason], ['one two ', 'stop', 'stop']);
});

test('a seed decides what is generated', async () => {
  const generated = async (body) => {
    const { client } = await session(undefined, generate);
    return (await client.chat.completions.create(ask('Tell me about rivers.', body))).choices[0].message.content;
  };
  assert.equal(await generated({ seed: 1 }), await generated({ seed: 1 }));
  assert.notEqual(await generated({ seed: 1 }), await generated({ seed: 2 }));
});

test('service tiers are granted as asked', async () => {
  const { client } = await session({ '': 'x' });
  assert.equal((await client.chat.completions.create(ask())).service_tier, 'default');
  assert.equal((await client.chat.completions.create(ask('x', { service_tier: 'flex' }))).service_tier, 'flex');
  assert.equal((await client.responses.create({ model: 'gpt-4o-mini', input: 'x' })).service_tier, 'default');
  assert.equal((await client.responses.create({ model: 'gpt-4o-mini', input: 'x', service_tier: 'priority' })).service_tier, 'priority');
});

test('a long beginning is cached for its prompt_cache_key', async () => {
  const { client } = await session({ '': 'x' });
  const long = 'word '.repeat(1500);
  const cached = async (key) => (await client.chat.completions.create(ask(long, { prompt_cache_key: key }))).usage.prompt_tokens_details.cached_tokens;
  assert.deepEqual([await cached('a'), await cached('a'), await cached('b')], [0, 1408, 0]);
  const { usage } = await client.responses.create({ model: 'gpt-4o-mini', input: long, prompt_cache_key: 'a' });
  assert.equal(usage.input_tokens_details.cached_tokens, 1408);
});

test('what is only said comes back: effort, summary, verbosity, users, metadata', async () => {
  const { client } = await session({ '': 'x' });
  const asked = {
    text: { verbosity: 'low' }, reasoning: { effort: 'high', summary: 'detailed' }, metadata: { a: 'b' },
    safety_identifier: 's', prompt_cache_key: 'k', max_tool_calls: 3, truncation: 'auto', top_p: 1, temperature: 1,
  };
  const response = await client.responses.create({ model: 'gpt-5', input: 'x', ...asked });
  const { text, reasoning, ...rest } = asked;
  for (const [key, value] of Object.entries(rest)) assert.deepEqual(response[key], value, key);
  assert.equal(response.text.verbosity, text.verbosity);
  assert.deepEqual([response.reasoning.effort, response.reasoning.summary], [reasoning.effort, reasoning.summary]);
});

test('log probabilities: chat asks with logprobs, Responses with include', async () => {
  const { client } = await session({ '': 'one two three' });
  const seen = async () => {
    const { choices: [{ logprobs }] } = await client.chat.completions.create(ask('x', { logprobs: true, top_logprobs: 2 }));
    const { output: [message] } = await client.responses.create({
      model: 'gpt-4o-mini', input: 'x', top_logprobs: 2, include: ['message.output_text.logprobs'],
    });
    return [logprobs.content, message.content[0].logprobs];
  };
  const asked = { model: 'gpt-4o-mini', input: 'x', top_logprobs: 2, include: ['message.output_text.logprobs'], stream: true };
  const events = await all(await client.responses.create(asked));
  const streamed = events.filter((event) => event.type === 'response.output_text.delta').flatMap((event) => event.logprobs);
  assert.equal(streamed.map((one) => one.token).join(''), 'one two three');
  assert.deepEqual(events.find((event) => event.type === 'response.output_text.done').logprobs.map((one) => one.token), streamed.map((one) => one.token));
  for (const tokens of await seen()) {
    assert.equal(tokens.map((one) => one.token).join(''), 'one two three');
    for (const { logprob, top_logprobs } of tokens) {
      assert.ok(logprob <= 0 && top_logprobs.length === 2);
      assert.ok(top_logprobs.reduce((sum, one) => sum + Math.exp(one.logprob), 0) <= 1.0001);
    }
  }
});

test('modalities: sound is spoken, with its words', async () => {
  const { client } = await session('Hello there.');
  const { choices: [{ message }], usage } = await client.chat.completions.create(
    ask('x', { model: 'gpt-4o-audio-preview', modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'wav' } }),
  );
  assert.equal(message.audio.transcript, 'Hello there.');
  assert.equal(Buffer.from(message.audio.data, 'base64').toString('latin1', 0, 4), 'RIFF');
  assert.ok(usage.completion_tokens_details.audio_tokens > 0);
});
