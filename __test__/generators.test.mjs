// Generators as replies: pieces, sent as they are yielded.
import { afterAll, expect, test, vi } from 'vitest';
import { error, output, raw, refusal, startEmulator, text, toolCall, when } from 'llemulator';
import { chat, client, pieces, thrown } from './support.mjs';

const emulator = await startEmulator();
afterAll(() => emulator.stop());

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

test('what a generator returns before it yields is the reply', async () => {
  const api = emulator.session();
  const passing = function* () {};
  api.replies(async function* () { return text('at once'); }, when('x', passing, { optional: true }), 'next', async function* () { yield 'one'; return undefined; });
  expect([await chat(api, 'x'), await chat(api, 'x'), await chat(api, 'x')]).toEqual(['at once', 'next', 'one']);
  api.finish();
});

test('what an answer waits for is seen between its pieces too', async () => {
  const api = emulator.session();
  let go;
  const told = new Promise((resolve) => { go = resolve; });
  api.replies(async function* () {
    yield 'one ';
    await told;
    yield 'two';
  });
  const streamed = pieces(api, 'x');
  await vi.waitFor(() => expect(api.requests[0]).toMatchObject({ state: 'in_flight', waitingFor: { kind: 'function' } }));
  expect(api.transcript()).toContain('waits for the reply function');
  go();
  expect(await streamed).toEqual(['one ', 'two']);
  expect(api.requests[0]).toMatchObject({ state: 'done', waitingFor: null });
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

test('a call goes on as the kind it began as', async () => {
  const api = emulator.session();
  const openai = client(api);
  const tools = [{ type: 'function', function: { name: 'f' } }, { type: 'custom', custom: { name: 'note' } }];
  const ask = () => openai.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], tools });
  api.replies(
    async function* () { yield { toolCall: { name: 'note' } }; yield { toolCall: { inputDelta: 'any ' } }; yield { toolCall: { inputDelta: 'text' } }; },
    async function* () { yield { toolCall: { name: 'f' } }; yield { toolCall: { argumentsDelta: '{}' } }; },
    async function* () { yield { toolCall: { name: 'f', argumentsDelta: '{' } }; yield { toolCall: { inputDelta: '}' } }; },
    async function* () { yield { toolCall: { name: 'note', inputDelta: 'x' } }; yield { toolCall: { argumentsDelta: '{}' } }; },
  );
  expect((await ask()).choices[0].message.tool_calls[0]).toMatchObject({ type: 'custom', custom: { name: 'note', input: 'any text' } });
  expect((await ask()).choices[0].message.tool_calls[0]).toMatchObject({ type: 'function', function: { name: 'f', arguments: '{}' } });
  await expect(ask()).rejects.toThrow('give argumentsDelta');
  await expect(ask()).rejects.toThrow('give inputDelta');
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
    [{ toolCall: { id: 'call_1', argumentsDelta: '{}' } }, 'toolCall.id and without toolCall.name; give the id where the call begins'],
    [{ bytes: 'a', textDelta: 'x' }, 'bytes and textDelta; bytes stand alone'],
    [{ bytes: 'a', choice: 1 }, 'bytes and choice; bytes stand alone'],
    [{ finishReason: 'done' }, "expected 'stop', 'length'"],
    [{ usage: { promptTokens: 4 } }, 'an unknown usage.promptTokens; there are: prompt_tokens, completion_tokens'],
    [{ textDelta: 'x', usage: { promt_tokens: 4 } }, 'unknown usage.promt_tokens'],
    [{ usage: { prompt_tokens: 1.5 } }, 'usage.prompt_tokens is 1.5 (a number); expected a whole number from 0'],
    [{ usage: { input_tokens_details: { cached_tokens: '1' } } }, 'usage.input_tokens_details is {"cached_tokens":"1"}; expected an object of whole numbers'],
    [{ choice: 1, textDelta: 'x' }, 'asks for n: 1'],
    [{ choice: 5, usage: { prompt_tokens: 4 } }, 'asks for n: 1'],
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
    [async function* half() { yield 'one'; return 'two'; }, 'the reply function half returned "two" after it had yielded, which nobody would see; yield it'],
    [function* () { yield 'one'; return error(500); }, 'returned {"error":{"status":500}} after it had yielded'],
    [yielding(2), 'yielded 2 (a number)'],
    [yielding(knot), 'circular'],
    [yielding({ json: { a: new Map() } }), 'yielded a reply whose json.a is of the type Map'],
    [yielding({ reply: { json: NaN } }), 'yielded a reply whose json is NaN'],
    [yielding('😀'[0], '😀'[1]), 'surrogate'],
    [yielding(output(Array.from({ length: 500 }, () => 'x'))), '500 parts at once'],
  ];
  for (const [reply, message] of wrong) {
    api.replies(reply);
    await expect(pieces(api, 'x')).rejects.toThrow(message);
  }
  expect(thrown(() => api.finish()).cause.message).toBe('half way');
  // The client may have the error before the last generator has run its `finally`.
  await vi.waitFor(() => expect([...ended].sort()).toEqual([1, 1, 1, 1, 1, 2]));
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

test('options of a reply that a piece has too make no piece of it', async () => {
  const api = emulator.session();
  api.replies(
    async function* () { yield text('one', { finishReason: 'length', usage: { prompt_tokens: 5 } }); },
    async function* () { yield text('one', { headers: { 'x-own': '1' }, finishReason: 'length' }); },
    async function* () { yield { headers: { 'x-own': '1' }, usage: { prompt_tokens: 5 } }; },
  );
  expect(await chat(api, 'x')).toBe('one');
  // A whole reply, whose headers come too late; and pieces.
  for (const message of ['yielded.headers: comes too late, as the answer has begun', 'a piece whose headers is {"x-own":"1"}; expected nothing']) {
    await expect(pieces(api, 'x')).rejects.toThrow();
    expect(api.lastRequest.failure.message).toContain(message);
  }
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
    async function* () { yield { bytes: 'a', headers: { 'x-made': () => 'x' } }; },
    async function* () { yield { bytes: 'a', usage: { prompt_tokens: 1 } }; },
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
  await expect((async () => (await ask()).text())()).rejects.toThrow();
  expect(api.lastRequest.failure.message).toContain('headers.x-made is the function x-made');
  await expect((async () => (await ask()).text())()).rejects.toThrow();
  expect(api.lastRequest.failure.message).toContain('bytes and usage; bytes stand alone');
});
