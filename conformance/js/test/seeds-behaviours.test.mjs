// What LLEmulator's documents and program do beside their suites, with the command line's defaults.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { control, load, newKey, startServer } from '../../server.mjs';

const server = await startServer(['--log-level', 'error']);
const debugged = await startServer(['--log-level', 'error', '--debug', 'true']);
after(() => Promise.all([server.stop(), debugged.stop()]));

const send = (path, { key, method = 'POST', body, url = server.url } = {}) =>
  fetch(url + path, {
    method,
    headers: { ...(key && { authorization: `Bearer ${key}` }), 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
async function ask(key, content, more) {
  const response = await send('/v1/chat/completions', { key, body: { model: 'gpt-4', messages: [{ role: 'user', content }], ...more } });
  const { choices } = await response.json();
  return choices ? choices[0].message.content : response.status;
}
async function scripted(responses, more) {
  const key = newKey();
  await load(server.url, key, responses, more);
  return key;
}

test('health answers any method without a key', async () => {
  for (const path of ['/healthz', '/readyz']) {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const response = await send(path, { method });
      assert.deepEqual([response.status, await response.text(), response.headers.get('content-type')], [200, 'OK', 'text/plain; charset=utf-8']);
    }
  }
});

test('script and reset say what they did', async () => {
  const key = newKey();
  assert.deepEqual(await control(server.url, key, '/_emulator/script', { responses: ['a'], defaults: { on_unmatched: 'error' } }), { status: 'loaded', rules: 1 });
  assert.deepEqual(await control(server.url, key, '/_emulator/reset', {}), { status: 'reset' });
  assert.equal(await ask(key, 'x'), 'Echo: x', 'a session that was deleted has no script');
});

test('a session with a script never echoes', async () => {
  assert.equal(await ask(await scripted([]), 'x'), 500);
});

test('state: what is loaded and used, only with --debug', async () => {
  const refused = await send('/_emulator/state', { key: 'k', method: 'GET' });
  assert.deepEqual([refused.status, (await refused.json()).error], [403, { message: 'Debug mode not enabled', type: 'forbidden', param: null, code: null }]);
  const key = newKey();
  await load(debugged.url, key, ['used', 'left'], { models: ['own'] });
  await send('/v1/chat/completions', { key, url: debugged.url, body: { model: 'own', messages: [{ role: 'user', content: 'x' }] } });
  const state = await (await send('/_emulator/state', { key, method: 'GET', url: debugged.url })).json();
  assert.deepEqual([state.status, state.models, state.rules.map((rule) => rule.used)], ['active', ['own'], [1, 0]]);
  const fresh = await (await send('/_emulator/state', { key: newKey(), method: 'GET', url: debugged.url })).json();
  assert.equal(fresh.status, 'active', 'also for a token never seen');
});

test('a map is tried in written order', async () => {
  const key = await scripted({ '.*hello.*world.*': 'both', '.*hello.*': 'hello', '.*': 'any' });
  assert.deepEqual([await ask(key, 'hello world'), await ask(key, 'hello'), await ask(key, 'x'), await ask(key, 'hello world')], ['both', 'hello', 'any', 'both']);
});

test('patterns are searched anywhere, with case, and a dot takes no new line', async () => {
  const key = await scripted({ 'hello.x': 'h', '(?i)WORLD': 'w' });
  assert.deepEqual([await ask(key, 'say hello x'), await ask(key, 'HELLO x'), await ask(key, 'hello\nx'), await ask(key, 'the World')], ['h', 500, 500, 'w']);
});

test('times: missing is once, 0 never, below 0 always, a fraction is cut', async () => {
  const rule = (response, times) => ({ pattern: 'a', response, ...(times !== undefined && { times }) });
  const key = await scripted([rule('never', 0), rule('once'), rule('cut', 1.9), rule('always', -1)]);
  assert.deepEqual([await ask(key, 'a'), await ask(key, 'a'), await ask(key, 'a'), await ask(key, 'a')], ['once', 'cut', 'always', 'always']);
});

test('every white space arrives, streamed or not', async () => {
  const text = 'one  two\n\tthree ';
  const key = await scripted([text, text]);
  assert.equal(await ask(key, 'x'), text);
  const response = await send('/v1/chat/completions', { key, body: { model: 'gpt-4', messages: [{ role: 'user', content: 'x' }], stream: true } });
  const events = (await response.text()).split('\n\n').filter((event) => event.startsWith('data: {'));
  assert.equal(events.map((event) => JSON.parse(event.slice(6)).choices[0].delta.content ?? '').join(''), text);
});

test('models: its default names, a script’s own, and what a request without one is answered as', async () => {
  const names = async (key) => (await (await send('/v1/models', { key, method: 'GET' })).json()).data.map(({ id }) => id);
  const key = await scripted({ '.*': 'x' });
  const known = await names(key);
  for (const name of ['gpt-4', 'gpt-4o', 'gpt-3.5-turbo-16k', 'claude-3-opus', 'claude-3-5-haiku-latest', 'text-embedding-ada-002']) assert.ok(known.includes(name), name);
  await control(server.url, key, '/_emulator/script', { models: ['mine'] });
  await control(server.url, key, '/_emulator/script', { responses: ['more'] });
  assert.deepEqual(await names(key), ['mine'], 'a script without models leaves them');
  assert.deepEqual([await ask(key, 'x'), await ask(key, 'x', { model: 'mine' })], [404, 'x']);
  await load(server.url, key, ['one', 'two', 'three']);
  assert.deepEqual(await names(key), known, 'a reset brings the default names back');
  const model = async (path, body) => (await (await send(path, { key, body })).json()).model;
  assert.equal(await model('/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }] }), 'gpt-4');
  assert.equal(await model('/v1/completions', { prompt: 'x' }), 'gpt-3.5-turbo-instruct');
  assert.equal(await model('/v1/responses', { prompt: 'x' }), 'gpt-3.5-turbo-instruct');
});

test('what only its documents promise: match, error items, rules with conditions, raw answers', async () => {
  const key = await scripted(['first', { match: 'help', response: 'H', times: 1 }, { match: 'help', error: 'boom', status: 503 }], {
    rules: [
      { match: { method: 'POST', path: '/v1/chat/completions', json: { model: 'gpt-4o' } }, response: { status: 201, json: { any: 'thing' } } },
      { match: { path: '/v1/chat/completions' }, response: { status: 200, content: 'plain' } },
      { match: {}, response: { status: 200, sse: [{ data: { a: 1 } }, { data: '[DONE]' }] } },
    ],
    defaults: { on_unmatched: 'error' },
  });
  assert.deepEqual([await ask(key, 'help'), await ask(key, 'help'), await ask(key, 'help')], ['first', 'H', 503]);
  const raw = await send('/v1/chat/completions', { key, body: { model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] } });
  assert.deepEqual([raw.status, await raw.json()], [201, { any: 'thing' }]);
  assert.equal(await ask(key, 'x'), 'plain');
  const events = await send('/v1/chat/completions', { key, body: { model: 'gpt-4', messages: [{ role: 'user', content: 'x' }] } });
  assert.match(events.headers.get('content-type'), /^text\/event-stream/);
  assert.equal(await events.text(), 'data: {"a":1}\n\ndata: [DONE]\n\n');
  assert.equal(await ask(key, 'x'), 500);
});

test('what it drops in silence is refused, with the place', async () => {
  for (const [responses, param] of [[5, 'responses'], [['a', 5], 'responses[1]'], [{ '[': 'a' }, 'responses["["]']]) {
    const response = await send('/_emulator/script', { key: newKey(), body: { responses } });
    assert.deepEqual([response.status, (await response.json()).error.param], [400, param]);
  }
});
