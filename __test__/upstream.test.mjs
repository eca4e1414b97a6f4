// The upstream against servers of node:http that misbehave, and through proxies.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { startEmulator } from 'llemulator';
import { afterAll, expect, test } from 'vitest';
import { startCommand } from './support.mjs';

const closing = [];
afterAll(() => Promise.all(closing.map((close) => close())));

/** A server that does as told; its address. */
async function serving(handler, server = http.createServer(handler)) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => (server.close(), server.closeAllConnections?.()));
  return `http://127.0.0.1:${server.address().port}`;
}

/** An emulator that sends everything to an address. */
async function sendingTo(address, options) {
  const emulator = await startEmulator({ upstream: `${address}/v1`, fallback: 'upstream', ...options });
  closing.unshift(() => emulator.stop());
  return emulator;
}

/** One that sends everything to a server of HTTP that does as told. */
const sending = async (handler, options) => sendingTo(await serving(handler), options);

/** The address of a server that answers with bytes of its own making once it is asked. */
const answering = (write) => serving(undefined, net.createServer((socket) => socket.on('error', () => {}).once('data', () => write(socket))));

/** Asks in chat; gives the response as soon as its head is there. */
async function ask(emulator, body = {}, headers = {}) {
  const { url } = emulator;
  const text = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], ...body });
  const request = http.request(`${url}/v1/chat/completions`, { method: 'POST', agent: false, headers: { 'content-type': 'application/json', authorization: 'Bearer own', ...headers } });
  request.end(text);
  const [response] = await once(request, 'response');
  return response;
}

/** Reads to the end, or to where it broke off. */
async function read(response) {
  const chunks = [];
  try {
    for await (const chunk of response) chunks.push(chunk);
  } catch (error) {
    return { text: Buffer.concat(chunks).toString(), broke: error.code };
  }
  return { text: Buffer.concat(chunks).toString() };
}

test('a gigabyte passes, the server waits for a client that does not read, and nobody holds them', async () => {
  const block = Buffer.alloc(1 << 20, 'x');
  const blocks = 1024;
  let written = 0;
  const emulator = await sending(async (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    for (let each = 0; each < blocks; each += 1) {
      written += 1;
      if (!response.write(block)) await once(response, 'drain');
    }
    response.end();
  });
  const before = process.memoryUsage().rss;
  const response = await ask(emulator);
  // Until nothing moves: what is between is full, and nobody reads.
  for (let seen = -1, still = 0; still < 20; still = written === seen ? still + 1 : 0, seen = written) await setTimeout(10);
  expect(written).toBeLessThan(blocks / 4);
  const hash = createHash('sha256');
  let length = 0;
  let most = 0;
  for await (const chunk of response) {
    hash.update(chunk);
    length += chunk.length;
    most = Math.max(most, process.memoryUsage().rss - before);
  }
  const expected = createHash('sha256');
  for (let each = 0; each < blocks; each += 1) expected.update(block);
  expect([length, hash.digest('hex')]).toEqual([blocks << 20, expected.digest('hex')]);
  // Of this process, which is client, emulator and server.
  expect(most).toBeLessThan(150 << 20);
}, 120_000);

test('what is cut there is cut here, whatever was half sent', async () => {
  for (const begin of [
    (socket) => socket.end(), // nothing at all
    (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-le'), // half a head
    (socket) => socket.destroy(),
  ]) {
    const url = await answering(begin);
    const response = await ask(await sendingTo(url));
    expect(response.statusCode).toBe(502);
    expect(JSON.parse((await read(response)).text).error).toEqual({ message: expect.stringContaining(url), type: 'server_error', param: null, code: 'upstream_failed' });
  }
  for (const [name, write] of [
    ['half a chunk', (socket) => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n8\r\nha')],
    ['less than was promised', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')],
    ['a reset', (socket) => socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n', () => setImmediate(() => socket.resetAndDestroy()))],
  ]) {
    const got = await read(await ask(await sendingTo(await answering(write))));
    expect(got.broke, name).toBeTruthy();
  }
});

test('no length is no fault; a stall is one', async () => {
  const whole = await sendingTo(await answering((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nall of it')));
  expect(await read(await ask(whole))).toEqual({ text: 'all of it' });
  const silent = await sending(() => {}, { upstreamTimeoutMs: 100 });
  const late = await ask(silent);
  expect(late.statusCode).toBe(504);
  expect(JSON.parse((await read(late)).text).error).toMatchObject({ type: 'server_error', code: 'upstream_timeout' });
  const stalls = await sending((_request, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n'), { upstreamTimeoutMs: 100 });
  const stalled = await read(await ask(stalls, { stream: true }));
  expect(stalled).toEqual({ text: 'data: 1\n\n', broke: expect.any(String) });
});

test('a redirect is an answer, and only the configured host is asked', async () => {
  const asked = [];
  const elsewhere = await serving((request, response) => response.end(asked.push(request.url) && 'elsewhere'));
  const seen = [];
  const emulator = await sending((request, response) => {
    seen.push(request.headers);
    response.writeHead(307, { location: `${elsewhere}/v1/chat/completions`, 'set-cookie': 'a=b' }).end();
  }, { upstreamKey: 'sk-theirs' });
  const response = await ask(emulator, {}, { 'x-forwarded-host': new URL(elsewhere).host, forwarded: `host=${new URL(elsewhere).host}`, cookie: 'c=d', 'openai-organization': 'org-own' });
  expect([response.statusCode, response.headers.location, response.headers['set-cookie']]).toEqual([307, `${elsewhere}/v1/chat/completions`, undefined]);
  expect(asked).toEqual([]);
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({ authorization: 'Bearer sk-theirs', host: expect.stringContaining('127.0.0.1') });
  expect(seen[0]).not.toHaveProperty('cookie');
  expect(seen[0]).not.toHaveProperty('openai-organization');
  // An address in the request's own target leads nowhere else.
  const socket = net.connect(emulator.port, '127.0.0.1');
  const body = '{"model":"gpt-4o","messages":[{"role":"user","content":"x"}]}';
  // Not its end: who hangs up at once has left.
  socket.write(`POST ${elsewhere}/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer own\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  socket.resume();
  await once(socket, 'close');
  expect([asked, seen.length]).toEqual([[], 2]);
  const told = await (await fetch(`${emulator.url}/api/exchanges`)).text();
  expect(told).not.toContain('sk-theirs');
});

test('proxies of the standard variables are gone through, but not to hosts of NO_PROXY', async () => {
  const lines = [];
  const proxy = http.createServer((request, response) => {
    lines.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"through": "the proxy"}');
  });
  proxy.on('connect', (request, socket) => {
    lines.push(`CONNECT ${request.url}`);
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  const address = await serving(undefined, proxy);
  const { host } = new URL(address);
  const env = { HTTP_PROXY: undefined, http_proxy: `http://user:secret@${host}`, HTTPS_PROXY: `http://${host}`, https_proxy: undefined, ALL_PROXY: undefined, all_proxy: undefined, NO_PROXY: 'direct.invalid', no_proxy: 'direct.invalid' };
  for (const [upstream, expected, status] of [
    ['http://api.invalid/v1', `POST http://api.invalid/v1/chat/completions Basic ${Buffer.from('user:secret').toString('base64')}`, 200],
    ['https://api.invalid/v1', 'CONNECT api.invalid:443', 502],
    ['http://direct.invalid/v1', undefined, 502],
  ]) {
    lines.length = 0;
    const server = await startCommand(['--port', '0', '--upstream', upstream, '--fallback', 'upstream'], env);
    try {
      const response = await ask(server);
      const { text } = await read(response);
      expect([response.statusCode, lines[0]], `${upstream}: ${text}`).toEqual([status, expected]);
      expect(text).not.toContain('secret');
      if (upstream.startsWith('https:')) expect(text).toContain(`through the proxy ${host}`);
    } finally {
      await server.stop();
    }
  }
});

test('a server that speaks no TLS where it should is a 502', async () => {
  // What a client of TLS hears is no handshake.
  const url = await answering((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
  const response = await ask(await sendingTo(url.replace('http:', 'https:')));
  expect([response.statusCode, JSON.parse((await read(response)).text).error.code]).toEqual([502, 'upstream_failed']);
});
