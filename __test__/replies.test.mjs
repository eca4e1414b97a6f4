// What "the model" says: strings, helpers, rules.
import { afterAll, expect, test } from 'vitest';
import {
  audio, disconnect, embedding, error, generated, image, json, malformed, moderation, output, quotaExceeded, rateLimited, raw, reasoning,
  refusal, reply, serverError, stall, startEmulator, text, timeout, toolCall, toolCalls, when,
} from 'llemulator';
import { chat, client, pieces } from './support.mjs';

const emulator = await startEmulator();
afterAll(() => emulator.stop());

const weather = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }];

test('strings are used in order, each once', async () => {
  const api = emulator.session();
  api.replies('one', 'two');
  api.replies('three');
  expect([await chat(api, 'a'), await chat(api, 'b'), await chat(api, 'c')]).toEqual(['one', 'two', 'three']);
  await expect(chat(api, 'd')).rejects.toMatchObject({ status: 400, code: 'no_matching_rule' });
});

test('a tool loop', async () => {
  const api = emulator.session();
  api.replies(toolCall('get_weather', { city: 'Oslo' }), 'It is 4 °C in Oslo.');
  const openai = client(api);
  const messages = [{ role: 'user', content: 'How cold is it?' }];
  const first = await openai.chat.completions.create({ model: 'gpt-4o', messages, tools: weather });
  const [call] = first.choices[0].message.tool_calls;
  expect(call.function).toEqual({ name: 'get_weather', arguments: '{"city":"Oslo"}' });
  messages.push(first.choices[0].message, { role: 'tool', tool_call_id: call.id, content: '4 °C' });
  const second = await openai.chat.completions.create({ model: 'gpt-4o', messages, tools: weather });
  expect(second.choices[0].message.content).toBe('It is 4 °C in Oslo.');
  expect(api.lastRequest.toolResults).toEqual([{ name: 'get_weather', arguments: '{"city":"Oslo"}', text: '4 °C' }]);
  api.finish();
});

test('several calls at once, with ids of one’s own', async () => {
  const api = emulator.session();
  api.replies(toolCalls(toolCall('get_weather', { city: 'Oslo' }, { id: 'call_1' }), toolCall('get_weather', '{"city":', { id: 'call_2' })));
  const answer = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], tools: weather });
  expect(answer.choices[0].message.tool_calls.map(({ id, function: { arguments: given } }) => [id, given])).toEqual([
    ['call_1', '{"city":"Oslo"}'],
    ['call_2', '{"city":'],
  ]);
});

test('the SDK tries again after rateLimited() and serverError()', async () => {
  const api = emulator.session();
  api.replies(rateLimited(), serverError(), 'Paris.');
  const answer = await client(api, { maxRetries: 2 }).responses.create({ model: 'gpt-4o', input: 'The capital of France?' });
  expect(answer.output_text).toBe('Paris.');
  expect(api.requests.map((request) => [request.status, request.retryCount])).toEqual([[429, 0], [500, 1], [200, 2]]);
});

test.each([
  ['error(418, text)', error(418, 'short and stout'), { status: 418, error: { message: 'short and stout' } }],
  ['error(404, options)', error(404, { code: 'gone', param: null }), { status: 404, code: 'gone', param: null }],
  ['quotaExceeded()', quotaExceeded(), { status: 429, code: 'insufficient_quota' }],
  ['contextLengthExceeded()', reply.contextLengthExceeded(), { status: 400, code: 'context_length_exceeded' }],
  ['invalidApiKey()', reply.invalidApiKey({ message: 'no' }), { status: 401, code: 'invalid_api_key', error: { message: 'no' } }],
])('%s', async (_name, failure, expected) => {
  const api = emulator.session();
  api.replies(failure);
  await expect(chat(api, 'x')).rejects.toMatchObject(expected);
});

test('json(), refusal(), reasoning() and output()', async () => {
  const api = emulator.session();
  const openai = client(api);
  const ask = () => openai.responses.create({ model: 'gpt-5', input: 'x' });
  api.replies(json({ a: [1, 'ü'] }), refusal('I cannot.'), reasoning('Thinking.', 'Done.'), output([reasoning('First.'), 'Text.', toolCall('f', {})], { check: false }));
  expect((await ask()).output_text).toBe('{"a":[1,"ü"]}');
  expect((await ask()).output.at(-1).content[0]).toMatchObject({ type: 'refusal', refusal: 'I cannot.' });
  expect((await ask()).output.map((item) => item.type)).toEqual(['reasoning', 'message']);
  expect((await ask()).output.map((item) => item.type)).toEqual(['reasoning', 'message', 'function_call']);
});

test('json() and toolCall() take what JSON.stringify writes whole', async () => {
  const api = emulator.session();
  class Point { x = 1; #y = 2; z = undefined; }
  const twice = { a: 1 };
  api.replies(json({ at: new Date(0), point: new Point(), own: { toJSON: () => [null] }, left: undefined, twice: [twice, twice], ü: Object.create(null), boxed: [Object(0), Object('')], empty: new (class {})() }), toolCall('f', new Point(), { check: false }));
  expect(await chat(api, 'x')).toBe('{"at":"1970-01-01T00:00:00.000Z","point":{"x":1},"own":[null],"twice":[{"a":1},{"a":1}],"ü":{},"boxed":[0,""],"empty":{}}');
  const called = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] });
  expect(called.choices[0].message.tool_calls[0].function.arguments).toBe('{"x":1}');
});

test('pace cuts the text', async () => {
  const api = emulator.session();
  api.replies(text('one two three', { chunk: 'word' }), text('abcdef', { chunk: ['ab', 'cd'], delayMs: 1 }));
  expect(await pieces(api, 'x')).toEqual(['one ', 'two ', 'three']);
  expect(await pieces(api, 'x')).toEqual(['ab', 'cd', 'ef']);
});

test('hold waits for release()', async () => {
  const api = emulator.session();
  api.replies(text('one two', { chunk: 'word', hold: { afterChunks: 1, until: 'go' } }));
  const stream = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], stream: true });
  const seen = [];
  for await (const chunk of stream) {
    const piece = chunk.choices[0]?.delta.content;
    if (!piece) continue;
    seen.push(piece);
    if (seen.length === 1) api.release('go');
  }
  expect(seen).toEqual(['one ', 'two']);
});

test('faults: nothing, a cut, an event that is no JSON', async () => {
  const api = emulator.session();
  api.replies(disconnect(), disconnect(text('one two three', { chunk: 'word' }), { at: 2 }), malformed('one'), timeout());
  await expect(chat(api, 'x')).rejects.toMatchObject({ message: 'Connection error.' });
  const cut = pieces(api, 'x');
  await expect(cut).rejects.toThrow();
  await expect(pieces(api, 'x')).rejects.toThrow(SyntaxError);
  await expect(client(api, { timeout: 50 }).models.list()).resolves.toBeDefined();
  await expect(client(api, { timeout: 50 }).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] })).rejects.toMatchObject({ message: 'Request timed out.' });
});

test('helpers without an argument serve where one is called with an index', () => {
  expect(Array.from({ length: 2 }, timeout)).toEqual([timeout(), timeout()]);
  expect(Array.from({ length: 2 }, rateLimited)).toEqual([rateLimited(), rateLimited()]);
  expect(Array.from({ length: 2 }, generated)).toEqual([generated(), generated()]);
});

test('stall() falls silent for a while, or until the client leaves', async () => {
  const api = emulator.session();
  const words = text('one two three', { chunk: 'word' });
  api.replies(stall(words, { at: 1, ms: 5 }), stall(words, { at: 2 }), stall());
  expect(await pieces(api, 'x')).toEqual(['one ', 'two ', 'three']);
  const seen = [];
  const silent = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], stream: true });
  for await (const chunk of silent) {
    if (chunk.choices[0]?.delta.content && seen.push(chunk.choices[0].delta.content) === 2) break;
  }
  expect(seen).toEqual(['one ', 'two ']);
  const headers = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], stream: true }).asResponse();
  expect(headers.status).toBe(200);
  await headers.body.cancel();
  expect(api.requests.map((request) => request.explanation)).toEqual([1, 2, 0].map((count) => expect.stringContaining(`after ${count} pieces`)));
});

test('generated() answers what is asked for, the same for the same seed', async () => {
  const api = emulator.session();
  api.replies(generated({ length: 'short', seed: 1 }), generated({ length: 'short', seed: 1 }), generated(), generated({ tools: 'first' }));
  const first = await chat(api, 'x');
  expect(first.length).toBeGreaterThanOrEqual(120);
  expect(await chat(api, 'x')).toBe(first);
  const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
  const shaped = await chat(api, 'x', { response_format: { type: 'json_schema', json_schema: { name: 'place', schema, strict: true } } });
  expect(JSON.parse(shaped)).toEqual({ city: expect.any(String) });
  const called = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], tools: weather });
  expect(called.choices[0].message.tool_calls[0].function.name).toBe('get_weather');
});

test('moderation() and audio() answer their own endpoints', async () => {
  const api = emulator.session();
  api.replies(moderation('violence'), moderation([]), audio(new Uint8Array([1, 2, 3]), { transcript: 'Hello.' }));
  const judged = async () => (await client(api).moderations.create({ model: 'omni-moderation-latest', input: 'x' })).results[0];
  expect(await judged()).toMatchObject({ flagged: true, categories: { violence: true, hate: false } });
  expect(await judged()).toMatchObject({ flagged: false });
  const spoken = await client(api).chat.completions.create({
    model: 'gpt-audio', messages: [{ role: 'user', content: 'x' }], modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'wav' },
  });
  expect(spoken.choices[0].message.audio).toMatchObject({ data: 'AQID', transcript: 'Hello.' });
});

test('image() answers images', async () => {
  const api = emulator.session();
  expect(image(new Uint8Array([1, 2, 3]))).toEqual({ image: 'AQID' });
  expect(image(['AQID', 'BAUG'])).toEqual({ choices: [{ image: 'AQID' }, { image: 'BAUG' }] });
  api.replies(image('AQID'));
  const answer = await client(api).images.generate({ prompt: 'x', model: 'gpt-image-1' });
  expect(answer.data).toEqual([{ b64_json: 'AQID' }]);
});

test('raw() is sent as it is', async () => {
  const api = emulator.session();
  api.replies(raw({ status: 202, headers: { 'x-own': '1' }, body: { any: 'thing' } }), raw('plain'));
  const ask = () => fetch(`${api.baseURL}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] }),
  });
  const first = await ask();
  expect([first.status, first.headers.get('x-own'), await first.json()]).toEqual([202, '1', { any: 'thing' }]);
  expect(await (await ask()).text()).toBe('plain');
});

test('embedding() answers embeddings and nothing else', async () => {
  const api = emulator.session();
  api.replies(embedding([0.5, -0.5]), 'text');
  expect(await chat(api, 'x')).toBe('text');
  const answer = await client(api).embeddings.create({ model: 'text-embedding-3-small', input: 'x', encoding_format: 'float' });
  expect(answer.data[0].embedding).toEqual([0.5, -0.5]);
});

test('rules: literal text, RegExps, conditions, times, expect, optional', async () => {
  const api = emulator.session();
  api.replies(
    when('1+1 (sum)', 'two'),
    when(/oslo/i, 'Cold.', { times: 2 }),
    when({ system: 'terse', not: { user: /long/ } }, 'k'),
    when({ model: /mini/, turn: 0 }, ['first', 'second']),
    when('never', 'unused', { optional: true }),
    when('strict', 'ok', { expect: { format: 'json_object' }, name: 'the strict one' }),
  );
  const system = [{ role: 'system', content: 'Be terse.' }, { role: 'user', content: 'hello' }];
  expect(await chat(api, 'what is 1+1 (sum)?')).toBe('two');
  expect([await chat(api, 'OSLO'), await chat(api, 'in Oslo')]).toEqual(['Cold.', 'Cold.']);
  expect(await chat(api, '', { messages: system })).toBe('k');
  expect([await chat(api, 'x', { model: 'gpt-4o-mini' }), await chat(api, 'x', { model: 'gpt-4o-mini' })]).toEqual(['first', 'second']);
  await expect(chat(api, 'strict')).rejects.toMatchObject({ code: 'expectation_failed', message: expect.stringContaining('the strict one') });
});

test('otherwise() answers what nothing else does, any number of times', async () => {
  const api = emulator.session();
  api.replies(when('a', 'rule'));
  api.otherwise('ok');
  expect([await chat(api, 'b'), await chat(api, 'a'), await chat(api, 'a')]).toEqual(['ok', 'rule', 'ok']);
  api.otherwise((request) => `no rule for ${request.lastUserText}`);
  expect(await chat(api, 'c')).toBe('no rule for c');
  api.finish();
});

test('script() loads the language as it is, functions and RegExps included', async () => {
  const api = emulator.session();
  api.script({ reset: true, responses: { '^hello': 'map', '.*': { text: 'rest' } }, models: ['...', 'my-model'] });
  api.script({ rules: [{ match: { user: /never/ }, response: () => 'function' }] });
  expect([await chat(api, 'hello'), await chat(api, 'x', { model: 'my-model' })]).toEqual(['map', 'rest']);
});

test('a shared script serves sessions that have none', async () => {
  const own = await startEmulator();
  own.script({ responses: { '.*': 'shared' } });
  const [api, other] = [own.session(), own.session()];
  other.replies('mine');
  expect([await chat(api, 'x'), await chat(api, 'x'), await chat(other, 'x')]).toEqual(['shared', 'shared', 'mine']);
  await own.stop();
});
