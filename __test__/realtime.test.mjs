// api.realtime: the SDK's Realtime client always dials wss; these options lead it to a server without TLS.
import { once } from 'node:events';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { afterAll, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { startEmulator } from 'llemulator';
import { client } from './support.mjs';

const emulator = await startEmulator();
afterAll(() => emulator.stop());

test('the client reaches the session’s address with its key', async () => {
  const api = emulator.session();
  // In the emulator's place, a server that says what arrives.
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  Object.assign(api, { baseURL: `http://127.0.0.1:${server.address().port}/v1` });
  const arrived = once(server, 'connection');
  const realtime = new OpenAIRealtimeWS({ model: 'gpt-realtime', options: api.realtime }, client(api));
  const [, request] = await arrived;
  expect(request.url).toBe('/v1/realtime?model=gpt-realtime');
  expect(request.headers.authorization).toBe(`Bearer ${api.apiKey}`);
  await once(realtime.socket, 'open');
  realtime.close();
  server.close();
});
