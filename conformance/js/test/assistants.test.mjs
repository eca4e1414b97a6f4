// Assistants through the official client, as its guides have it: runs that are polled and streamed, with functions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, session, weatherTool } from './support.mjs';

const call = { tool_calls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }] };

/** A session with an assistant and a thread that asks for the weather. */
async function prepared(responses) {
  const { client } = await session(responses);
  const assistant = await client.beta.assistants.create({ model: 'gpt-4o', instructions: 'Answer.', tools: [weatherTool] });
  const thread = await client.beta.threads.create({ messages: [{ role: 'user', content: 'Weather in Oslo?' }] });
  return { client, threads: client.beta.threads, assistant, thread };
}

/** Outputs for all that a run asks for. */
const outputs = (run) =>
  run.required_action.submit_tool_outputs.tool_calls.map((asked) => ({ tool_call_id: asked.id, output: JSON.parse(asked.function.arguments).city }));

test('a run is polled, given its outputs and polled again', async () => {
  const { threads, assistant, thread } = await prepared([call, 'It is cold.']);
  const waits = await threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
  assert.equal(waits.status, 'requires_action');
  const done = await threads.runs.submitToolOutputsAndPoll(waits.id, { thread_id: thread.id, tool_outputs: outputs(waits) });
  assert.equal(done.status, 'completed');
  const [last] = (await threads.messages.list(thread.id)).data;
  assert.deepEqual([last.role, last.run_id, last.content[0].text.value], ['assistant', done.id, 'It is cold.']);
  const steps = await all(threads.runs.steps.list(done.id, { thread_id: thread.id, order: 'asc' }));
  assert.deepEqual(steps.map((step) => [step.type, step.status]), [['tool_calls', 'completed'], ['message_creation', 'completed']]);
  assert.equal(steps[0].step_details.tool_calls[0].function.output, 'Oslo');
});

test('a run is streamed through its functions', async () => {
  const { threads, assistant, thread } = await prepared([call, 'It is very cold.']);
  const first = threads.runs.stream(thread.id, { assistant_id: assistant.id });
  const called = [];
  first.on('toolCallDone', (done) => called.push(done.function.arguments));
  const waits = await first.finalRun();
  assert.deepEqual([waits.status, called], ['requires_action', ['{"city":"Oslo"}']]);
  const second = threads.runs.submitToolOutputsStream(waits.id, { thread_id: thread.id, tool_outputs: outputs(waits) });
  let text = '';
  second.on('textDelta', (delta) => (text += delta.value));
  assert.equal((await second.finalRun()).status, 'completed');
  const [message] = await second.finalMessages();
  assert.deepEqual([text, message.content[0].text.value], ['It is very cold.', 'It is very cold.']);
});

test('a thread is created with its run', async () => {
  const { threads, assistant } = await prepared(['Hello.', 'Hello again.']);
  const thread = { messages: [{ role: 'user', content: 'hi' }] };
  const run = await threads.createAndRunPoll({ assistant_id: assistant.id, thread });
  assert.equal(run.status, 'completed');
  const events = await all(threads.createAndRunStream({ assistant_id: assistant.id, thread }));
  assert.deepEqual([events[0].event, events.at(-1).event], ['thread.created', 'thread.run.completed']);
});

test('lists are paged', async () => {
  const { threads, thread } = await prepared([]);
  for (const content of ['a', 'b', 'c']) await threads.messages.create(thread.id, { role: 'user', content });
  const texts = (await all(threads.messages.list(thread.id, { order: 'asc', limit: 2 }))).map((message) => message.content[0].text.value);
  assert.deepEqual(texts, ['Weather in Oslo?', 'a', 'b', 'c']);
});
