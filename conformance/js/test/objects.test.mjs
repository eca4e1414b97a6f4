// What a rule gives for operations that ask no model, and what servers like OpenAI's add to chat.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toFile } from 'openai';
import { ask, session } from './support.mjs';

test('an object is merged over what an operation answers', async () => {
  const { client } = await session([
    { match: { operation: 'files.create' }, object: { status: 'error', status_details: 'Unreadable.' } },
    { match: { operation: 'files.retrieve' }, error: { status: 503 }, times: 1 },
    { match: { operation: 'beta.assistants.list' }, object: { has_more: false }, headers: { 'x-own': '1' } },
  ]);
  const file = await client.files.create({ file: await toFile(Buffer.from('a,b'), 'data.csv'), purpose: 'assistants' });
  assert.deepEqual([file.status, file.status_details, file.filename], ['error', 'Unreadable.', 'data.csv']);
  // The error is retried; what is stored is as it was.
  assert.equal((await client.files.retrieve(file.id)).status, 'processed');
  const { response } = await client.beta.assistants.list().withResponse();
  assert.equal(response.headers.get('x-own'), '1');
});

test('the client reads reasoning, usage in every chunk, and past comments', async () => {
  const reply = { reasoning: 'Two and two.', text: 'Four.', dialect: 'vllm', pace: { delay_ms: 20, keep_alive_ms: 1 } };
  const { client } = await session([reply, reply]);
  const { choices: [{ message }] } = await client.chat.completions.create(ask('2 + 2?'));
  assert.deepEqual([message.reasoning_content, message.content], ['Two and two.', 'Four.']);
  const said = { reasoning_content: '', content: '' };
  let used = 0;
  for await (const chunk of await client.chat.completions.create(ask('2 + 2?', { stream: true }))) {
    for (const part of Object.keys(said)) said[part] += chunk.choices[0]?.delta[part] ?? '';
    assert.ok(chunk.usage.completion_tokens >= used);
    used = chunk.usage.completion_tokens;
  }
  assert.deepEqual(said, { reasoning_content: 'Two and two.', content: 'Four.' });
  assert.ok(used > 0);
});
