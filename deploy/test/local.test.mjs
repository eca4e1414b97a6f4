// What docs/local-model.md shows, with the real weights of a real small model: SmolLM2-135M-Instruct, four bits.
//   LLEMULATOR_WEIGHTS=….gguf node --test deploy/test/local.test.mjs      (run.mjs local finds or fetches them)
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { getLlama } from 'node-llama-cpp';
import OpenAI from 'openai';
import { localModel, startEmulator, when } from '../../js/index.js';
import { start } from '../../scripts/start.mjs';

const WEIGHTS = process.env.LLEMULATOR_WEIGHTS;
const COMMAND = fileURLToPath(new URL('../../js/cli.js', import.meta.url));
/** One thread: this machine may be busy, and two that wait for each other are slower than one. */
const threads = 1;
const PATIENCE_MS = 600_000;

let emulator;
let model;
before(async () => {
  const progress = [];
  model = localModel({ path: WEIGHTS, threads, onProgress: (step) => progress.push(step) });
  await model.load();
  assert.ok(progress.some(({ what, done }) => what === 'load' && done === 1), 'loading is told to its end');
  emulator = await startEmulator({ models: 'any', callbackTimeoutMs: PATIENCE_MS });
});
after(async () => {
  await emulator.stop();
  await model.dispose();
});

/** A session that a model answers, and a client of it. */
function session(of = model) {
  const api = emulator.session();
  api.replies(when({ model: 'tiny' }, of, { times: Infinity }));
  return { api, openai: new OpenAI({ ...api, maxRetries: 0, timeout: PATIENCE_MS }) };
}

const CAPITAL = 'What is the capital of France? Answer in one word.';

/** A request; with a limit, as a small model may go on for long. */
const say = (content, more = {}) => ({ model: 'tiny', temperature: 0, max_tokens: 40, messages: [{ role: 'user', content }], ...more });
const tools = [{ type: 'function', function: { name: 'get_weather', description: 'The weather of a city', parameters: { type: 'object', properties: { city: { type: 'string', enum: ['Oslo', 'Rome'] } }, required: ['city'], additionalProperties: false } } }];

test('a question is answered by the model, streamed or not; its own template and its own counts', async () => {
  const { openai } = session();
  const question = CAPITAL;
  const whole = await openai.chat.completions.create(say(question));
  assert.match(whole.choices[0].message.content, /Paris/);
  assert.equal(whole.choices[0].finish_reason, 'stop');
  let text = '';
  let pieces = 0;
  let usage;
  for await (const chunk of await openai.chat.completions.create(say(question, { stream: true, stream_options: { include_usage: true } }))) {
    if (chunk.choices[0]?.delta.content) pieces++;
    text += chunk.choices[0]?.delta.content ?? '';
    usage ??= chunk.usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.ok(pieces > 2, 'it comes in pieces');
  assert.equal(usage.prompt_tokens, whole.usage.prompt_tokens);

  // The same by hand: the template that is in the file, the vocabulary that is in the file.
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error' });
  const alone = await llama.loadModel({ modelPath: WEIGHTS, gpuLayers: 0, vocabOnly: true });
  const turn = (role, content) => `<|im_start|>${role}\n${content}<|im_end|>\n`;
  const template = `${turn('system', 'You are a helpful AI assistant named SmolLM, trained by Hugging Face')}${turn('user', question)}<|im_start|>assistant\n`;
  assert.equal(whole.usage.prompt_tokens, alone.tokenize(template, true).length);
  const said = alone.tokenize(whole.choices[0].message.content).length;
  // And the token that ends it, where it is counted.
  assert.ok([said, said + 1].includes(whole.usage.completion_tokens), `${whole.usage.completion_tokens} tokens for ${said}`);
  await llama.dispose();
});

test('token limit, stop and seed are obeyed', async () => {
  const { openai } = session();
  const cut = await openai.chat.completions.create({ ...say('Tell me a long story.'), max_tokens: undefined, max_completion_tokens: 5 });
  assert.equal(cut.choices[0].finish_reason, 'length');
  assert.equal(cut.usage.completion_tokens, 5);
  const story = say('Tell me a story about a cat.');
  const full = (await openai.chat.completions.create(story)).choices[0].message.content;
  // A word of its middle.
  const [word] = full.slice(20).match(/ [a-z]{3,} /);
  const stopped = await openai.chat.completions.create({ ...story, stop: word });
  assert.equal(stopped.choices[0].message.content, full.slice(0, full.indexOf(word)));
  assert.equal(stopped.choices[0].finish_reason, 'stop');
  const drawn = async (seed) => (await openai.chat.completions.create(say('Invent a name.', { temperature: 1.5, seed, max_tokens: 20 }))).choices[0].message.content;
  assert.equal(await drawn(1), await drawn(1));
  assert.notEqual(await drawn(1), await drawn(2));
  const two = await openai.chat.completions.create(say('Invent a name.', { temperature: 1.5, n: 2, max_tokens: 10 }));
  assert.equal(two.choices.length, 2);
  assert.notEqual(two.choices[0].message.content, two.choices[1].message.content);
});

test('an output schema is a grammar: whatever the model would say, the JSON fits', async () => {
  const { openai } = session();
  const schema = {
    type: 'object',
    properties: { mood: { enum: ['calm', 'wild'] }, words: { type: 'array', items: { type: 'string', maxLength: 8 }, minItems: 2, maxItems: 2 }, more: { anyOf: [{ type: 'null' }, { type: 'boolean' }] } },
    required: ['mood', 'words', 'more'],
    additionalProperties: false,
  };
  const chat = await openai.chat.completions.create(say('Describe the sea.', { max_tokens: 200, response_format: { type: 'json_schema', json_schema: { name: 'sea', strict: true, schema } } }));
  for (const text of [chat.choices[0].message.content, (await openai.responses.create({ model: 'tiny', temperature: 0, max_output_tokens: 200, input: 'Describe the sea.', text: { format: { type: 'json_schema', name: 'sea', strict: true, schema } } })).output_text]) {
    const { mood, words, more } = JSON.parse(text);
    assert.ok(['calm', 'wild'].includes(mood) && words.length === 2 && words.every((word) => word.length <= 8) && (more === null || typeof more === 'boolean'), text);
  }
});

test('tools are called with arguments of their schema, and their results are read', async () => {
  const { openai } = session();
  const question = say('What is the weather in Oslo?', { tools });
  const forced = await openai.chat.completions.create({ ...question, tool_choice: { type: 'function', function: { name: 'get_weather' } } });
  const [call] = forced.choices[0].message.tool_calls;
  assert.equal(forced.choices[0].finish_reason, 'tool_calls');
  assert.equal(call.function.name, 'get_weather');
  assert.ok(['Oslo', 'Rome'].includes(JSON.parse(call.function.arguments).city));
  const either = [...tools, { type: 'function', function: { name: 'get_time', parameters: { type: 'object', properties: {}, additionalProperties: false } } }];
  const required = await openai.chat.completions.create({ ...question, tools: either, tool_choice: 'required' });
  assert.ok(['get_weather', 'get_time'].includes(required.choices[0].message.tool_calls[0].function.name));
  const told = await openai.chat.completions.create({
    ...question,
    max_tokens: 60,
    messages: [...question.messages, forced.choices[0].message, { role: 'tool', tool_call_id: call.id, content: '{"celsius": 4}' }],
    tool_choice: 'none',
  });
  assert.ok(told.choices[0].message.content.length > 0);
  assert.ok(told.usage.prompt_tokens > 30);
});

test('a client that leaves ends the work; the next one has the model', async () => {
  let yielded = 0;
  let ended = false;
  const watched = async function* (request, context) {
    try {
      for await (const piece of model(request, context)) {
        yielded++;
        yield piece;
      }
    } finally {
      ended = true;
    }
  };
  const { openai } = session(watched);
  const stream = await openai.chat.completions.create(say('Tell me a story that never ends.', { stream: true, temperature: 1, max_tokens: 3500 }));
  for await (const chunk of stream) if (chunk.choices[0].delta.content) break;
  const { openai: next } = session();
  assert.match((await next.chat.completions.create(say(CAPITAL))).choices[0].message.content, /Paris/);
  assert.ok(ended, 'the next one was answered after the first had ended');
  assert.ok(yielded < 3000, `${yielded} pieces`);
});

test('a queue has an end, and a context has one', async () => {
  const small = localModel({ path: WEIGHTS, threads, contextSize: 256, queue: 0 });
  const { openai } = session(small);
  await assert.rejects(openai.chat.completions.create(say('word '.repeat(400))), (error) => error.status === 400 && error.code === 'context_length_exceeded');
  const stream = await openai.chat.completions.create(say('Tell me a story.', { stream: true, max_tokens: 200 }));
  const chunks = stream[Symbol.asyncIterator]();
  await chunks.next();
  await assert.rejects(openai.chat.completions.create(say('Me too.')), (error) => error.status === 503 && error.code === 'local_model_busy');
  await chunks.return();
  await small.dispose();
});

test('npx llemulator --local: one name is the model’s, all others are as before', async () => {
  const args = [COMMAND, '--local', 'tiny', '--local-model', WEIGHTS, '--local-threads', '1', '--port', '0'];
  const { line, printed, stop } = await start(process.execPath, args, { cwd: process.cwd(), stdio: ['ignore', 'pipe', 'pipe'] });
  const url = /http:\S+/.exec(line)?.[0];
  assert.ok(url, `${line} ${printed.err}`);
  // It listens at once; its page is told how far the model is.
  const told = [];
  for (const end = performance.now() + PATIENCE_MS; told.at(-1)?.state !== 'ready' && performance.now() < end; await wait(20)) {
    const { data } = await (await fetch(`${url}/api/models`)).json();
    told.push(data[0]);
  }
  assert.deepEqual([...new Set(told.map(({ model, state }) => `${model} ${state}`))], ['tiny loading', 'tiny ready']);
  assert.ok(told.filter(({ progress }) => progress).every(({ progress: { what, done, total } }) => what === 'load' && done <= total), JSON.stringify(told));
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'k', timeout: PATIENCE_MS });
  const answer = await openai.chat.completions.create(say(CAPITAL));
  assert.match(answer.choices[0].message.content, /Paris/);
  let streamed = '';
  for await (const chunk of await openai.chat.completions.create(say(CAPITAL, { stream: true }))) streamed += chunk.choices[0]?.delta.content ?? '';
  assert.equal(streamed, answer.choices[0].message.content);
  assert.equal((await openai.chat.completions.create({ ...say('hello'), model: 'gpt-4o' })).choices[0].message.content, 'Echo: hello');
  assert.ok((await openai.models.list()).data.some(({ id }) => id === 'tiny'));
  assert.deepEqual(await stop(), [0, null], printed.err);
  assert.match(printed.err, /the model tiny is ready/);
});

test('weights that were cut off are told of, and the next request tries again', async (test) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'llemulator-cut-'));
  test.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'cut.gguf');
  const whole = readFileSync(WEIGHTS);
  writeFileSync(file, whole.subarray(0, whole.length / 2));
  const args = [COMMAND, '--local', 'tiny', '--local-model', file, '--local-threads', '1', '--port', '0'];
  const { line, printed, stop } = await start(process.execPath, args, { cwd: process.cwd(), stdio: ['ignore', 'pipe', 'pipe'] });
  const url = /http:\S+/.exec(line)?.[0];
  const state = async () => (await (await fetch(`${url}/api/models`)).json()).data[0].state;
  for (const end = performance.now() + PATIENCE_MS; (await state()) !== 'failed' && performance.now() < end; ) await wait(20);
  assert.match(printed.err, /cut\.gguf cannot be loaded/);
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'k', timeout: PATIENCE_MS, maxRetries: 0 });
  await assert.rejects(openai.chat.completions.create(say(CAPITAL)), /cut\.gguf cannot be loaded/);
  copyFileSync(WEIGHTS, file);
  assert.match((await openai.chat.completions.create(say(CAPITAL))).choices[0].message.content, /Paris/);
  assert.equal(await state(), 'ready');
  await stop();
});

test('without the package it says what to install, and starts nothing', () => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [COMMAND, '--local', 'tiny', '--local-model', WEIGHTS, '--port', '0'], { cwd: tmpdir(), encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /npm install --save-dev node-llama-cpp@3\.21\.1/);
  assert.equal(stdout, '');
});
