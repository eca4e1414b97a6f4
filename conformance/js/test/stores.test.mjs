// Vector stores, fine-tuning, evals, containers and videos through the official client, as its guides have them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toFile } from 'openai';
import { all, session } from './support.mjs';

const text = (content, name) => toFile(Buffer.from(content), name);

test('a vector store is filled, searched, and found in by file_search', async () => {
  const call = { output: [{ type: 'file_search_call', queries: ['lighthouse keeper'] }], text: 'The keeper climbs.' };
  const { client } = await session([call]);
  const store = await client.vectorStores.create({ name: 'help' });
  const keeper = await client.vectorStores.files.uploadAndPoll(store.id, await text('The lighthouse keeper climbs the stairs.', 'keeper.md'));
  assert.equal(keeper.status, 'completed');
  const files = [await text('Goods may be returned within 30 days.', 'returns.md'), await text('Shipping takes three days.', 'shipping.md')];
  const batch = await client.vectorStores.fileBatches.uploadAndPoll(store.id, { files });
  assert.deepEqual([batch.status, batch.file_counts.completed], ['completed', 2]);
  assert.equal((await client.vectorStores.retrieve(store.id)).file_counts.total, 3);
  const [best] = await all(client.vectorStores.search(store.id, { query: 'How long does shipping take?' }));
  assert.deepEqual([best.filename, best.content[0].text], ['shipping.md', 'Shipping takes three days.']);
  const response = await client.responses.create({
    model: 'gpt-4o',
    input: 'Who climbs?',
    include: ['file_search_call.results'],
    tools: [{ type: 'file_search', vector_store_ids: [store.id] }],
  });
  const [search, message] = response.output;
  assert.equal(search.results[0].file_id, keeper.id);
  assert.equal(message.content[0].annotations[0].filename, 'keeper.md');
  await client.vectorStores.files.update(keeper.id, { vector_store_id: store.id, attributes: { of: 'sea' } });
  const filtered = await all(client.vectorStores.search(store.id, { query: 'days', filters: { type: 'eq', key: 'of', value: 'sea' } }));
  assert.deepEqual(filtered.map((one) => one.filename), ['keeper.md']);
  assert.equal((await client.vectorStores.delete(store.id)).deleted, true);
  await assert.rejects(client.vectorStores.retrieve(store.id), { status: 404 });
});

test('a model is tuned to completion, and answers', async () => {
  const { client } = await session(['Oslo.']);
  const example = JSON.stringify({ messages: [{ role: 'user', content: 'Norway?' }, { role: 'assistant', content: 'Oslo.' }] });
  const file = await client.files.create({ file: await text(Array(10).fill(example).join('\n'), 'train.jsonl'), purpose: 'fine-tune' });
  let job = await client.fineTuning.jobs.create({ model: 'gpt-4o-mini-2024-07-18', training_file: file.id, suffix: 'cities' });
  assert.equal(job.status, 'validating_files');
  while (!['succeeded', 'failed', 'cancelled'].includes(job.status)) job = await client.fineTuning.jobs.retrieve(job.id);
  assert.equal(job.status, 'succeeded');
  const events = (await all(client.fineTuning.jobs.listEvents(job.id, { limit: 5 }))).map((event) => event.message);
  assert.equal(events[0], 'The job has successfully completed');
  assert.equal((await all(client.fineTuning.jobs.checkpoints.list(job.id))).length, 3);
  const metrics = await (await client.files.content(job.result_files[0])).text();
  assert.match(metrics, /^step,train_loss/);
  const answer = await client.chat.completions.create({ model: job.fine_tuned_model, messages: [{ role: 'user', content: 'Norway?' }] });
  assert.deepEqual([answer.model, answer.choices[0].message.content], [job.fine_tuned_model, 'Oslo.']);
});

test('an eval is run and its items are read', async () => {
  const { client } = await session(['Oslo', 'Lyon']);
  const criterion = { type: 'string_check', name: 'exact', operation: 'eq', input: '{{ sample.output_text }}', reference: '{{ item.answer }}' };
  const made = await client.evals.create({
    name: 'cities',
    data_source_config: { type: 'custom', item_schema: { type: 'object' }, include_sample_schema: true },
    testing_criteria: [criterion],
  });
  const content = [{ item: { country: 'Norway', answer: 'Oslo' } }, { item: { country: 'France', answer: 'Paris' } }];
  let run = await client.evals.runs.create(made.id, {
    data_source: {
      type: 'completions',
      model: 'gpt-4o-mini',
      source: { type: 'file_content', content },
      input_messages: { type: 'template', template: [{ role: 'user', content: 'Capital of {{ item.country }}?' }] },
    },
  });
  while (!['completed', 'failed', 'canceled'].includes(run.status)) run = await client.evals.runs.retrieve(run.id, { eval_id: made.id });
  assert.deepEqual(run.result_counts, { total: 2, errored: 0, failed: 1, passed: 1 });
  const items = await all(client.evals.runs.outputItems.list(run.id, { eval_id: made.id, limit: 1 }));
  assert.deepEqual(items.map((item) => [item.status, item.sample.output[0].content]), [['pass', 'Oslo'], ['fail', 'Lyon']]);
});

test('a container holds files, and a video is made and downloaded', async () => {
  const { client } = await session();
  const container = await client.containers.create({ name: 'c' });
  const file = await client.containers.files.create(container.id, { file: await text('a,b', 'data.csv') });
  const content = await client.containers.files.content.retrieve(file.id, { container_id: container.id });
  assert.deepEqual([file.path, await content.text()], ['/mnt/data/data.csv', 'a,b']);
  let video = await client.videos.create({ prompt: 'a cat', seconds: '4' });
  while (video.status !== 'completed') video = await client.videos.retrieve(video.id);
  const bytes = Buffer.from(await (await client.videos.downloadContent(video.id)).arrayBuffer());
  assert.equal(bytes.subarray(4, 8).toString(), 'ftyp');
});
