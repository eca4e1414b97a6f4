// The Responses API over a WebSocket, with the official client's own socket.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { session, weatherFunction } from './support.mjs';

const model = 'gpt-4o-mini';

/** Sends a `response.create` and gives its events up to the last one. */
async function events(socket, body) {
  const seen = [];
  const over = new Promise((resolve) => {
    const listen = (event) => {
      seen.push(event);
      if (!['response.completed', 'response.incomplete', 'response.failed', 'error'].includes(event.type)) return;
      socket.off('event', listen);
      resolve();
    };
    socket.on('event', listen);
    socket.once('error', (error) => {
      if (error.error) seen.push(error.error);
      resolve();
    });
  });
  socket.send({ type: 'response.create', model, ...body });
  await over;
  return seen;
}

async function connect(responses, more) {
  const { client } = await session(responses, more);
  const socket = new ResponsesWS(client);
  return { client, socket };
}

test('responses follow each other on one socket', async () => {
  const { socket } = await connect(['one two', 'three']);
  const first = await events(socket, { input: 'a' });
  assert.deepEqual(first.map((event) => event.sequence_number), first.map((_, index) => index));
  assert.equal(first.filter((event) => event.type === 'response.output_text.delta').map((event) => event.delta).join(''), 'one two');
  const second = await events(socket, { input: 'b', previous_response_id: first.at(-1).response.id });
  assert.equal(second[0].sequence_number, 0);
  assert.equal(second.at(-1).response.output[0].content[0].text, 'three');
  socket.close();
});

test('what is not stored continues on its socket and nowhere else', async () => {
  const { client, socket } = await connect([
    { tool_calls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }] },
    { match: { tool_result: 'get_weather' }, text: 'It is cold.' },
  ]);
  const first = (await events(socket, { input: 'Weather?', store: false, tools: [weatherFunction] })).at(-1).response;
  const body = {
    previous_response_id: first.id,
    tools: [weatherFunction],
    input: [{ type: 'function_call_output', call_id: first.output[0].call_id, output: 'cold' }],
  };
  await assert.rejects(client.responses.create({ model, ...body }), { code: 'previous_response_not_found' });
  const second = (await events(socket, { ...body, store: false })).at(-1).response;
  assert.equal(second.output[0].content[0].text, 'It is cold.');
  socket.close();
});

test('a refused request is an error event and the socket goes on', async () => {
  const { socket } = await connect(['fine']);
  const [error] = await events(socket, { input: 'x', previous_response_id: 'resp_unknown' });
  assert.equal(error.type, 'error');
  assert.equal((error.error ?? error).code, 'previous_response_not_found');
  assert.equal((await events(socket, { input: 'x' })).at(-1).type, 'response.completed');
  socket.close();
});

test('a bad key is refused at the handshake', async () => {
  const { client } = await session('x', { client: { apiKey: 'invalid-key' } });
  const socket = new ResponsesWS(client, { reconnect: null });
  const [error] = await once(socket, 'error').catch((thrown) => [thrown]);
  assert.match(error.message, /401/);
});
