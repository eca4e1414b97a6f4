// What Polly.JS, nock and aimock have recorded is answered by an emulator.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Polly } from '@pollyjs/core';
import FetchAdapter from '@pollyjs/adapter-fetch';
import FsPersister from '@pollyjs/persister-fs';
import nock from 'nock';
import OpenAI from 'openai';
import { LLMock } from '@copilotkit/aimock';
import { startServer } from '../../server.mjs';
import { session, url } from './support.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'llemulator-recordings-'));
after(() => rmSync(folder, { recursive: true }));
const body = (content, stream) => ({ model: 'gpt-4o', stream, messages: [{ role: 'user', content }] });

/** Two answers over fetch, one of them long enough to come zipped, and a stream. */
async function ask(base = url) {
  const { key } = await session(['Paris.', { text: `Rome.${' '.repeat(3000)}` }, 'Oslo é.']);
  for (const [content, stream] of [['France?', false], ['Italy?', false], ['Norway?', true]]) {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const answer = await fetch(`${base}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(body(content, stream)) });
    assert.equal(answer.status, 200);
    await answer.text();
  }
}

/** Starts an emulator that has nothing but these recordings, and asks it the same. */
async function plays(place) {
  const server = await startServer(['--log-level', 'warn', '--cassettes', place]);
  try {
    const client = new OpenAI({ apiKey: 'a', baseURL: server.baseURL, maxRetries: 0 });
    const said = async (content) => (await client.chat.completions.create(body(content, false))).choices[0].message.content.trim();
    assert.deepEqual([await said('France?'), await said('Italy?')], ['Paris.', 'Rome.']);
    let text = '';
    for await (const chunk of await client.chat.completions.create(body('Norway?', true))) text += chunk.choices[0]?.delta.content ?? '';
    assert.equal(text, 'Oslo é.');
    const other = new OpenAI({ apiKey: 'b', baseURL: server.baseURL, maxRetries: 0 });
    assert.equal((await other.responses.create({ model: 'gpt-4o', input: 'Norway?' })).output_text, 'Oslo é.');
    await assert.rejects(said('Spain?'), { code: 'no_recording' });
  } finally {
    await server.stop();
  }
}

before(() => {
  Polly.register(FetchAdapter);
  Polly.register(FsPersister);
});

test('what Polly.JS has recorded', async () => {
  const place = path.join(folder, 'polly');
  const polly = new Polly('capitals', { adapters: ['fetch'], persister: 'fs', persisterOptions: { fs: { recordingsDir: place } }, recordIfMissing: true, logLevel: 'silent' });
  await ask();
  await polly.stop();
  const [recorded] = readdirSync(place, { recursive: true }).filter((name) => name.endsWith('recording.har'));
  // The emulator was loaded over fetch too.
  const { entries } = JSON.parse(readFileSync(path.join(place, recorded), 'utf8')).log;
  assert.equal(entries.filter(({ request }) => request.url.endsWith('/v1/chat/completions')).length, 3);
  await plays(place);
});

test('what nock has recorded', async () => {
  nock.recorder.rec({ output_objects: true, dont_print: true });
  await ask();
  // The emulator was loaded over HTTP too.
  const recorded = nock.recorder.play().filter((each) => each.path === '/v1/chat/completions');
  nock.recorder.clear();
  nock.restore();
  assert.equal(recorded.length, 3);
  assert.ok(recorded.some(({ response }) => Array.isArray(response)), 'one came zipped');
  const place = path.join(folder, 'nock.json');
  writeFileSync(place, JSON.stringify(recorded));
  await plays(place);
});

test('what aimock has recorded', async () => {
  const place = path.join(folder, 'aimock');
  const mock = new LLMock({ port: 0 });
  await mock.start();
  mock.enableRecording({ providers: { openai: url }, fixturePath: place });
  await ask(mock.url);
  await mock.stop();
  assert.equal(readdirSync(place, { recursive: true }).filter((name) => name.endsWith('.json')).length, 3);
  await plays(place);
});
