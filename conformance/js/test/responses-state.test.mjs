// What the Responses API keeps between requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, session } from './support.mjs';

const model = 'gpt-4o-mini';
const status = (code) => (error) => error.status === code;

test('encrypted reasoning goes round without being stored', async () => {
  const { client } = await session([{ reasoning: 'Hm.', text: 'First.' }, { match: { turn: 1 }, text: 'Second.' }]);
  const body = { model: 'gpt-5', store: false, include: ['reasoning.encrypted_content'], reasoning: { summary: 'auto' } };
  const input = [{ role: 'user', content: 'One?' }];
  const first = await client.responses.create({ ...body, input });
  assert.deepEqual(first.output.map((item) => item.type), ['reasoning', 'message']);
  assert.match(first.output[0].encrypted_content, /^gAAAA/);
  const second = await client.responses.create({ ...body, input: [...input, ...first.output, { role: 'user', content: 'Two?' }] });
  assert.equal(second.output_text, 'Second.');
});

test('reasoning that the model does not get to see is named', async () => {
  const { client } = await session([{ reasoning: 'Hm.', text: 'First.' }, 'Second.', 'Third.']);
  const input = [{ role: 'user', content: 'One?' }];
  const first = await client.responses.create({ model: 'gpt-5', input });
  input.push(...first.output, { role: 'user', content: 'Two?' });
  const same = await client.responses.create({ model: 'gpt-5', input });
  assert.equal(same.input_transformations, undefined);
  const other = await client.responses.create({ model: 'gpt-5.4', input });
  assert.deepEqual(other.input_transformations, [{ id: first.output[0].id, action: 'removed', reason: 'model_mismatch', type: 'reasoning' }]);
});

test('an mcp approval is asked, given, and the call made', async () => {
  const server = { type: 'mcp', server_label: 'wiki', server_url: 'https://example.com/mcp', require_approval: 'always' };
  const { client } = await session([
    { output: [
      { type: 'mcp_list_tools', server_label: 'wiki', tools: [{ name: 'search', input_schema: { type: 'object' } }] },
      { type: 'mcp_approval_request', server_label: 'wiki', name: 'search', arguments: '{"q":"Oslo"}' },
    ] },
    { output: [{ type: 'mcp_call', server_label: 'wiki', name: 'search', arguments: '{"q":"Oslo"}', output: 'cold' }, { text: 'Cold.' }] },
  ]);
  const first = await client.responses.create({ model, input: 'Weather?', tools: [server] });
  const request = first.output.find((item) => item.type === 'mcp_approval_request');
  assert.match(request.id, /^mcpr_[0-9a-f]{50}$/);
  const second = await client.responses.create({
    model,
    tools: [server],
    previous_response_id: first.id,
    input: [{ type: 'mcp_approval_response', approval_request_id: request.id, approve: true }],
  });
  assert.deepEqual(second.output.map((item) => item.type), ['mcp_call', 'message']);
  assert.equal(second.output_text, 'Cold.');
});

test('compact: the user’s words stay, the rest is sealed, and the conversation goes on', async () => {
  const { client } = await session(['Hello Ada.', { match: { any_message: 'Ada', not: { any_message: 'Hello' } }, text: 'Ada.' }]);
  const input = [{ role: 'user', content: 'I am Ada.' }];
  const first = await client.responses.create({ model, input });
  const compacted = await client.responses.compact({ model, input: [...input, ...first.output] });
  assert.equal(compacted.object, 'response.compaction');
  assert.deepEqual(compacted.output.map((item) => item.type), ['message', 'compaction']);
  const next = await client.responses.create({ model, input: [...compacted.output, { role: 'user', content: 'Who am I?' }] });
  assert.equal(next.output_text, 'Ada.');
});

test('context_management seals a conversation over its threshold', async () => {
  const { client } = await session(['word '.repeat(1100)]);
  const response = await client.responses.create({ model, input: 'x', context_management: [{ type: 'compaction', compact_threshold: 1000 }] });
  assert.deepEqual(response.output.map((item) => item.type), ['message', 'compaction']);
});

test('truncation: auto drops the oldest items, disabled refuses', async () => {
  const { client } = await session(['cut'], { script: { models: [{ id: 'tiny', context_window: 100 }] } });
  const long = 'word '.repeat(90);
  const input = [{ role: 'user', content: long }, { role: 'user', content: 'now' }, { role: 'user', content: long.slice(0, 100) }];
  await assert.rejects(client.responses.create({ model: 'tiny', input }), { code: 'context_length_exceeded', param: 'input' });
  const response = await client.responses.create({ model: 'tiny', input, truncation: 'auto' });
  assert.equal(response.output_text, 'cut');
  assert.ok(response.usage.input_tokens <= 100);
});

test('prompt templates come back, their variables are matched', async () => {
  const { client } = await session([{ match: { body: { prompt: { variables: { city: 'Oslo' } } } }, text: 'Cold.' }]);
  const prompt = { id: 'pmpt_123', version: '2', variables: { city: 'Oslo' } };
  const response = await client.responses.create({ prompt, input: 'x' });
  assert.equal(response.output_text, 'Cold.');
  assert.deepEqual([response.prompt.id, response.prompt.version], ['pmpt_123', '2']);
});

test('input items: paged in both orders', async () => {
  const { client } = await session('x');
  const input = ['a', 'b', 'c'].map((content) => ({ role: 'user', content }));
  const { id } = await client.responses.create({ model, input });
  const texts = (items) => items.map((item) => item.content[0].text).join('');
  assert.equal(texts(await all(client.responses.inputItems.list(id, { limit: 2 }))), 'cba');
  assert.equal(texts(await all(client.responses.inputItems.list(id, { limit: 1, order: 'asc' }))), 'abc');
  const [first] = (await client.responses.inputItems.list(id, { order: 'asc', limit: 1 })).data;
  const page = await client.responses.inputItems.list(id, { order: 'asc', after: first.id });
  assert.deepEqual([texts(page.data), page.has_more], ['bc', false]);
  await assert.rejects(client.responses.inputItems.list(id, { limit: 101 }), { status: 400, param: 'limit' });
});

test('a background stream is resumed where it broke off', async () => {
  const { client } = await session(['one two three four']);
  const stream = await client.responses.create({ model, input: 'x', background: true, stream: true });
  const seen = [];
  for await (const event of stream) {
    seen.push(event);
    if (seen.length === 6) break;
  }
  assert.deepEqual(seen.slice(0, 3).map((event) => event.type), ['response.created', 'response.queued', 'response.in_progress']);
  const rest = await all(await client.responses.retrieve(seen[0].response.id, { stream: true, starting_after: seen.at(-1).sequence_number }));
  const events = [...seen, ...rest];
  assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, index) => index));
  assert.equal(events.filter((event) => event.type === 'response.output_text.delta').map((event) => event.delta).join(''), 'one two three four');
  assert.equal(rest.at(-1).response.status, 'completed');
});

test('only what runs in the background can be cancelled', async () => {
  const { client } = await session('x');
  const { id } = await client.responses.create({ model, input: 'x' });
  await assert.rejects(client.responses.cancel(id), status(400));
  await assert.rejects(client.responses.cancel('resp_unknown'), status(404));
});

test('conversation items: created, read, listed, deleted', async () => {
  const { client } = await session('x');
  const { id } = await client.conversations.create({ items: [{ role: 'user', content: 'a' }] });
  const created = await client.conversations.items.create(id, { items: [{ role: 'user', content: 'b' }, { role: 'assistant', content: 'c' }] });
  assert.equal(created.data.length, 2);
  const [item] = created.data;
  assert.match(item.id, /^msg_[0-9a-f]{50}$/);
  assert.equal((await client.conversations.items.retrieve(item.id, { conversation_id: id })).content[0].text, 'b');
  assert.equal((await all(client.conversations.items.list(id))).length, 3);
  assert.equal((await client.conversations.items.delete(item.id, { conversation_id: id })).id, id);
  await assert.rejects(client.conversations.items.retrieve(item.id, { conversation_id: id }), status(404));
  assert.equal((await client.conversations.retrieve(id)).object, 'conversation');
  await client.conversations.delete(id);
  await assert.rejects(client.conversations.retrieve(id), status(404));
  await assert.rejects(client.responses.create({ model, conversation: id, input: 'x' }), status(404));
});
