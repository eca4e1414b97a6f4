// Those who look, each in a process of its own: nobody waits for what the others do, and what each costs is known.
//   node bench/soak/apart.mjs health|readers      started by bench/soak.mjs, which asks over the child's channel
import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { chat, probe, streams } from './clients.mjs';

/** How many streams of the plain server are read beside the emulator's. */
const BESIDE = 100;

const ROLES = {
  /** A plain Node server; asks it and the emulator for their health. */
  async health() {
    const plain = http.createServer((request, response) => (request.method === 'POST' ? paced(request, response) : response.end('{"status":"ok"}')));
    plain.listen(0, '127.0.0.1');
    await once(plain, 'listening');
    let probes = [];
    return {
      port: () => plain.address().port,
      begin({ port, pid }) {
        const asked = [[port, pid], [plain.address().port, process.pid]];
        probes = asked.map(([one, of]) => probe(one, of, '/healthz', 50, () => counted));
      },
      async end() {
        await Promise.all(probes.map((one) => one.end()));
        plain.closeAllConnections();
        return probes.map((one) => one.summary());
      },
    };
  },
  /** Reads the emulator's streams, and some of the plain server's that are paced alike. */
  readers() {
    let mine;
    let plain;
    let began;
    return {
      async begin({ port, beside, count, events, every }) {
        const body = JSON.stringify({ events, every });
        const request = `POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
        plain = await streams(beside, request, BESIDE, events, every, () => counted);
        mine = await streams(port, chat(port, 'sk-streams', 'soak-paced'), count, events, every, () => counted);
        began = { at: performance.now(), cpu: process.cpuUsage(), events: mine.events + plain.events };
      },
      seen() {
        const { user, system } = process.cpuUsage(began.cpu);
        const share = (user + system) / 1000 / (performance.now() - began.at);
        return { open: mine.open, whole: mine.whole, broken: mine.broken, events: mine.events, behind: mine.behind(), share };
      },
      late: () => [mine.late(), plain.late()],
      finished: () => mine.finished.then(() => {}),
    };
  },
};

/** Whether what is seen counts: not while the emulator cannot be on time. */
let counted = true;

/** The plain server's stream: an event each time one is due. */
function paced(request, response) {
  let text = '';
  request.on('data', (piece) => (text += piece));
  request.on('end', () => {
    const { events, every } = JSON.parse(text);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const began = performance.now();
    let timer;
    const next = (at) => {
      response.write('data: {"choices":[{"delta":{"content":"lorem "}}]}\n\n');
      if (at + 1 === events) return response.end('data: [DONE]\n\n');
      timer = setTimeout(next, began + (at + 1) * every - performance.now(), at + 1);
    };
    response.on('close', () => clearTimeout(timer));
    next(0);
  });
}

/** The child: answers what it is asked. */
async function serve(role) {
  process.on('disconnect', () => process.exit());
  const calls = { ...(await ROLES[role]()), counts: (yes) => void (counted = yes) };
  process.on('message', async ({ id, call, argument }) => process.send({ id, value: await calls[call](argument) }));
  process.send({ id: 0 });
}

/** Starts one; gives what asks it. */
export async function apart(role) {
  const child = fork(fileURLToPath(import.meta.url), [role]);
  const waiting = new Map();
  const answer = (id) => new Promise((resolve) => waiting.set(id, resolve));
  child.on('message', ({ id, value }) => (waiting.get(id)(value), waiting.delete(id)));
  let left = false;
  child.on('exit', (code, signal) => {
    if (!left) throw new Error(`the process of ${role} ended with ${code ?? signal}`);
  });
  await answer(0);
  let asked = 0;
  return {
    ask(call, argument) {
      child.send({ id: ++asked, call, argument });
      return answer(asked);
    },
    leave() {
      left = true;
      child.disconnect();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(process.argv[2]);
