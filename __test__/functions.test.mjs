// Functions as replies.
import { afterAll, expect, test, vi } from 'vitest';
import { embedding, output, raw, startEmulator, text, toolCall, when } from 'llemulator';
import { chat, client, pieces, thrown } from './support.mjs';

const emulator = await startEmulator();
afterAll(() => emulator.stop());

test('a function gets the request and gives the reply, sync or async', async () => {
  const api = emulator.session('functions');
  let seen;
  api.replies((request) => ((seen = request), `you said ${request.lastUserText}`), async () => text('later'));
  expect([await chat(api, 'hello'), await chat(api, 'x')]).toEqual(['you said hello', 'later']);
  expect(seen).toMatchObject({
    operation: 'chat.completions.create',
    method: 'POST',
    path: '/v1/chat/completions',
    model: 'gpt-4o',
    session: 'functions',
    messages: [{ role: 'user', text: 'hello' }],
    tools: [],
    toolResults: [],
    stream: false,
    turn: 0,
    body: { model: 'gpt-4o' },
  });
  expect(JSON.stringify(seen)).not.toContain(api.apiKey);
});

test('what a function gets is the whole conversation, whatever the endpoint keeps of it', async () => {
  const api = emulator.session();
  const openai = client(api);
  const seen = [];
  const tool = { type: 'function', name: 'f', parameters: { type: 'object', properties: {} } };
  api.replies(toolCall('f', { x: 1 }), (request) => (seen.push(request), 'done'), (request) => (seen.push(request), 'again'));
  const first = await openai.responses.create({ model: 'gpt-4o', input: 'go', tools: [tool] });
  const second = await openai.responses.create({
    model: 'gpt-4o', previous_response_id: first.id, tools: [tool],
    input: [{ type: 'function_call_output', call_id: first.output[0].call_id, output: '42' }],
  });
  await openai.responses.create({ model: 'gpt-4o', previous_response_id: second.id, input: 'more', instructions: 'Be short.' });
  expect(seen[0]).toMatchObject({ operation: 'responses.create', turn: 1, lastUserText: 'go', toolResults: [{ name: 'f', arguments: '{"x":1}', text: '42' }] });
  expect(seen[0].tools.map(({ name }) => name)).toEqual(['f']);
  expect(seen[1].messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'tool', 'assistant', 'user']);
  expect(seen[1]).toMatchObject({ turn: 2, lastUserText: 'more', stream: false });
});

test('each is used once; nothing returned passes to what is below', async () => {
  const api = emulator.session();
  const calls = [];
  api.replies(() => void calls.push('first'), () => 'second', 'third');
  expect([await chat(api, 'a'), await chat(api, 'b')]).toEqual(['second', 'third']);
  expect(calls).toEqual(['first', 'first']);
});

test('functions in rules, in lists of replies, with tool calls', async () => {
  const api = emulator.session();
  api.replies(when(/a/, [() => 'one', 'two'], { times: 3 }), when('b', () => toolCall('f', { x: 1 }, { check: false })));
  expect([await chat(api, 'a'), await chat(api, 'a'), await chat(api, 'a')]).toEqual(['one', 'two', 'two']);
  const answer = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'b' }] });
  expect(answer.choices[0].message.tool_calls[0].function).toEqual({ name: 'f', arguments: '{"x":1}' });
});

test('no more functions run at a time than allowed, streaming ones included', async () => {
  const own = await startEmulator({ maxCallbacks: 1 });
  const api = own.session();
  let next;
  api.replies(async function* () {
    yield 'one ';
    await new Promise((resolve) => (next = resolve));
    yield 'two';
  }, () => 'late');
  const first = pieces(api, 'x');
  await vi.waitUntil(() => next);
  await expect(chat(api, 'y')).rejects.toMatchObject({ status: 400, message: expect.stringContaining('More than 1 reply functions are running at a time (option maxCallbacks)') });
  next();
  expect(await first).toEqual(['one ', 'two']);
  await own.stop();
});

test('when the client leaves, the signal fires and the generator ends', async () => {
  const api = emulator.session();
  let ended;
  const end = new Promise((resolve) => (ended = resolve));
  api.replies(async function* (request, { signal }) {
    try {
      yield 'one';
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      yield 'nobody reads this';
      yield 'nor this';
    } finally {
      ended(signal.aborted);
    }
  });
  const stream = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], stream: true });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
  expect(await end).toBe(true);
});

test('a client that gives up waiting fires the signal of a plain function', async () => {
  const api = emulator.session();
  let aborted;
  const told = new Promise((resolve) => (aborted = resolve));
  api.replies((request, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => (aborted(true), resolve('late')))));
  await expect(client(api, { timeout: 50 }).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] })).rejects.toThrow('timed out');
  expect(await told).toBe(true);
});

test('the end of the emulator fires the signals of functions that run', async () => {
  const own = await startEmulator();
  const api = own.session();
  const started = [];
  const told = [];
  const aborted = (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(told.push(signal.aborted))));
  api.replies(
    async (request, { signal }) => (started.push(request), await aborted(signal), 'late'),
    async function* (request, { signal }) {
      yield 'one';
      started.push(request);
      await aborted(signal);
    },
  );
  const asked = [chat(api, 'x'), pieces(api, 'y')].map((answer) => answer.catch((error) => error));
  await vi.waitUntil(() => started.length === 2);
  await own.stop();
  await vi.waitUntil(() => told.length === 2);
  for (const answer of asked) expect(await answer).toBeInstanceOf(Error);
});

test.each([
  ['throws', () => { throw new Error('out of luck'); }, 'out of luck'],
  ['rejects', async () => { throw new TypeError('no such thing'); }, 'no such thing'],
  ['throws something odd', () => { throw null; }, 'null'],
  ['rejects with no Error', async () => { throw { why: 'no luck' }; }, 'failed: {"why":"no luck"}'],
  ['rejects with a text', () => Promise.reject('no luck'), 'failed: no luck'],
  ['throws what cannot be shown', () => { throw { get message() { throw 1; } }; }, 'cannot be shown'],
  ['returns what JSON cannot hold', () => ({ text: 'x', usage: { total_tokens: 1n } }), 'BigInt'],
  ['returns what refers to itself', () => { const knot = {}; return (knot.json = knot); }, 'circular'],
  ['returns JSON with a function', () => ({ json: { a: () => 1 } }), 'returned a reply whose json.a is the function a, which JSON cannot hold'],
  ['returns JSON with a RegExp', () => ({ json: { b: [/x/] } }), 'json.b[0] is the RegExp /x/'],
  ['returns a function as usage', function counted() { return { text: 'x', usage: () => 1 }; }, 'the reply function counted returned a reply whose usage is the function usage'],
  ['returns a promise within', () => ({ text: Promise.resolve('x') }), 'text is a promise (await it)'],
  ['returns the number of a function', () => ({ callback: 1 }), 'gave another reply function'],
  ['returns half of a character', () => '😀'[0], 'surrogate'],
  ['returns a function', () => () => 'x', 'returned the function'],
  ['returns a number', function price() { return 42; }, 'the reply function price returned 42 (a number); expected a string or a reply'],
  ['returns null', () => null, 'returned null'],
  ['returns a list', () => ['a'], 'returned ["a"]'],
  ['returns a rule', () => when('a', 'b'), 'returned a when(…) rule'],
  ['returns a bad reply', () => ({ txt: 'x' }), 'txt'],
  ['throws before its first piece', async function* () { throw new Error('too early'); }, 'too early'],
])('a function that %s becomes a 400 that says so, and is not tried again', async (_what, reply, message) => {
  const api = emulator.session();
  api.replies(reply);
  const openai = client(api, { maxRetries: 2 });
  const failure = await openai.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] }).catch((error) => error);
  expect(failure).toMatchObject({ status: 400, code: 'reply_function_failed', message: expect.stringContaining(message) });
  expect(failure.headers.get('x-should-retry')).toBe('false');
  expect(api.requests).toHaveLength(1);
});

test('a function that never settles becomes a 400 at the time limit', { timeout: 20_000 }, async () => {
  // Long enough for what does settle, on however slow a machine: only what never does may meet it.
  const own = await startEmulator({ callbackTimeoutMs: 1000 });
  const api = own.session();
  api.replies(() => new Promise(() => {}));
  await expect(chat(api, 'x')).rejects.toMatchObject({ status: 400, message: expect.stringContaining('1000 ms (option callbackTimeoutMs)') });
  // A generator has as long for each piece; its signal tells it.
  const told = [];
  const stuck = async function* (request, { signal }) {
    yield 'one';
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    told.push(signal.aborted);
  };
  api.replies(stuck, stuck);
  await expect(pieces(api, 'x')).rejects.toThrow('did not yield within 1000 ms (option callbackTimeoutMs)');
  await expect(chat(api, 'x')).rejects.toMatchObject({ status: 400, code: 'reply_function_failed' });
  await vi.waitUntil(() => told.length === 2);
  await own.stop();
});

test('a function may ask the emulator it answers for, and one that never ends asking is stopped', async () => {
  const own = await startEmulator({ maxCallbacks: 5 });
  const api = own.session();
  api.replies(when('inner', 'from inside'), async () => `it said: ${await chat(api, 'inner')}`);
  expect(await chat(api, 'outer')).toBe('it said: from inside');
  api.otherwise(() => chat(api, 'again'));
  await expect(chat(api, 'first')).rejects.toMatchObject({ status: 400, message: expect.stringContaining('More than 5 reply functions') });
  expect(api.requests).toHaveLength(2 + 6);
  await own.stop();
});

test('a promise of a generator streams; functions answer background responses and sockets too', async () => {
  const api = emulator.session();
  const openai = client(api);
  const generator = async function* () { yield 'one '; yield 'two'; };
  api.replies(async () => generator(), generator, () => 'later');
  expect(await pieces(api, 'x')).toEqual(['one ', 'two']);
  for (const text of ['one two', 'later']) {
    let answer = await openai.responses.create({ model: 'gpt-4o', input: 'x', background: true });
    while (['queued', 'in_progress'].includes(answer.status)) answer = await openai.responses.retrieve(answer.id);
    expect(answer.output_text).toBe(text);
  }
  api.replies(generator);
  const { ResponsesWS } = await import('openai/resources/responses/ws');
  const socket = new ResponsesWS(openai);
  socket.send({ type: 'response.create', model: 'gpt-4o', input: 'x' });
  const deltas = [];
  for await (const { type, message } of socket.stream()) {
    if (type === 'message' && message.type === 'response.output_text.delta') deltas.push(message.delta);
    if (type === 'message' && message.type === 'response.completed') socket.close();
  }
  expect(deltas).toEqual(['one ', 'two']);
});

test('a response in the background is told of at once, and done when its function is', async () => {
  const api = emulator.session();
  const openai = client(api);
  const begin = () => openai.responses.create({ model: 'gpt-4o', input: 'x', background: true });
  const ended = async ({ id }) => {
    for (;;) {
      const answer = await openai.responses.retrieve(id);
      if (!['queued', 'in_progress'].includes(answer.status)) return answer;
    }
  };
  let give;
  const given = new Promise((resolve) => (give = resolve));
  let left;
  const aborted = new Promise((resolve) => (left = resolve));
  api.replies(
    () => given,
    (_, { signal }) => new Promise(() => signal.addEventListener('abort', left)),
    () => { throw new Error('out of words'); },
  );
  const first = await begin();
  expect(first).toMatchObject({ status: 'queued', output: [] });
  expect((await openai.responses.retrieve(first.id)).status).toBe('in_progress');
  give('at last');
  expect(await ended(first)).toMatchObject({ id: first.id, status: 'completed', output_text: 'at last' });
  const second = await begin();
  expect(await openai.responses.cancel(second.id)).toMatchObject({ status: 'cancelled' });
  await aborted;
  expect(await ended(await begin())).toMatchObject({ status: 'failed', error: { code: 'reply_function_failed' } });
  const unfinished = thrown(() => api.finish());
  expect([unfinished.code, unfinished.cause.message]).toEqual(['ERR_LLEMULATOR_UNFINISHED', expect.stringContaining('out of words')]);
});

test('reset() forgets functions; a hundred run at once', async () => {
  const api = emulator.session();
  api.replies(() => 'forgotten');
  api.reset();
  await expect(chat(api, 'x')).rejects.toMatchObject({ code: 'no_matching_rule' });
  api.replies(...Array.from({ length: 100 }, () => async ({ lastUserText }) => `re ${lastUserText}`));
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => chat(api, `${i}`)));
  expect(answers).toEqual(Array.from({ length: 100 }, (_, i) => `re ${i}`));
});

test('functions answer other operations that a rule names, with what these can send', async () => {
  const api = emulator.session();
  const openai = client(api);
  api.replies(
    when({ operation: 'embeddings.create' }, [({ lastUserText }) => embedding([lastUserText.length]), () => 'text']),
    when({ operation: 'models.list' }, ({ operation }) => raw({ body: { object: 'list', data: [{ id: operation }] } })),
  );
  const embed = () => openai.embeddings.create({ model: 'text-embedding-3-small', input: 'abc', encoding_format: 'float' });
  expect((await embed()).data[0].embedding).toEqual([3]);
  await expect(embed()).rejects.toMatchObject({ code: 'reply_cannot_answer', message: expect.stringContaining('embeddings.create') });
  expect((await openai.models.list()).data[0].id).toBe('models.list');
  expect(thrown(() => api.finish()).cause).toMatchObject({ code: 'reply_cannot_answer' });
});
