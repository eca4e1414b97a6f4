// The control room's contract in memory, for working on the page without building the emulator:
//   node ui/mock/server.mjs [PORT]      serves ui/dist and /api, /ws; POST /v1/chat/completions asks, "manual" in the text waits
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { routes } from './routes.mjs';
import { World } from './world.mjs';

const DIST = path.join(import.meta.dirname, '..', 'dist');
const KINDS = { js: 'text/javascript', css: 'text/css', html: 'text/html' };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Starts it; `url`, `world` and `stop`. With a token it is as bound beyond loopback. */
export async function startMock(port = 0, token = null) {
  const world = new World();
  const server = createServer((request, response) => answer(world, token, request, response).catch((error) => json(response, error.status ?? 500, { detail: error.message, error: { message: error.message, code: error.code ?? null, param: error.param ?? null } })));
  const sockets = new WebSocketServer({ server, path: '/ws', verifyClient: ({ req }) => !token || (req.headers['sec-websocket-protocol'] ?? '').includes(`llemulator-token.${token}`), handleProtocols: (offered) => (offered.has('llemulator') ? 'llemulator' : false) });
  let clients = 0;
  sockets.on('connection', (socket) => {
    const name = `operator-${(clients += 1)}`;
    const send = (message) => socket.send(JSON.stringify(message));
    send({ type: 'hello', data: { version: 'mock', epoch: world.epoch, seq: world.events.length, oldest: 1, client: name, token_needed: false } });
    for (const card of world.pending.values()) send({ type: 'new_request', data: world.card(card) });
    const stop = world.watch(send);
    socket.on('close', () => (stop(), world.leave(name)));
    socket.on('message', (text) => {
      let message;
      try {
        message = JSON.parse(text);
        if (message.type === 'resume') {
          const complete = message.epoch === world.epoch;
          if (complete) world.events.slice(message.since).forEach(send);
          return send({ type: 'ack', data: { for: 'resume', ref: message.ref, complete } });
        }
        world.act(message.id, message.type, message, name);
        send({ type: 'ack', data: { for: message.type, id: message.id, ref: message.ref } });
      } catch (error) {
        send({ type: 'error', data: { ref: message?.ref, message: error.message, code: error.code ?? 'bad_message' } });
      }
    });
  });
  await new Promise((listening) => server.listen(port, '127.0.0.1', listening));
  return {
    world, url: `http://127.0.0.1:${server.address().port}`, dropSockets: () => sockets.clients.forEach((socket) => socket.terminate()),
    stop: () => new Promise((closed) => (sockets.clients.forEach((socket) => socket.terminate()), server.closeAllConnections(), server.close(closed))),
  };
}

async function answer(world, token, request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  if (pathname === '/' || pathname.startsWith('/ui/')) {
    const name = pathname === '/' ? 'index.html' : pathname.slice(4);
    response.writeHead(200, { 'content-type': KINDS[name.split('.').pop()], 'content-security-policy': POLICY, 'content-encoding': 'gzip' });
    return response.end(readFileSync(path.join(DIST, `${name}.gz`)));
  }
  if (token && pathname.startsWith('/api/') && request.headers['x-llemulator-control-token'] !== token) throw Object.assign(new Error('The control room needs the control token.'), { status: 403, code: 'control_token_required' });
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  if (pathname === '/v1/chat/completions') return world.ask(JSON.parse(text), request, response);
  const body = /multipart/.test(request.headers['content-type'] ?? '') ? JSON.parse(/\r\n\r\n([^]*?)\r\n--/.exec(text)[1]) : text ? JSON.parse(text) : {};
  const parts = pathname.split('/').slice(2).map(decodeURIComponent);
  const { file, value } = routes(world, request.method, parts, body, searchParams);
  json(response, 200, value, file ? { 'content-disposition': `attachment; filename="${file}"` } : {});
}

function json(response, status, value, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url, world } = await startMock(Number(process.argv[2] ?? 8090));
  world.fill(40);
  console.log(url);
}
