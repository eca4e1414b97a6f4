// Open WebUI, the real one, with the emulator as its only model server, set up as deploy/compose.open-webui.yaml does it.
//   npm run open-webui
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startEmulator } from '../../js/index.js';
import { freePort } from '../../scripts/start.mjs';

const data = mkdtempSync(path.join(tmpdir(), 'llemulator-open-webui-'));
let emulator;
let api;
let page;
let server;
let log = '';
let token;

/** What the compose file sets, with our addresses in place of its. */
function settings() {
  const compose = readFileSync(new URL('../compose.open-webui.yaml', import.meta.url), 'utf8');
  const [, lines] = /\n  open-webui:.*?environment:\n(.*?)\n    volumes:/s.exec(compose);
  const pairs = [...lines.matchAll(/^ +([A-Z_]+): '?([^'\n]+?)'?$/gm)].map(([, name, value]) => [name, value.replace('http://emulator:8080', emulator.url).replace(/^open-webui$/, api.apiKey)]);
  assert.ok(pairs.length >= 8, 'the compose file sets what Open WebUI needs');
  return Object.fromEntries(pairs);
}

/** A call of Open WebUI's own API; its JSON, or its text when it streams. */
async function call(route, body) {
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(page + route, { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${route}: ${answer.status} ${text}`);
  return answer.headers.get('content-type').includes('json') ? JSON.parse(text) : text;
}

before(async () => {
  emulator = await startEmulator({ profile: 'relaxed', fallback: 'echo' });
  api = emulator.session('open-webui');
  const port = await freePort();
  page = `http://127.0.0.1:${port}`;
  const env = { PATH: process.env.PATH, HOME: data, ...settings(), DATA_DIR: data, WEBUI_SECRET_KEY: 'test', HF_HUB_OFFLINE: '1', ANONYMIZED_TELEMETRY: 'false' };
  assert.equal(env.OPENAI_API_KEY, api.apiKey);
  server = spawn(process.env.LLEMULATOR_OPEN_WEBUI, ['serve', '--host', '127.0.0.1', '--port', `${port}`], { env, stdio: ['ignore', 'pipe', 'pipe'], cwd: data });
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => (log = (log + text).slice(-20_000)));
  const ended = new Promise((resolve) => server.once('exit', resolve));
  let over = false;
  void ended.then(() => (over = true));
  // Its own probe says when it is there.
  while (!(await fetch(`${page}/health`).then((answer) => answer.text(), () => '')).includes('"status":true')) {
    assert.ok(!over, `Open WebUI ended: ${log}`);
    await delay(200);
  }
  token = (await call('/api/v1/auths/signin', { email: '', password: '' })).token;
});
after(async () => {
  server?.kill('SIGKILL');
  await emulator?.stop();
  rmSync(data, { recursive: true, force: true });
});

const chat = (content, more = {}) => call('/api/chat/completions', { model: 'gpt-4o', messages: [{ role: 'user', content }], ...more });

test('the connection is verified, and the models are listed', async () => {
  const verified = await call('/openai/verify', { url: `${emulator.url}/v1`, key: api.apiKey });
  assert.ok(verified.data.some(({ id }) => id === 'gpt-4o'));
  const { data: models } = await call('/api/models');
  const ids = models.map(({ id }) => id);
  for (const id of ['gpt-4o', 'smollm', 'gpt-sim-1']) assert.ok(ids.includes(id), `${id} is among ${ids}`);
});

test('a chat is answered, whole and streamed', async () => {
  api.reset();
  api.replies('Hello from the script.', 'And once more.');
  assert.equal((await chat('hi', { stream: false })).choices[0].message.content, 'Hello from the script.');
  const events = (await chat('hi', { stream: true })).split('\n').filter((line) => line.startsWith('data: {')).map((line) => JSON.parse(line.slice(6)));
  assert.ok(events.length > 3, 'piece by piece');
  assert.equal(events.map(({ choices }) => choices[0]?.delta?.content ?? '').join(''), 'And once more.');
});

test('a tool of Open WebUI is called, runs there, and its result comes back', async () => {
  const content = 'class Tools:\n    def get_weather(self, city: str) -> str:\n        """\n        The weather of a city.\n        :param city: the city\n        """\n        return f"{city}: four degrees"\n';
  await call('/api/v1/tools/create', { id: 'weather', name: 'Weather', content, meta: { description: 'weather' } });
  api.reset();
  api.script({
    rules: [
      { match: { tool_result: 'get_weather' }, response: 'It is cold.' },
      { match: { tool_offered: 'get_weather' }, response: { tool_calls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }] } },
    ],
  });
  // As its page asks: the answer goes to the page's socket, the tool runs in between.
  await chat('Is it cold in Oslo?', { stream: true, tool_ids: ['weather'], params: { function_calling: 'native' }, session_id: 's', chat_id: 'local:c', id: 'm', background_tasks: {} });
  const told = await api.waitForRequest((request) => request.toolResults.length > 0, { timeoutMs: 60_000 });
  assert.deepEqual(told.toolResults, [{ name: 'get_weather', arguments: '{"city":"Oslo"}', text: 'Oslo: four degrees' }]);
  assert.equal(told.status, 200);
});

test('documents are embedded and found again', async () => {
  api.reset();
  await call('/api/v1/retrieval/process/text', { name: 'sea', content: 'The sea is blue and wide.', collection_name: 'notes' });
  const found = await call('/api/v1/retrieval/query/doc', { collection_name: 'notes', query: 'Which colour is the sea?', k: 1 });
  assert.match(found.documents[0][0], /The sea is blue/);
  const vectors = await call('/api/v1/embeddings', { model: 'text-embedding-3-small', input: ['hello'] });
  assert.equal(vectors.data[0].embedding.length, 1536);
  assert.ok(api.requests.filter(({ operation }) => operation === 'embeddings.create').length >= 3);
});
