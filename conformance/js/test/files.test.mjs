// Files and batches through the official client, as its guides have them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toFile } from 'openai';
import { all, session } from './support.mjs';

const jsonl = (lines) => lines.map((line) => JSON.stringify(line)).join('\n');
const question = (id, content) => ({
  custom_id: id,
  method: 'POST',
  url: '/v1/chat/completions',
  body: { model: 'gpt-4o-mini', messages: [{ role: 'user', content }] },
});

test('a file is uploaded, waited for, listed and read back', async () => {
  const { client } = await session();
  const bytes = Buffer.from([0, 1, 2, 255, 10, 13]);
  const file = await client.files.create({ file: await toFile(bytes, 'data.bin'), purpose: 'vision' });
  assert.equal((await client.files.waitForProcessing(file.id)).status, 'processed');
  const listed = await all(client.files.list({ purpose: 'vision' }));
  assert.deepEqual(listed.map((one) => [one.id, one.filename, one.bytes]), [[file.id, 'data.bin', 6]]);
  assert.deepEqual(Buffer.from(await (await client.files.content(file.id)).arrayBuffer()), bytes);
  assert.equal((await client.files.delete(file.id)).deleted, true);
  await assert.rejects(client.files.retrieve(file.id), { status: 404 });
});

test('a batch is made, polled, and its results are read', async () => {
  const { client } = await session(['Oslo.', 'Paris.']);
  const input = await client.files.create({
    file: await toFile(Buffer.from(jsonl([question('a', 'Capital of Norway?'), question('b', 'Of France?')])), 'in.jsonl'),
    purpose: 'batch',
  });
  let batch = await client.batches.create({ input_file_id: input.id, endpoint: '/v1/chat/completions', completion_window: '24h' });
  assert.equal(batch.status, 'validating');
  while (!['completed', 'failed', 'expired', 'cancelled'].includes(batch.status)) batch = await client.batches.retrieve(batch.id);
  assert.deepEqual([batch.status, batch.request_counts], ['completed', { total: 2, completed: 2, failed: 0 }]);
  const results = (await (await client.files.content(batch.output_file_id)).text()).trim().split('\n').map((line) => JSON.parse(line));
  const said = results.map((line) => [line.custom_id, line.response.body.choices[0].message.content]);
  assert.deepEqual(said, [['a', 'Oslo.'], ['b', 'Paris.']]);
  assert.deepEqual((await all(client.batches.list({ limit: 1 }))).map((one) => one.id), [batch.id]);
  await assert.rejects(client.batches.cancel(batch.id), { status: 409 });
});

test('a batch with a wrong line says which', async () => {
  const { client } = await session([]);
  const input = await client.files.create({ file: await toFile(Buffer.from('{"custom_id": 1'), 'in.jsonl'), purpose: 'batch' });
  const { id } = await client.batches.create({ input_file_id: input.id, endpoint: '/v1/chat/completions', completion_window: '24h' });
  const { status, errors } = await client.batches.retrieve(id);
  assert.deepEqual([status, errors.data[0].code, errors.data[0].line], ['failed', 'invalid_json_line', 1]);
});
