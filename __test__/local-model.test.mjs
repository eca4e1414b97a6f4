// A local model without one: its weights' way here, its threads, what a request asks of it. The rest needs real weights:
// deploy/test/local.test.mjs.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { localModel } from 'llemulator';
import { split, wanted, withLocalModel } from '../js/local/command.js';
import { loadEngine } from '../js/local/engine.js';
import { grammarSchema, promptOf } from '../js/local/prompt.js';
import { freeThreads } from '../js/local/threads.js';
import { weights } from '../js/local/weights.js';

const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7919) % 251));
const sha256 = createHash('sha256').update(bytes).digest('hex');

/** A repository of weights: redirects to where they are, and can break off. */
let origin;
let cutAt = Infinity;
let etag;
const asked = [];
const server = createServer((request, response) => {
  asked.push(`${request.url} ${request.headers.range ?? ''}`.trim());
  if (request.url === '/loop') return response.writeHead(302, { location: '/loop' }).end();
  if (request.url === '/gone.gguf') return response.writeHead(404).end();
  if (request.url === '/resolve/tiny.gguf') return response.writeHead(302, { location: '/files/tiny', 'x-linked-etag': etag }).end();
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const rest = bytes.subarray(from);
  response.writeHead(from ? 206 : 200, { 'content-length': rest.length, etag: '"not-a-checksum"' });
  if (rest.length <= cutAt) return response.end(rest);
  response.write(rest.subarray(0, cutAt));
  // It breaks off once the client has kept something: what has only arrived is lost with the connection.
  const kept = setInterval(() => {
    const part = path.join(cache, 'tiny.gguf.part');
    if (!request.socket.destroyed && !(existsSync(part) && statSync(part).size)) return;
    clearInterval(kept);
    response.destroy();
  }, 5);
});
beforeAll(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  origin = `http://127.0.0.1:${server.address().port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
let cache;
beforeEach(() => {
  cache = mkdtempSync(path.join(tmpdir(), 'llemulator-weights-'));
  [cutAt, etag] = [Infinity, `"${sha256}"`];
  asked.length = 0;
});
afterEach(() => rmSync(cache, { recursive: true }));

test('weights are downloaded once, checked, and their way is told', async () => {
  const url = `${origin}/resolve/tiny.gguf`;
  const steps = [];
  const file = await weights({ url, cache }, { onProgress: (step) => steps.push(step) });
  expect(file).toBe(path.join(cache, 'tiny.gguf'));
  expect(readFileSync(file)).toEqual(bytes);
  expect(steps[0]).toEqual({ what: 'download', done: 0, total: bytes.length });
  expect(steps.at(-1)).toEqual({ what: 'download', done: bytes.length, total: bytes.length });
  await weights({ url, cache });
  expect(asked).toEqual(['/resolve/tiny.gguf', '/files/tiny']);
  expect(existsSync(`${file}.part`) || existsSync(`${file}.lock`)).toBe(false);
});

test('a download that broke off goes on where it ended', async () => {
  const url = `${origin}/resolve/tiny.gguf`;
  cutAt = 40_000;
  await expect(weights({ url, cache })).rejects.toThrow(/broke off after \d+ bytes \(the next try goes on there\)/);
  const there = readFileSync(path.join(cache, 'tiny.gguf.part')).length;
  expect(there).toBeGreaterThan(0);
  cutAt = Infinity;
  expect(readFileSync(await weights({ url, cache }))).toEqual(bytes);
  expect(asked.at(-1)).toBe(`/files/tiny bytes=${there}-`);
});

test('bytes that are others are thrown away, whoever says what they must be', async () => {
  const url = `${origin}/resolve/tiny.gguf`;
  await expect(weights({ url, cache, sha256: 'a'.repeat(64) })).rejects.toThrow(`give the SHA-256 ${sha256} instead of aaaa`);
  expect(existsSync(path.join(cache, 'tiny.gguf.part'))).toBe(false);
  etag = `"${'b'.repeat(64)}"`;
  await expect(weights({ url, cache })).rejects.toThrow(`${sha256} instead of bbbb`);
  expect(await weights({ url, cache, sha256 })).toBe(path.join(cache, 'tiny.gguf'));
});

test('two at a time fetch once; the lock of a process that is gone holds nobody up', async () => {
  const url = `${origin}/resolve/tiny.gguf`;
  await Promise.all([weights({ url, cache }), weights({ url, cache })]);
  expect(asked).toHaveLength(2);
  const other = path.join(cache, 'other');
  mkdirSync(other);
  writeFileSync(path.join(other, 'tiny.gguf.lock'), '999999999');
  await weights({ url, cache: other });
});

test('what cannot be fetched says why, and what serves instead', async () => {
  await expect(weights({ url: `${origin}/gone.gguf`, cache })).rejects.toThrow(/the server answers 404.*--local-model FILE\.gguf/);
  await expect(weights({ url: `${origin}/loop`, cache })).rejects.toThrow(/more than 5 redirects/);
  await expect(weights({ url: 'http://127.0.0.1:9/x.gguf', cache })).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_LOCAL_MODEL' });
  await expect(weights({ path: path.join(cache, 'none.gguf') })).rejects.toThrow(/there is no file .*none\.gguf/);
  mkdirSync(path.join(cache, 'folder.gguf'));
  await expect(weights({ path: path.join(cache, 'folder.gguf') })).rejects.toThrow(/there is no file/);
});

test('a file that holds no weights is refused before it is read', async () => {
  const header = (tensors, keys) => {
    const bytes = Buffer.from('GGUF................____');
    bytes.writeUInt32LE(3, 4);
    bytes.writeBigUInt64LE(BigInt(tensors), 8);
    bytes.writeBigUInt64LE(BigInt(keys), 16);
    return bytes;
  };
  const file = path.join(cache, 'none.gguf');
  for (const [bytes, why] of [
    [Buffer.alloc(0), /does not begin with GGUF/],
    [Buffer.from('<html>not found</html>'), /does not begin with GGUF/],
    [Buffer.concat([header(1, 1).subarray(0, 8), Buffer.from('garbage')]), /ends after 15 bytes/],
    [header(272, 30), /damaged or was cut off: it speaks of 272 tensors and 30 keys and has 24 bytes/],
    [Buffer.concat([header(2n ** 64n - 1n, 2n ** 64n - 1n), Buffer.alloc(100_000)]), /damaged or was cut off/],
  ]) {
    writeFileSync(file, bytes);
    await expect(loadEngine({}, file, {}, () => {})).rejects.toThrow(why);
    await expect(withLocalModel(['--local-model', file])).rejects.toThrow(why);
  }
  writeFileSync(file, header(0, 0));
  const llamaCpp = { getLlama: async () => ({ loadModel: () => Promise.reject(new Error('Failed to load model')) }) };
  await expect(loadEngine(llamaCpp, file, {}, () => {})).rejects.toThrow(/the weights .*none\.gguf cannot be loaded.*Failed to load model/);
});

test('threads are the physical cores that are free, at least one', () => {
  expect(freeThreads({ cores: 8, limit: Infinity, load: 0.2 })).toBe(8);
  expect(freeThreads({ cores: 8, limit: Infinity, load: 5.6 })).toBe(2);
  expect(freeThreads({ cores: 8, limit: 2.5, load: 0 })).toBe(2);
  expect(freeThreads({ cores: 2, limit: Infinity, load: 9 })).toBe(1);
  expect(freeThreads()).toBeGreaterThanOrEqual(1);
});

test('bad options are refused at the caller’s line, by name', () => {
  expect(() => localModel()).toThrow(/expected an object such as/);
  expect(() => localModel({})).toThrow(/path or url, or a name: smollm/);
  expect(() => localModel({ name: 'smolm' })).toThrow(/no weights are known by the name smolm; there are: smollm; did you mean smollm\?/);
  expect(() => localModel({ name: 'smollm', thread: 1 })).toThrow(/no option thread; .*did you mean threads\?/);
  for (const wrong of [{ threads: 0 }, { queue: -1 }, { temperature: 3 }, { topP: 0 }, { seed: 0.5 }, { contextSize: '1' }, { url: 'ftp://x' }, { sha256: 'x' }, { gpu: 1 }, { onProgress: 1 }]) {
    expect(() => localModel({ name: 'smollm', ...wrong })).toThrow(new RegExp(`localModel\\(\\): ${Object.keys(wrong)[0]} must be `));
  }
});

test('without the package the request fails with what to install', async () => {
  const model = localModel({ name: 'smollm' });
  await expect(model.load()).rejects.toThrow(/npm install --save-dev node-llama-cpp@3\.21\.1/);
});

test('a conversation with tools becomes llama.cpp’s: results stand with their calls', () => {
  const { history, functions, forced, anyOf, parallel } = promptOf({
    operation: 'chat.completions.create',
    messages: [
      { role: 'developer', text: 'Be brief.' },
      { role: 'user', text: 'Oslo?' },
      { role: 'assistant', text: '', toolCalls: [{ id: 'a', name: 'weather', arguments: '{"city":"Oslo"}' }, { id: 'b', name: 'time', arguments: 'no JSON' }] },
      { role: 'tool', text: '{"c":4}', toolCallId: 'a' },
      { role: 'tool', text: 'noon', toolCallId: 'b' },
      { role: 'user', text: 'So?' },
    ],
    tools: [{ name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string', pattern: '^O' } } } }, { name: 'time', parameters: null }],
    body: { tools: [{ type: 'function', function: { name: 'weather', description: 'of a city' } }], tool_choice: 'required', parallel_tool_calls: false },
  });
  expect(history).toEqual([
    { type: 'system', text: 'Be brief.' },
    { type: 'user', text: 'Oslo?' },
    { type: 'model', response: [
      { type: 'functionCall', name: 'weather', params: { city: 'Oslo' }, result: { c: 4 } },
      { type: 'functionCall', name: 'time', params: {}, result: 'noon' },
    ] },
    { type: 'user', text: 'So?' },
    { type: 'model', response: [] },
  ]);
  expect(functions).toEqual({ weather: { description: 'of a city', params: { type: 'object', properties: { city: { type: 'string' } } } }, time: { params: { type: 'object', properties: {} } } });
  expect([forced, anyOf, parallel]).toEqual([undefined, ['weather', 'time'], false]);
});

test('what a request limits is read from every dialect', () => {
  const of = (operation, body, more = {}) => promptOf({ operation, body, messages: [{ role: 'user', text: 'hi' }], ...more });
  expect(of('chat.completions.create', { stop: 'x', max_completion_tokens: 5, temperature: 0, top_p: 0.5, seed: 7, n: 2 })).toMatchObject({ stop: ['x'], maxTokens: 5, temperature: 0, topP: 0.5, seed: 7, choices: 2 });
  expect(of('responses.create', { max_output_tokens: 6, text: { format: { type: 'json_schema', schema: { type: 'string' } } } })).toMatchObject({ maxTokens: 6, schema: { type: 'string' } });
  expect(of('completions.create', { stop: ['a', 'b'] })).toMatchObject({ text: 'hi', stop: ['a', 'b'], maxTokens: 16 });
  expect(of('chat.completions.create', { response_format: { type: 'json_object' } }).json).toBe(true);
  const tools = [{ name: 'f', parameters: { type: 'object' } }];
  expect(of('chat.completions.create', { tool_choice: 'none' }, { tools }).functions).toBeUndefined();
  expect(of('chat.completions.create', { tool_choice: { type: 'function', function: { name: 'f' } } }, { tools }).forced).toBe('f');
  expect(of('responses.create', { tool_choice: { type: 'function', name: 'f' } }, { tools }).forced).toBe('f');
});

test('schemas become what a grammar can say', () => {
  expect(grammarSchema({ anyOf: [{ type: 'string', pattern: 'x' }, { type: 'null' }], title: 'T' })).toEqual({ oneOf: [{ type: 'string' }, { type: 'null' }] });
  expect(grammarSchema({ $defs: { a: { type: 'string', format: 'email' } }, properties: { x: { $ref: '#/$defs/a' } } })).toEqual({ $defs: { a: { type: 'string' } }, properties: { x: { $ref: '#/$defs/a' } }, type: 'object' });
  expect(grammarSchema({ allOf: [{ properties: { a: { const: 1 } } }, { properties: { b: { enum: [2] } } }] })).toEqual({ type: 'object', properties: { a: { const: 1 }, b: { enum: [2] } } });
  expect(grammarSchema({ items: true })).toEqual({ type: 'array', items: { type: ['string', 'number', 'boolean', 'null'] } });
});

test('the command line’s flags and variables are taken out, the rest stays as it is', () => {
  const env = { LLEMULATOR_LOCAL_THREADS: '2', PATH: 'x' };
  const { given, rest } = split(['--port', '0', '--local=tiny', '--local-model', 'a/b.gguf', '--watch'], env);
  expect(rest).toEqual(['--port', '0', '--watch']);
  expect(env).toEqual({ PATH: 'x' });
  expect(wanted(given)).toEqual({ name: 'tiny', source: { path: 'a/b.gguf' }, threads: 2, contextSize: undefined });
  expect(wanted({ '--local-model': 'https://h.example/m.gguf' })).toMatchObject({ name: 'm', source: { url: 'https://h.example/m.gguf' } });
  expect(wanted({ '--local': 'smollm' })).toMatchObject({ name: 'smollm', source: { name: 'smollm' } });
  expect(wanted({})).toBeUndefined();
  expect(() => wanted({ '--local': 'other' })).toThrow(/--local other: no weights are known .*--local-model FILE\.gguf/);
  expect(() => wanted({ '--local': 'smollm', '--local-threads': 'many' })).toThrow(/--local-threads is "many"/);
  expect(() => wanted({ '--local-threads': '2' })).toThrow(/--local-threads changes nothing without a local model/);
  expect(() => split(['--local'], {})).toThrow(/--local needs a value/);
});
