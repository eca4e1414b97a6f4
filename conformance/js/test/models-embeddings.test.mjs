// Models, embeddings, Azure's paths and the ways a key arrives.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import OpenAI, { AzureOpenAI } from 'openai';
import { ask, session, url } from './support.mjs';

const norm = (vector) => Math.hypot(...vector);
const dot = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);

test('models: list and retrieve, also ids with a slash', async () => {
  const { client } = await session([], { script: { models: ['gpt-4o', 'org/my-model'] } });
  const { data, object } = await client.models.list();
  assert.equal(object, 'list');
  assert.deepEqual(data.map((model) => model.id), ['gpt-4o', 'org/my-model']);
  const model = await client.models.retrieve('org/my-model');
  assert.deepEqual(Object.keys(model), ['id', 'object', 'created', 'owned_by']);
  assert.equal(model.id, 'org/my-model');
  const plain = await fetch(`${url}/v1/models/org/my-model`, { headers: { authorization: `Bearer ${client.apiKey}` } });
  assert.equal((await plain.json()).id, 'org/my-model');
  await assert.rejects(client.models.retrieve('gpt-4'), (error) => error.status === 404 && error.code === 'model_not_found');
});

test('embeddings: the client’s default is base64, and both encodings are the same vector', async () => {
  const { client } = await session();
  const ask = { model: 'text-embedding-3-small', input: 'the cat sat on the mat' };
  const packed = await client.embeddings.create(ask);
  const plain = await client.embeddings.create({ ...ask, encoding_format: 'float' });
  const [a, b] = [packed.data[0].embedding, plain.data[0].embedding];
  assert.equal(a.length, 1536);
  assert.ok(Math.abs(norm(b) - 1) < 1e-3);
  for (const [index, value] of b.entries()) assert.ok(Math.abs(value - a[index]) < 1e-6);
  assert.deepEqual(packed.usage, { prompt_tokens: 6, total_tokens: 6 });
});

test('embeddings: lists, dimensions, tokens, and likeness', async () => {
  const { client } = await session();
  const { data } = await client.embeddings.create({
    model: 'text-embedding-3-large',
    input: ['a red apple', 'a green apple', 'quarterly tax report'],
    dimensions: 256,
  });
  assert.deepEqual(data.map((one) => [one.index, one.embedding.length]), [[0, 256], [1, 256], [2, 256]]);
  const [red, green, tax] = data.map((one) => one.embedding);
  assert.ok(dot(red, green) > dot(red, tax));
  const tokens = await client.embeddings.create({ model: 'text-embedding-3-small', input: [1169, 8415] });
  assert.equal(tokens.usage.prompt_tokens, 2);
});

test('embeddings: a scripted vector', async () => {
  const { client } = await session([{ embedding: [0.5, -0.5, 0.25] }]);
  const { data } = await client.embeddings.create({ model: 'text-embedding-3-small', input: 'x', encoding_format: 'float' });
  assert.deepEqual(data[0].embedding, [0.5, -0.5, 0.25]);
});

test('AzureOpenAI: deployment paths, api-key header, any deployment name', async () => {
  const { key } = await session(['from azure', 'one two', { error: { code: 'content_filter' } }, 'v1']);
  const azure = new AzureOpenAI({ endpoint: url, apiKey: key, apiVersion: '2024-10-21', deployment: 'my-deployment' });
  const completion = await azure.chat.completions.create(ask('hi', { model: 'my-deployment' }));
  assert.equal(completion.choices[0].message.content, 'from azure');
  assert.equal(completion.choices[0].content_filter_results.hate.severity, 'safe');
  const stream = await azure.chat.completions.create(ask('hi', { model: 'my-deployment', stream: true }));
  let text = '';
  const first = [];
  for await (const chunk of stream) {
    first.push(chunk);
    text += chunk.choices[0]?.delta?.content ?? '';
  }
  assert.equal(text, 'one two');
  assert.deepEqual(first[0].choices, []);
  assert.equal(first[0].prompt_filter_results[0].content_filter_results.jailbreak.detected, false);
  const refused = await azure.chat.completions.create(ask('hi', { model: 'my-deployment' })).catch((error) => error);
  assert.deepEqual([refused.status, refused.code, refused.error.innererror.code], [400, 'content_filter', 'ResponsibleAIPolicyViolation']);
  const v1 = await new OpenAI({ apiKey: key, baseURL: `${url}/openai/v1` }).chat.completions.create(ask('hi', { model: 'my-deployment' }));
  assert.ok(v1.prompt_filter_results);
  const vectors = await azure.embeddings.create({ model: 'my-embeddings', input: 'x' });
  assert.equal(vectors.object, 'list');
});

test('sessions do not see each other, however requests interleave', async () => {
  const sessions = await Promise.all(Array.from({ length: 50 }, (_, n) => session([`${n}a`, `${n}b`, `${n}c`])));
  const answers = await Promise.all(
    sessions.map(async ({ client }) => {
      const texts = [];
      for (let turn = 0; turn < 3; turn += 1) {
        texts.push((await client.chat.completions.create(ask())).choices[0].message.content);
      }
      return texts;
    }),
  );
  for (const [n, texts] of answers.entries()) assert.deepEqual(texts, [`${n}a`, `${n}b`, `${n}c`]);
});

test('every model the client names exists, or was retired', async () => {
  const types = ['shared', 'embeddings', 'moderations', 'images', 'videos', 'audio/speech', 'audio/audio'].map((name) =>
    readFileSync(new URL(`../node_modules/openai/resources/${name}.d.ts`, import.meta.url), 'utf8'));
  const unions = types.flatMap((text) => [...text.matchAll(/export type \w*Model\w* =([^;]+);/g)].map(([, union]) => union));
  const ids = new Set(unions.flatMap((union) => [...union.matchAll(/'([^']+)'/g)].map(([, id]) => id)));
  assert.ok(ids.size > 100);
  const { client } = await session('x');
  for (const id of ids) {
    const found = await client.models.retrieve(id).catch(({ status }) => ({ status }));
    if (found.id === id) continue;
    assert.equal(found.status, 404, id);
    await assert.rejects(client.responses.create({ model: id, input: 'x' }), /has been deprecated|not supported/, id);
  }
});
