// What the control room copies runs as it is: it asks the same, and a rule answers the same.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { startEmulator } from 'llemulator';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { replyOf } from '../ui/src/logic/answer.js';
import { ruleOf } from '../ui/src/logic/rule.js';
import { curl, javascript } from '../ui/src/logic/snippets.js';

const execute = promisify(execFile);
const ROOT = path.join(import.meta.dirname, '..');
const KEY = 'copied';
/** Where a form's files are. */
let folder;
let emulator;

beforeAll(async () => {
  emulator = await startEmulator({ profile: 'relaxed', fallback: 'echo' });
  folder = mkdtempSync(path.join(tmpdir(), 'llemulator-copied-'));
  writeFileSync(path.join(folder, "it's a.jsonl"), '{"custom_id": "1"}\n');
});

afterAll(async () => {
  await emulator.stop();
  rmSync(folder, { recursive: true });
});

/** The exchange that began last, as the page has it. */
async function newest() {
  const { data: [{ id }] } = await (await fetch(`${emulator.url}/api/exchanges?limit=1`)).json();
  return (await fetch(`${emulator.url}/api/exchanges/${id}`)).json();
}

/** Asks as an application does; gives the exchange. */
async function ask({ method = 'POST', target, headers = {}, body }, key = KEY) {
  const json = body !== undefined && typeof body !== 'string' && !(body instanceof FormData);
  const answer = await fetch(`${emulator.url}${target}`, { method, headers: { authorization: `Bearer ${key}`, ...(json ? { 'content-type': 'application/json' } : {}), ...headers }, body: json ? JSON.stringify(body) : body });
  await answer.arrayBuffer();
  return newest();
}

/** Runs a text as somebody would who pastes it. */
const run = {
  curl: (text) => execute('sh', ['-ec', text], { cwd: folder, env: { ...process.env, OPENAI_API_KEY: KEY } }),
  JavaScript: (text) => {
    // Clients are found where they are installed, files where it runs.
    const cwd = text.includes("from 'openai'") ? ROOT : folder;
    const running = execute(process.execPath, ['--input-type=module'], { cwd, env: { ...process.env, OPENAI_API_KEY: KEY } });
    running.child.stdin.end(text);
    return running;
  },
};

const nasty = `It's "here": $HOME \`id\` \\ \n é 😀 ''' """`;
const messages = [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: nasty }];
const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: { 'a b': { type: 'string' } } } } }];
const form = () => {
  const made = new FormData();
  made.set('purpose', 'batch');
  made.set('expires_after[anchor]', 'created_at');
  made.set('expires_after[seconds]', '3600');
  made.set('file', new Blob(['{"custom_id": "1"}\n'], { type: 'application/jsonl' }), "it's a.jsonl");
  return made;
};

const REQUESTS = [
  ['chat, with a header and an argument of its own', { target: '/v1/chat/completions', headers: { 'x-own': `a'b"` }, body: { model: 'gpt-4o', messages, top_k: 3, seed: null } }],
  ['a stream', { target: '/v1/chat/completions', body: { model: 'gpt-4o', messages, tools, stream: true } }],
  ['a response', { target: '/v1/responses', body: { model: 'gpt-4o', input: [{ role: 'user', content: nasty }], text: { format: { type: 'text' } } } }],
  ['completions', { target: '/v1/completions', body: { model: 'gpt-3.5-turbo-instruct', prompt: nasty } }],
  ['vectors', { target: '/v1/embeddings', body: { model: 'text-embedding-3-small', input: [nasty, 'x'], dimensions: 3, encoding_format: 'float' } }],
  ['a moderation', { target: '/v1/moderations', body: { input: nasty } }],
  ['a picture', { target: '/v1/images/generations', body: { model: 'gpt-image-1', prompt: nasty } }],
  ['a list', { method: 'GET', target: '/v1/models?limit=2' }],
  ['an object that is not there', { method: 'DELETE', target: '/v1/files/file-none' }],
  ['what is no JSON', { target: '/v1/chat/completions', headers: { 'content-type': 'application/json' }, body: "@it's a.jsonl" }],
  ['what lacks what a client wants', { target: '/v1/chat/completions', body: { model: 'gpt-4o' } }],
  ['a deployment of Azure', { target: '/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21', body: { messages } }],
  ['a form with a file', { target: '/v1/files', body: form }],
];

describe.each(REQUESTS)('%s', (_, request) => {
  test.each([['curl', curl], ['JavaScript', javascript]])('copied as %s', async (name, copied) => {
    const asked = await ask({ ...request, body: typeof request.body === 'function' ? request.body() : request.body });
    // A client raises what it is refused.
    await run[name](copied(asked, `${emulator.url}/`)).catch((error) => expect(`${error.stderr}`).toMatch(/APIError|BadRequestError|NotFoundError/));
    const again = await newest();
    expect(again.id).not.toBe(asked.id);
    for (const key of ['method', 'path', 'operation', 'body', 'status', 'session']) expect(again[key], key).toEqual(asked[key]);
    expect(again.headers['x-own']).toBe(asked.headers['x-own']);
  });
});

const chat = (text, more = {}) => ({ target: '/v1/chat/completions', body: { model: 'gpt-4o', messages: [{ role: 'user', content: text }], ...more } });

test.each([
  ['text', 'By the script.', chat('text (1)?')],
  ['text that was cut short', { text: 'By the', finish_reason: 'length' }, chat('cut *')],
  ['several choices, streamed', { choices: ['one', { text: 'two', finish_reason: 'length' }] }, chat('several', { n: 2, stream: true })],
  ['a call', { tool_calls: [{ name: 'f', arguments: { a: 1 } }] }, chat('call', { tools })],
  ['a call, streamed as Responses', { text: 'Well:', tool_calls: [{ name: 'f', arguments: { a: 1 } }] }, { target: '/v1/responses', body: { model: 'gpt-4o', input: 'call', stream: true, tools: [{ type: 'function', name: 'f' }] } }],
  ['a refusal', { refusal: 'No.' }, chat('refuse')],
  ['an error', { error: { status: 429, message: 'slow down', code: 'rate_limit_exceeded' } }, chat('fail')],
  ['vectors', { embedding: [0.5, 0.25] }, { target: '/v1/embeddings', body: { model: 'text-embedding-3-small', input: 'vectors' } }],
])('a rule: %s', async (name, response, request) => {
  const load = (key, rules) => fetch(`${emulator.url}/_emulator/script`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify({ rules }) });
  expect((await load(`${name} one`, [{ response }])).status).toBe(200);
  const asked = await ask(request, `${name} one`);
  const rule = JSON.parse(JSON.stringify(ruleOf(asked, replyOf(asked))));
  const loaded = await load(`${name} two`, [rule]);
  expect(loaded.status, await loaded.text()).toBe(200);
  const again = await ask(request, `${name} two`);
  expect([again.by, again.status, replyOf(again)]).toEqual(['script', asked.status, replyOf(asked)]);
});
