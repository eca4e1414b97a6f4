// LLEmulator's own fifteen JavaScript cases, with its command line's defaults.
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { load, startServer } from '../../server.mjs';

const { default: OpenAI } = await import(process.env.OPENAI_PACKAGE ?? 'openai');
const server = await startServer(['--log-level', 'warn']);
after(server.stop);

const key = 'test-token-js';
const client = new OpenAI({ apiKey: key, baseURL: server.baseURL });
const script = (responses) => load(server.url, key, responses);
const messages = (content) => [{ role: 'user', content }];
const chat = async (content) => {
  const completion = await client.chat.completions.create({ model: 'gpt-4', messages: messages(content) });
  return completion.choices[0].message.content;
};
const chatStream = async (content) => {
  const stream = await client.chat.completions.create({ model: 'gpt-4', messages: messages(content), stream: true });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};
const textOf = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? '').join('');
const legacy = (body) =>
  fetch(`${server.baseURL}/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-3.5-turbo-instruct', prompt: 'Complete this', max_tokens: 50, ...body }),
  });

beforeEach(() => script([]));

test('1: a list of one answers one call', async () => {
  await script(['Hello from the emulator!']);
  assert.equal(await chat('Hi'), 'Hello from the emulator!');
});

test('2: a list answers in order', async () => {
  await script(['First', 'Second', 'Third']);
  assert.deepEqual([await chat('a'), await chat('b'), await chat('c')], ['First', 'Second', 'Third']);
});

test('3: a map answers by pattern', async () => {
  await script({ '.*hello.*': 'Hi there', '.*weather.*': 'Sunny', '\\d+\\s*\\+\\s*\\d+': 'A sum', bye: 'Goodbye' });
  assert.equal(await chat('well hello you'), 'Hi there');
  assert.equal(await chat('how is the weather today'), 'Sunny');
  assert.equal(await chat('what is 2 + 2'), 'A sum');
  assert.equal(await chat('bye'), 'Goodbye');
});

test('4: a stream carries every word', async () => {
  await script(['One, two, three']);
  const text = textOf(await chatStream('count'));
  for (const word of ['One', 'two', 'three']) assert.ok(text.includes(word), text);
});

test('5: the same reply without and with stream', async () => {
  await script(['Same content', 'Same content']);
  assert.equal(await chat('a'), 'Same content');
  assert.ok(textOf(await chatStream('b')).includes('Same content'));
});

test('6: a conversation of five steps', async () => {
  const steps = ['Hello!', 'I am fine.', 'Sure.', 'Here it is.', 'Goodbye!'];
  await script(steps);
  const history = [];
  for (const [turn, expected] of steps.entries()) {
    history.push({ role: 'user', content: `turn ${turn}` });
    const completion = await client.chat.completions.create({ model: 'gpt-4', messages: history });
    assert.equal(completion.choices[0].message.content, expected);
    history.push(completion.choices[0].message);
  }
});

test('7: a plain item, then a pattern used once', async () => {
  await script(['Welcome', { pattern: '.*help.*', response: 'Here is help', times: 1 }]);
  assert.equal(await chat('hi'), 'Welcome');
  assert.equal(await chat('I need help'), 'Here is help');
});

test('8: the shape of a chat completion', async () => {
  await script(['Shape']);
  const completion = await client.chat.completions.create({ model: 'gpt-4', messages: messages('hi') });
  assert.ok(completion.id);
  assert.equal(completion.object, 'chat.completion');
  assert.equal(completion.model, 'gpt-4');
  assert.ok(completion.created);
  assert.equal(completion.choices.length, 1);
  const [choice] = completion.choices;
  assert.deepEqual([choice.index, choice.message.role, choice.message.content, choice.finish_reason], [0, 'assistant', 'Shape', 'stop']);
  assert.ok(completion.usage.total_tokens > 0);
});

test('9: the shape of a stream', async () => {
  await script(['Shape of a stream']);
  const chunks = await chatStream('hi');
  assert.equal(chunks[0].object, 'chat.completion.chunk');
  assert.equal(chunks[0].choices[0].delta.role, 'assistant');
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
});

test('10: /v1/responses with a prompt is a text completion', async () => {
  await script(['Completed text']);
  const body = await (await legacy({})).json();
  assert.equal(body.choices[0].text, 'Completed text');
});

test('11: the same as a stream', async () => {
  await script(['Completed text']);
  const response = await legacy({ stream: true });
  assert.ok(response.headers.get('content-type').includes('text/event-stream'));
  const events = (await response.text()).split('\n').filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]');
  const text = events.map((line) => JSON.parse(line.slice(6)).choices[0].text).join('');
  assert.equal(text, 'Completed text');
});

test('12: models.list has gpt-4', async () => {
  const { data } = await client.models.list();
  assert.ok(data.length > 0);
  assert.ok(data.some((model) => model.id === 'gpt-4'));
});

test('13: models.retrieve', async () => {
  assert.equal((await client.models.retrieve('gpt-4')).id, 'gpt-4');
});

test('14: an unknown model is a 404', async () => {
  await script(['not used']);
  const request = client.chat.completions.create({ model: 'invalid-model', messages: messages('hi') });
  await assert.rejects(request, (error) => error.status === 404 && error.error.type === 'invalid_request_error');
  assert.equal(await chat('the reply is still there'), 'not used');
});

test('15: an empty key is refused', async () => {
  await assert.rejects(async () => new OpenAI({ apiKey: '', baseURL: server.baseURL }).models.list());
});
