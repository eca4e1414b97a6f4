// `node bench/watchers.mjs [SECONDS]`: what requests wait, 1,000 of them a second, while nobody watches and while 500
// watchers do, one of whom reads nothing; as a Markdown table. BENCH_MODULES names a folder to measure instead of this
// checkout. The server is this process; who asks and who watches are children, so that neither waits for the other.
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask, load, quantile } from './measure.mjs';

const self = fileURLToPath(import.meta.url);
const BODY = JSON.stringify({ model: 'gpt-4.1', messages: [{ role: 'user', content: 'Hello' }] });
const RATE = 1000;
const WATCHERS = 500;

const roles = { asks, watches };
if (process.send) roles[process.argv[2]]();
else await measure();

/** A child: asks at a steady rate, whatever the answers take, and says how long each took. */
function asks() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  process.on('message', async ({ url, seconds }) => {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer sk-watched' };
    const one = async () => {
      const { status, ms } = await ask(`${url}/v1/chat/completions`, { method: 'POST', headers, agent, body: BODY });
      if (status !== 200) throw new Error(`answered ${status}`);
      return ms;
    };
    const waits = [];
    const began = performance.now();
    for (let sent = 0; sent < seconds * RATE; ) {
      const due = Math.min(seconds * RATE, Math.floor(((performance.now() - began) * RATE) / 1000));
      for (; sent < due; sent += 1) waits.push(one());
      await sleep(1);
    }
    process.send({ waits: await Promise.all(waits), took: (performance.now() - began) / 1000 });
  });
  process.send('ready');
}

/** A child: opens sockets and counts what they get; the first one reads nothing. */
function watches() {
  process.once('message', async ({ url }) => {
    const { hostname, port } = new URL(url);
    let bytes = 0;
    let dropped = 0;
    const open = async (_, number) => {
      const socket = net.connect(Number(port), hostname);
      socket.on('error', () => {}).on('close', () => (dropped += 1));
      socket.write(`GET /ws HTTP/1.1\r\nhost: ${hostname}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\n\r\n`);
      await once(socket, 'data');
      if (number) socket.on('data', (data) => (bytes += data.length));
      else socket.pause();
    };
    await Promise.all(Array.from({ length: WATCHERS }, open));
    process.on('message', () => process.send({ bytes, dropped }));
    process.send('open');
  });
  process.send('ready');
}

async function measure() {
  const seconds = Number(process.argv[2] ?? 10);
  const emulator = await load().startEmulator({ fallback: 'echo' });
  const [asking, watching] = [fork(self, ['asks']), fork(self, ['watches'])];
  await Promise.all([asking, watching].map((child) => once(child, 'message')));
  const run = async (length) => {
    const cpu = process.cpuUsage();
    asking.send({ url: emulator.url, seconds: length });
    const [{ waits, took }] = await once(asking, 'message');
    const { user, system } = process.cpuUsage(cpu);
    const at = (part) => quantile(waits, part).toFixed(1);
    return `${Math.round(waits.length / took)} | ${at(0.5)} | ${at(0.99)} | ${at(1)} | ${Math.round((user + system) / took / 10_000)} %`;
  };
  await run(2); // the first seconds compile and count for nothing
  console.log('| watchers | requests a second | p50, ms | p99, ms | longest, ms | CPU of the server | told, MB |\n|---|---:|---:|---:|---:|---:|---:|');
  console.log(`| none | ${await run(seconds)} | – |`);
  watching.send({ url: emulator.url });
  await once(watching, 'message');
  const watched = await run(seconds);
  watching.send({});
  const [{ bytes, dropped }] = await once(watching, 'message');
  console.log(`| ${WATCHERS} | ${watched} | ${(bytes / 1e6).toFixed(0)} |`);
  console.log(`\ndropped: ${dropped}; load of the machine: ${loadavg()[0].toFixed(1)}`);
  asking.kill();
  watching.kill();
  await emulator.stop();
}
