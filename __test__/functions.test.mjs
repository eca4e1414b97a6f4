// Functions as replies.
import { afterAll, expect, test, vi } from 'vitest';
import { embedding, output, raw, refusal, startEmulator, text, toolCall, when } from 'llemulator';
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

test('a generator streams piece by piece, or is collected', async () => {
  const api = emulator.session();
  async function* answer() {
    yield 'one ';
    yield text('two');
  }
  api.replies(answer, answer, answer, function* () { yield 'sync'; });
  expect(await pieces(api, 'x')).toEqual(['one ', 'two']);
  expect(await chat(api, 'x')).toBe('one two');
  const stream = await client(api).responses.create({ model: 'gpt-4o', input: 'x', stream: true });
  const deltas = [];
  for await (const event of stream) if (event.type === 'response.output_text.delta') deltas.push(event.delta);
  expect(deltas).toEqual(['one ', 'two']);
  expect(await pieces(api, 'x')).toEqual(['sync']);
});

/** What the chunks of one choice say together; no helper of openai 6 knows custom tools. */
async function put(stream) {
  const choice = { message: { refusal: null } };
  for await (const { choices: [{ delta, finish_reason } = {}] } of stream) {
    choice.finish_reason = finish_reason ?? choice.finish_reason;
    add(choice.message, delta);
  }
  choice.message.tool_calls?.forEach((call) => delete call.index);
  return { choices: [choice] };
}

/** Adds a delta: texts are joined, items of lists go to their index, the rest is set. */
function add(whole, delta = {}) {
  for (const [key, value] of Object.entries(delta)) {
    if (Array.isArray(value)) for (const item of value) add(((whole[key] ??= [])[item.index ?? whole[key].length] ??= {}), item);
    else if (typeof value === 'object' && value !== null) add((whole[key] ??= {}), value);
    else if (typeof value === 'string' && !['role', 'id', 'type', 'name'].includes(key)) whole[key] = (whole[key] ?? '') + value;
    else whole[key] = value ?? whole[key] ?? null;
  }
}

test('whatever is yielded is streamed as the same reply at once would be', async () => {
  const api = emulator.session();
  const openai = client(api);
  const tool = (name) => ({ type: 'function', function: { name } });
  const messages = [{ role: 'user', content: 'x' }];
  const custom = toolCall('note', 'any text', { custom: true, id: 'call_2' });
  const cited = text('Oslo', { annotations: [{ type: 'url_citation', url: 'https://example.com', title: 'T', start_index: 0, end_index: 4 }] });
  const call = toolCall('f', { x: 1 }, { id: 'call_1' });
  const all = [
    [[refusal('I cannot.')], {}],
    [[cited, ' is cold.'], {}],
    [['Wait. ', call, custom], { tools: [tool('f'), { type: 'custom', custom: { name: 'note' } }] }],
    [[toolCall('f', { x: 1 })], { functions: [{ name: 'f', parameters: { type: 'object', properties: {} } }] }],
  ];
  for (const [said, more] of all) {
    // The same parts, whole and as they come.
    api.replies(output(said), async function* () { yield* said; });
    const [whole, streamed] = [
      await openai.chat.completions.create({ model: 'gpt-4o', messages, ...more }),
      await put(await openai.chat.completions.create({ model: 'gpt-4o', messages, stream: true, ...more })),
    ];
    const shown = ({ choices: [{ message: { content, refusal, tool_calls, function_call, annotations }, finish_reason }] }) =>
      JSON.parse(JSON.stringify({ content, refusal, calls: tool_calls?.map(({ parsed_arguments, ...rest }) => rest), function_call: function_call && { name: function_call.name, arguments: function_call.arguments }, annotations: annotations ?? [], finish_reason }));
    expect(shown(streamed)).toEqual(shown(whole));
  }
  api.replies(async function* () { yield cited; yield '!'; });
  const deltas = [];
  for await (const { choices } of await openai.completions.create({ model: 'gpt-3.5-turbo-instruct', prompt: 'x', stream: true })) deltas.push(choices[0].text);
  expect(deltas.join('')).toBe('Oslo!');
});

test('arguments, reasoning, choices, usage and the end of an answer arrive piece by piece', async () => {
  const api = emulator.session();
  const openai = client(api);
  async function* calls() {
    yield { reasoningDelta: 'The weather ' };
    yield { reasoningDelta: 'is asked.' };
    yield { toolCall: { name: 'f', id: 'call_1', argumentsDelta: '{"x"' } };
    yield { toolCall: { argumentsDelta: ':1}' } };
    yield { usage: { prompt_tokens: 77 } };
  }
  api.replies(calls, calls, calls);
  const parameters = { type: 'object', properties: { x: { type: 'integer' } } };
  const chat = { model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], tools: [{ type: 'function', function: { name: 'f', parameters } }] };
  const stream = openai.chat.completions.stream({ ...chat, stream_options: { include_usage: true } });
  const deltas = [];
  stream.on('tool_calls.function.arguments.delta', ({ arguments_delta }) => deltas.push(arguments_delta));
  const streamed = await stream.finalChatCompletion();
  expect(deltas.filter(Boolean)).toEqual(['{"x"', ':1}']);
  const whole = await openai.chat.completions.create(chat);
  for (const { choices: [{ message, finish_reason }], usage } of [streamed, whole]) {
    expect(message.tool_calls[0]).toMatchObject({ id: 'call_1', function: { name: 'f', arguments: '{"x":1}' } });
    expect([finish_reason, usage.prompt_tokens]).toEqual(['tool_calls', 77]);
  }
  const seen = [];
  for await (const event of await openai.responses.create({ model: 'gpt-5', input: 'x', tools: [{ type: 'function', name: 'f', parameters }], stream: true })) {
    if (/(summary_text|arguments)\.delta$/.test(event.type)) seen.push(event.delta);
    if (event.type === 'response.completed') expect(event.response.output.map(({ type }) => type)).toEqual(['reasoning', 'function_call']);
  }
  expect(seen).toEqual(['The weather ', 'is asked.', '{"x"', ':1}']);

  api.replies(async function* () {
    yield { choice: 1, textDelta: 'b' };
    yield { choice: 0, textDelta: 'a' };
    yield { choice: 1, textDelta: 'b', finishReason: 'length' };
    yield { choice: 0, reply: text('!') };
  });
  const two = await openai.chat.completions.stream({ ...chat, n: 2 }).finalChatCompletion();
  expect(two.choices.map(({ message, finish_reason }) => [message.content, finish_reason])).toEqual([['a!', 'stop'], ['bb', 'length']]);
});

test('limits cut what is yielded, and end the generator', async () => {
  const api = emulator.session();
  const openai = client(api);
  let ended = 0;
  async function* endless() {
    try {
      for (let i = 0; ; i++) yield `word${i % 10} `;
    } finally {
      ended++;
    }
  }
  api.replies(endless, endless, endless);
  const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] };
  const finish = async (more) => {
    const { choices: [{ message, finish_reason }], usage } = await openai.chat.completions.stream({ ...body, stream_options: { include_usage: true }, ...more }).finalChatCompletion();
    return [message.content, finish_reason, usage.completion_tokens];
  };
  expect(await finish({ stop: 'd3' })).toEqual(['word0 word1 word2 wor', 'stop', expect.any(Number)]);
  expect((await finish({ max_completion_tokens: 7 })).slice(1)).toEqual(['length', 7]);
  const response = await openai.responses.stream({ model: 'gpt-4o', input: 'x', max_output_tokens: 16 }).finalResponse();
  expect(response).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, output: [{ status: 'incomplete' }] });
  await vi.waitUntil(() => ended === 3);
});

test('pieces that the request forbids, or that are none, say what is wrong', async () => {
  const api = emulator.session();
  const openai = client(api);
  const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] };
  const pieces = [
    [{ textDelta: 1 }, 'textDelta is 1 (a number); expected a string'],
    [{ textDelta: 'x', more: 1 }, 'an unknown more; there are: choice, reasoningDelta'],
    [{ choice: -1, textDelta: 'x' }, 'choice is -1 (a number); expected a whole number'],
    [{ toolCall: 'f' }, 'expected { name, argumentsDelta }'],
    [{ toolCall: { name: 'f', arguments: '{}' } }, 'an unknown toolCall.arguments'],
    [{ toolCall: { argumentsDelta: '{}' } }, 'no tool call was begun'],
    [{ finishReason: 'done' }, "expected 'stop', 'length'"],
    [{ choice: 1, textDelta: 'x' }, 'asks for n: 1'],
    [toolCall('nowhere'), 'calls the tool `nowhere`'],
    [text('x', { model: 'other' }), 'yielded.model: comes too late'],
  ];
  for (const [piece, reason] of pieces) {
    api.replies(async function* () { yield 'one'; yield piece; });
    const stream = openai.chat.completions.stream(body);
    await expect(stream.finalChatCompletion(), reason).rejects.toThrow(reason);
    expect(api.lastRequest.failure?.message, reason).toContain(reason);
  }
});

test('a piece leaves when it is yielded', async () => {
  const api = emulator.session();
  let next;
  const seen = [];
  api.replies(async function* () {
    yield 'one';
    await new Promise((resolve) => (next = resolve));
    yield 'two';
  });
  const stream = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], stream: true });
  for await (const chunk of stream) {
    const piece = chunk.choices[0]?.delta.content;
    if (!piece) continue;
    seen.push(piece);
    // The second piece is not made before the first has arrived here.
    if (piece === 'one') next();
  }
  expect(seen).toEqual(['one', 'two']);
});

test('more pieces than the emulator holds: the generator waits for its client', async () => {
  const api = emulator.session();
  let made = 0;
  api.script({ defaults: { pace: { hold: { after_chunks: 1, until: 'go' } } } });
  api.replies(async function* () {
    while (made < 5000) yield `${made++} `;
  });
  const read = pieces(api, 'x');
  // The client gets one piece and is held: the generator runs ahead as far as it may.
  await vi.waitUntil(() => made > 200);
  const other = emulator.session();
  other.otherwise(() => 'ok');
  for (let i = 0; i < 20; i++) await chat(other, 'x');
  expect(made).toBeLessThan(1000);
  api.release('go');
  expect(await read).toHaveLength(5000);
});

test('a fault breaks what a function yields', async () => {
  const api = emulator.session();
  api.script({ defaults: { chaos: [{ fault: { kind: 'disconnect', at: 2 }, every: 1 }] } });
  api.otherwise(async function* () {
    for (const piece of ['one ', 'two ', 'three']) yield piece;
  });
  const openai = client(api);
  const request = { model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], stream: true };
  const seen = [];
  const read = async (stream, piece) => {
    for await (const event of stream) if (piece(event)) seen.push(piece(event));
  };
  await expect(read(await openai.chat.completions.create(request), (chunk) => chunk.choices[0]?.delta.content)).rejects.toThrow();
  const legacy = openai.completions.create({ model: 'gpt-3.5-turbo-instruct', prompt: 'x', stream: true });
  await expect(read(await legacy, (chunk) => chunk.choices[0]?.text)).rejects.toThrow();
  const responses = openai.responses.create({ model: 'gpt-4o', input: 'x', stream: true });
  await expect(read(await responses, (event) => event.type === 'response.output_text.delta' && event.delta)).rejects.toThrow();
  expect(seen).toEqual(['one ', 'two ', 'one ', 'two ', 'one ', 'two ']);
});

test('pace holds for what a function yields', async () => {
  const api = emulator.session('paced', { clock: 'manual' });
  api.script({ defaults: { pace: { ttft_ms: 1000, delay_ms: 500 } } });
  api.replies(function* () { yield 'one'; yield 'two'; });
  const read = pieces(api, 'x');
  let at = 0;
  for (const wait of [1000, 500, 500]) {
    at += wait;
    await vi.waitUntil(() => api.clock.pending.includes(at));
    api.clock.advance(wait);
  }
  expect(await read).toEqual(['one', 'two']);
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

test.each([
  ['throws', () => { throw new Error('out of luck'); }, 'out of luck'],
  ['rejects', async () => { throw new TypeError('no such thing'); }, 'no such thing'],
  ['throws something odd', () => { throw null; }, 'null'],
  ['rejects with no Error', async () => { throw { why: 'no luck' }; }, 'failed: {"why":"no luck"}'],
  ['rejects with a text', () => Promise.reject('no luck'), 'failed: no luck'],
  ['throws what cannot be shown', () => { throw { get message() { throw 1; } }; }, 'cannot be shown'],
  ['returns what JSON cannot hold', () => ({ text: 'x', usage: { total_tokens: 1n } }), 'BigInt'],
  ['returns what refers to itself', () => { const knot = {}; return (knot.json = knot); }, 'circular'],
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

test('a generator that throws or yields nonsense ends the stream with the error', async () => {
  const api = emulator.session();
  const knot = {};
  knot.json = knot;
  const ended = [];
  const yielding = (...values) => async function* () {
    try {
      yield 'one';
      for (const value of values) yield value;
    } finally {
      ended.push(values.length);
    }
  };
  const failing = (thrown) => async function* () { yield 'one'; throw thrown; };
  const wrong = [
    [failing(new Error('half way')), 'half way'],
    [failing({ get message() { throw 1; } }), 'cannot be shown'],
    [async function* () { try { yield 'one'; yield 2; } finally { throw new Error('on the way out'); } }, 'on the way out'],
    [yielding(2), 'yielded 2 (a number)'],
    [yielding(knot), 'circular'],
    [yielding('😀'[0], '😀'[1]), 'surrogate'],
    [yielding(output(Array.from({ length: 500 }, () => 'x'))), '500 parts at once'],
  ];
  for (const [reply, message] of wrong) {
    api.replies(reply);
    await expect(pieces(api, 'x')).rejects.toThrow(message);
  }
  // The client may have the error before the last generator has run its `finally`.
  await vi.waitFor(() => expect([...ended].sort()).toEqual([1, 1, 1, 2]));
});

test('an error comes after all that was yielded, however much that was', async () => {
  const api = emulator.session();
  api.script({ defaults: { pace: { hold: { after_chunks: 1, until: 'go' } } } });
  let made = 0;
  api.replies(function* () {
    // As many as fit before a generator waits, so that the error finds no room.
    while (made < 256) yield `${made++} `;
    throw new Error('at last');
  });
  const stream = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], stream: true });
  const seen = [];
  await expect((async () => {
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) seen.push(chunk.choices[0].delta.content);
      if (seen.length === 1) await vi.waitUntil(() => made === 256).then(() => api.release('go'));
    }
  })()).rejects.toThrow('at last');
  expect(seen).toHaveLength(256);
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

test('what a generator streams is cut and checked like any other reply', async () => {
  const api = emulator.session();
  const answer = async function* () { yield 'one two '; yield 'three'; };
  api.replies(when('x', answer, { times: 6 }));
  const strict = { type: 'json_schema', json_schema: { name: 'a', strict: true, schema: { type: 'object', properties: {}, required: [], additionalProperties: false } } };
  const streamed = async (more) => (await pieces(api, 'x', more)).join('');
  expect(await streamed({ max_tokens: 1 })).toBe('one');
  expect(await streamed({ stop: 'two' })).toBe('one ');
  // Fewer choices than asked: the last repeats.
  expect(await pieces(api, 'x', { n: 2 })).toEqual(['one two ', 'three', 'one two three']);
  await expect(streamed({ response_format: strict })).rejects.toThrow('does not fit the request');
  expect(await chat(api, 'x', { max_tokens: 1 })).toBe('one');
  await expect(chat(api, 'x', { response_format: strict })).rejects.toMatchObject({ code: 'script_mismatch' });
});

test('a generator makes the bytes of a raw answer as they come', async () => {
  const api = emulator.session('bytes');
  api.replies(
    async function* () {
      yield { status: 207, headers: { 'content-type': 'text/event-stream', 'x-made': 'by hand' }, bytes: 'data: {"ha' };
      yield { bytes: new Uint8Array([0x6c, 0x66, 0x22]) };
      yield { bytes: ': 1}\n\n' };
    },
    async function* () { yield { bytes: 'a' }; yield 'text'; },
    async function* () { yield 'text'; yield { bytes: 'a' }; },
  );
  const ask = () => fetch(`${api.baseURL}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o', stream: true, messages: [{ role: 'user', content: 'x' }] }),
  });
  const answer = await ask();
  expect([answer.status, answer.headers.get('x-made')]).toEqual([207, 'by hand']);
  expect(await answer.text()).toBe('data: {"half": 1}\n\n');
  // What is begun as one kind cannot go on as the other: the connection is cut, the stream ends with an error.
  await expect((async () => (await ask()).text())()).rejects.toThrow();
  expect(await (await ask()).text()).toContain('bytes came, of which only a raw answer is made');
});
