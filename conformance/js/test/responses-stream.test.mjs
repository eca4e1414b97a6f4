// Responses streamed: the order of events, and the client's accumulator.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, session, weatherFunction } from './support.mjs';

const model = 'gpt-4o-mini';
/** Event types without `response.`, runs of the same type once. */
const order = (events) => events.map((event) => event.type.replace('response.', '')).filter((type, at, types) => type !== types[at - 1]);
const stream = async (client, body) => all(await client.responses.create({ model, input: 'x', stream: true, ...body }));

test('text: events in order, numbered, lossless', async () => {
  const text = 'Line one\n\nline “two” 👩‍👩‍👧.';
  const { client } = await session(text);
  const events = await stream(client);
  assert.deepEqual(order(events), [
    'created', 'in_progress', 'output_item.added', 'content_part.added', 'output_text.delta', 'output_text.done',
    'content_part.done', 'output_item.done', 'completed',
  ]);
  assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, index) => index));
  const deltas = events.filter((event) => event.type === 'response.output_text.delta');
  assert.equal(deltas.map((event) => event.delta).join(''), text);
  for (const event of deltas) {
    assert.deepEqual(Object.keys(event), [
      'type', 'content_index', 'delta', 'item_id', 'logprobs', 'obfuscation', 'output_index', 'sequence_number',
    ]);
    assert.equal(([...event.delta].length + event.obfuscation.length) % 16, 0);
  }
  const [created, progress, last] = [events[0], events[1], events.at(-1)];
  assert.equal(created.response.status, 'in_progress');
  assert.equal(created.response.service_tier, 'auto');
  assert.equal(created.response.usage, null);
  assert.deepEqual(progress.response, created.response);
  assert.equal(last.response.output[0].content[0].text, text);
});

test('function calls come one after the other', async () => {
  const { client } = await session([{ tool_calls: ['Oslo', 'Rome'].map((city) => ({ name: 'get_weather', arguments: { city } })) }]);
  const events = await stream(client, { tools: [weatherFunction] });
  const call = ['output_item.added', 'function_call_arguments.delta', 'function_call_arguments.done', 'output_item.done'];
  assert.deepEqual(order(events), ['created', 'in_progress', ...call, ...call, 'completed']);
});

test('a reasoning summary streams in parts', async () => {
  const { client } = await session([{ reasoning: ['First part.', 'Second part.'], text: 'Done.' }]);
  const events = await stream(client, { model: 'gpt-5', reasoning: { summary: 'detailed' } });
  const part = ['reasoning_summary_part.added', 'reasoning_summary_text.delta', 'reasoning_summary_text.done', 'reasoning_summary_part.done'];
  assert.deepEqual(order(events), [
    'created', 'in_progress', 'output_item.added', ...part, ...part, 'output_item.done',
    'output_item.added', 'content_part.added', 'output_text.delta', 'output_text.done', 'content_part.done', 'output_item.done', 'completed',
  ]);
});

test('a refusal streams without obfuscation', async () => {
  const { client } = await session([{ refusal: 'I cannot do that.' }]);
  const events = await stream(client);
  const deltas = events.filter((event) => event.type === 'response.refusal.delta');
  assert.equal(deltas.map((event) => event.delta).join(''), 'I cannot do that.');
  for (const event of deltas) assert.equal('obfuscation' in event, false);
});

test('a cut answer ends with response.incomplete', async () => {
  const { client } = await session('word '.repeat(40));
  const events = await stream(client, { max_output_tokens: 16 });
  const last = events.at(-1);
  assert.equal(last.type, 'response.incomplete');
  assert.equal(last.response.incomplete_details.reason, 'max_output_tokens');
});

const hosted = {
  web_search_call: [
    { type: 'web_search_call', action: { type: 'search', query: 'x' } },
    ['web_search_call.in_progress', 'web_search_call.searching', 'web_search_call.completed'],
    { type: 'web_search' },
  ],
  file_search_call: [
    { type: 'file_search_call', queries: ['x'], results: null },
    ['file_search_call.in_progress', 'file_search_call.searching', 'file_search_call.completed'],
    { type: 'file_search', vector_store_ids: ['vs_1'] },
  ],
  code_interpreter_call: [
    { type: 'code_interpreter_call', code: 'print(1)', container_id: 'cntr_1', outputs: null },
    [
      'code_interpreter_call.in_progress', 'code_interpreter_call_code.delta', 'code_interpreter_call_code.done',
      'code_interpreter_call.interpreting', 'code_interpreter_call.completed',
    ],
    { type: 'code_interpreter', container: { type: 'auto' } },
  ],
  image_generation_call: [
    { type: 'image_generation_call', result: 'aGk=' },
    ['image_generation_call.in_progress', 'image_generation_call.generating', 'image_generation_call.partial_image', 'image_generation_call.completed'],
    { type: 'image_generation' },
  ],
  mcp_call: [
    { type: 'mcp_call', name: 'ask', server_label: 'docs', arguments: '{}', output: 'yes' },
    ['mcp_call.in_progress', 'mcp_call_arguments.delta', 'mcp_call_arguments.done', 'mcp_call.completed'],
    { type: 'mcp', server_label: 'docs', server_url: 'https://example.com' },
  ],
  mcp_list_tools: [
    { type: 'mcp_list_tools', server_label: 'docs', tools: [] },
    ['mcp_list_tools.in_progress', 'mcp_list_tools.completed'],
    { type: 'mcp', server_label: 'docs', server_url: 'https://example.com' },
  ],
};
for (const [type, [item, events, tool]] of Object.entries(hosted)) {
  test(`a scripted ${type} streams the events of its type, and the accumulator takes them`, async () => {
    const { client } = await session([{ output: [item, { text: 'Done.' }] }]);
    const helper = client.responses.stream({ model, input: 'x', tools: [tool] });
    const seen = await all(helper);
    const own = order(seen).filter((name) => name.startsWith(type.replace(/_call$/, '')) );
    assert.deepEqual(own, events);
    const final = await helper.finalResponse();
    assert.deepEqual(final.output.map((one) => one.type), [type, 'message']);
  });
}

test('ResponseStream accumulates text, calls, reasoning and custom tools', async () => {
  const { client } = await session([
    {
      reasoning: ['Hm.'],
      text: 'Let me look.',
      tool_calls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }, { name: 'run_sql', input: 'SELECT 1' }],
    },
  ]);
  const helper = client.responses.stream({
    model: 'gpt-5', input: 'x', reasoning: { summary: 'auto' }, tools: [weatherFunction, { type: 'custom', name: 'run_sql' }],
  });
  let text = '';
  helper.on('response.output_text.delta', (event) => (text += event.delta));
  const final = await helper.finalResponse();
  assert.equal(text, 'Let me look.');
  assert.deepEqual(final.output.map((item) => item.type), ['reasoning', 'message', 'function_call', 'custom_tool_call']);
  assert.deepEqual(final.output[2].parsed_arguments, { city: 'Oslo' });
  assert.equal(final.output[3].input, 'SELECT 1');
});

test('a stored stream can be read again, from any event', async () => {
  const { client } = await session('one two three');
  const events = await stream(client, { background: true });
  const { id } = events[0].response;
  const again = await all(await client.responses.retrieve(id, { stream: true, starting_after: 2 }));
  assert.equal(again[0].sequence_number, 3);
  assert.deepEqual(again.at(-1).response.output, events.at(-1).response.output);
  const replay = await client.responses.stream({ response_id: id }).finalResponse();
  assert.equal(replay.output_text, 'one two three');
});

test('a failure in the middle: error, then response.failed', async () => {
  const { client } = await session([{ text: 'one two three', fault: { at: 2, kind: 'error', error: { code: 'rate_limit_exceeded', message: 'slow down' } } }]);
  const types = [];
  await assert.rejects(
    async () => {
      for await (const event of await client.responses.create({ model, input: 'x', stream: true })) types.push(event.type);
    },
    (error) => /slow down/.test(error.message),
  );
  assert.ok(types.includes('response.output_text.delta'));
});
