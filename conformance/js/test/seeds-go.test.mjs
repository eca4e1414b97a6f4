// LLEmulator's Go suites, with the profile that is made for them.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { control, load, newKey, startServer } from '../../server.mjs';

const server = await startServer(['--profile', 'llemulator', '--log-level', 'error']);
after(server.stop);

const send = (key, path, body) =>
  fetch(server.url + path, {
    method: 'POST',
    headers: { ...(key && { authorization: `Bearer ${key}` }), 'content-type': 'application/json' },
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
  });
const user = (content, more) => ({ model: 'gpt-4', messages: [{ role: 'user', content }], ...more });

/** Status and text of a chat answer, or the error's type. */
async function ask(key, body) {
  const response = await send(key, '/v1/chat/completions', typeof body === 'string' ? user(body) : body);
  const { choices, error } = await response.json();
  return choices ? choices[0].message.content : `${response.status} ${error.type}`;
}

/** A new token with this script. */
async function scripted(script) {
  const key = newKey();
  await control(server.url, key, '/_emulator/script', script);
  return key;
}

test('engine: a string answers once', async () => {
  const key = await scripted({ reset: true, responses: 'Hello' });
  assert.deepEqual([await ask(key, 'a'), await ask(key, 'a')], ['Hello', '500 server_error']);
});

test('engine: a sequence, then an error that holds the message', async () => {
  const key = await scripted({ reset: true, responses: ['1', '2'] });
  assert.deepEqual([await ask(key, 'a'), await ask(key, 'b')], ['1', '2']);
  const { error } = await (await send(key, '/v1/chat/completions', user('the third'))).json();
  assert.ok(error.message.startsWith('No matching rule') && error.message.includes('the third'), error.message);
});

test('engine: a map answers without limit, and not what matches nothing', async () => {
  const key = await scripted({ reset: true, responses: { hello: 'Hi', weather: 'Sunny' } });
  assert.deepEqual([await ask(key, 'say hello'), await ask(key, 'hello again'), await ask(key, 'weather?')], ['Hi', 'Hi', 'Sunny']);
  assert.equal(await ask(key, 'nothing'), '500 server_error');
});

test('engine: counters and rules', async () => {
  const key = await scripted({ reset: true, rules: [{ pattern: 'x', response: 'twice', times: 2 }, { pattern: 'x', response: 'always', times: -1 }] });
  const answers = [];
  for (let i = 0; i < 5; i++) answers.push(await ask(key, 'x'));
  assert.deepEqual(answers, ['twice', 'twice', 'always', 'always', 'always']);
});

test('engine: order is the only precedence', async () => {
  const key = await scripted({ reset: true, responses: ['F', { pattern: '.*help.*', response: 'H', times: 2 }, 'S'] });
  const answers = [];
  for (let i = 0; i < 5; i++) answers.push(await ask(key, 'help'));
  assert.deepEqual(answers, ['F', 'H', 'H', 'S', '500 server_error']);
});

test('engine: reset replaces, without it a script adds', async () => {
  const key = await scripted({ reset: true, responses: ['old'] });
  await control(server.url, key, '/_emulator/script', { reset: true, responses: ['new'] });
  await control(server.url, key, '/_emulator/script', { reset: false, responses: ['more'] });
  assert.deepEqual([await ask(key, 'a'), await ask(key, 'b'), await ask(key, 'c')], ['new', 'more', '500 server_error']);
});

test('engine: the text that is matched', async () => {
  const key = await scripted({ reset: true, responses: { '^chat$': 'chat', '^prompt$': 'prompt', '^input$': 'input', '^$': 'empty' } });
  const messages = [{ role: 'user', content: 'earlier' }, { role: 'user', content: 'chat' }, { role: 'assistant', content: 'x' }];
  assert.equal(await ask(key, { model: 'gpt-4', messages }), 'chat');
  assert.equal(await ask(key, { model: 'gpt-4', messages: [{ role: 'system', content: 'chat' }] }), 'empty');
  const text = async (path, body) => (await (await send(key, path, { model: 'gpt-3.5-turbo-instruct', ...body })).json()).choices[0].text;
  assert.equal(await text('/v1/completions', { prompt: 'prompt' }), 'prompt');
  assert.equal(await text('/v1/responses', { prompt: 'prompt' }), 'prompt');
  const answer = await (await send(key, '/v1/responses', { model: 'gpt-4', input: 'input' })).json();
  assert.equal(answer.output[0].content[0].text, 'input');
});

test('server: streams of chat and completions', async () => {
  for (const [path, body, object] of [
    ['/v1/chat/completions', user('a', { stream: true }), 'chat.completion.chunk'],
    ['/v1/completions', { model: 'gpt-3.5-turbo-instruct', prompt: 'a', stream: true }, 'text_completion'],
  ]) {
    const key = await scripted({ reset: true, responses: ['one two three'] });
    const response = await send(key, path, body);
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    assert.equal(response.headers.get('cache-control'), 'no-cache');
    const events = (await response.text()).split('\n\n').filter(Boolean);
    assert.ok(events.length > 3, `${path}: ${events}`);
    assert.equal(events.at(-1), 'data: [DONE]');
    for (const event of events.slice(0, -1)) assert.equal(JSON.parse(event.slice('data: '.length)).object, object);
  }
});

test('server: an empty body is an empty message', async () => {
  const key = newKey();
  const response = await send(key, '/v1/chat/completions');
  assert.deepEqual([response.status, (await response.json()).error.type], [500, 'server_error']);
  await load(server.url, key, ['plain']);
  const { model, choices } = await (await send(key, '/v1/chat/completions')).json();
  assert.deepEqual([model, choices[0].message.content], ['gpt-4', 'plain']);
});

test('integration: several tokens at a time, each its own', async () => {
  const keys = await Promise.all(['a', 'b', 'c'].map((name) => scripted({ reset: true, responses: [`${name} 1`, `${name} 2`] })));
  assert.deepEqual(await Promise.all(keys.map((key) => ask(key, 'x'))), ['a 1', 'b 1', 'c 1']);
  assert.deepEqual(await Promise.all(keys.map((key) => ask(key, 'x'))), ['a 2', 'b 2', 'c 2']);
  await load(server.url, keys[0], ['again']);
  assert.deepEqual(await Promise.all(keys.map((key) => ask(key, 'x'))), ['again', '500 server_error', '500 server_error']);
});

test('integration: five requests of one token at a time', async () => {
  const key = await scripted({ reset: true, responses: ['1', '2', '3', '4', '5'] });
  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => ask(key, 'x')));
  assert.deepEqual(answers.sort(), ['1', '2', '3', '4', '5']);
});

test('integration: models', async () => {
  const get = async (path) => (await fetch(server.url + path, { headers: { authorization: 'Bearer x' } })).json();
  assert.equal((await get('/v1/models')).object, 'list');
  assert.deepEqual(Object.keys(await get('/v1/models/gpt-4')), ['id', 'object', 'created', 'owned_by']);
  assert.equal((await get('/v1/models/nope')).error.type, 'invalid_request_error');
});

test('integration: errors', async () => {
  const type = async (response) => [response.status, (await response.json()).error.type];
  assert.deepEqual(await type(await send(null, '/v1/chat/completions', user('a'))), [401, 'auth_error']);
  assert.deepEqual(await type(await send(null, '/_emulator/script', {})), [401, 'auth_error']);
  for (const header of ['Bearer', 'bearer a', 'Basic a', 'Bearer a b']) {
    assert.deepEqual(await type(await fetch(`${server.url}/v1/models`, { headers: { authorization: header } })), [401, 'auth_error'], header);
  }
  assert.deepEqual(await type(await send('a', '/v1/chat/completions', '{invalid json}')), [400, 'invalid_request_error']);
  assert.deepEqual(await type(await send('a', '/v1/chat/completions', '[1]')), [400, 'invalid_request_error']);
  assert.deepEqual(await type(await send('a', '/_emulator/script', '{invalid json}')), [400, 'invalid_request_error']);
  assert.deepEqual(await type(await send(newKey(), '/v1/chat/completions', user('a'))), [500, 'server_error']);
});
