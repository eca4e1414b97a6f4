// A proxy as stands before replicas: each request goes to the next one in turn. A replica that cannot be reached is passed
// by; a request that was sent goes to no other, because nobody knows what became of it.
//   as a child process: fork(proxy.mjs, [address, ...replicas as host:port]); it sends its port
import { once } from 'node:events';
import http from 'node:http';

const REACH_MS = 1000;
const ANSWER_MS = 15_000;
const [address, ...replicas] = process.argv.slice(2);
const targets = replicas.map((one) => {
  const [host, port] = one.split(':');
  return { host, port, agent: new http.Agent({ keepAlive: true, maxSockets: 256 }), passedBy: 0 };
});
let turn = 0;

/** The next one, but for those that could not be reached just now. */
function next() {
  for (let i = 0; i < targets.length; i++) {
    const target = targets[turn++ % targets.length];
    if (target.passedBy < performance.now()) return target;
  }
  return targets[turn++ % targets.length];
}

function refuse(response, status, message) {
  if (response.headersSent) return response.destroy();
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { message, code: 'proxy' } }));
}

/** Sends a request on; `left` = how many replicas may be tried. */
function pass(incoming, body, response, left) {
  const target = next();
  const { host, port, agent } = target;
  let sent = false;
  let ended = false;
  const end = (status, message) => {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    outgoing.destroy();
    if (sent) return refuse(response, status, message);
    target.passedBy = performance.now() + 2000;
    if (left > 1) pass(incoming, body, response, left - 1);
    else refuse(response, 503, 'no replica can be reached');
  };
  const outgoing = http.request({ host, port, agent, method: incoming.method, path: incoming.url, headers: incoming.headers });
  let timer = setTimeout(() => end(504, 'the replica does not answer'), REACH_MS);
  const reached = () => {
    sent = true;
    clearTimeout(timer);
    timer = setTimeout(() => end(504, 'the replica does not answer'), ANSWER_MS);
  };
  outgoing.on('socket', (socket) => (socket.connecting ? socket.once('connect', reached) : reached()));
  outgoing.on('error', (error) => end(502, error.message));
  outgoing.on('response', (answer) => {
    clearTimeout(timer);
    answer.on('error', () => response.destroy());
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  outgoing.end(body);
}

const server = http.createServer(async (incoming, response) => {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  pass(incoming, Buffer.concat(chunks), response, targets.length);
});
server.listen(0, address);
await once(server, 'listening');
process.on('disconnect', () => process.exit());
process.send(server.address().port);
