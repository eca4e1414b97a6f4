// `node bench/crowd.mjs [SECONDS]`: what small requests wait while another client posts a 4 MB prompt of spaces again and
// again; as a Markdown table. BENCH_MODULES names a folder to measure instead of this checkout. The server is this process; either client is a child, so that neither waits for the other.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ask, load, quantile } from './measure.mjs';

const self = fileURLToPath(import.meta.url);
const chat = (content) => JSON.stringify({ model: 'gpt-4.1', messages: [{ role: 'user', content }] });
const BODIES = { small: chat('Hello'), heavy: chat(' '.repeat(4 << 20)) };

if (process.send) await client();
else await measure();

/** A child: posts one body after the other on one connection and says how long each answer took. */
async function client() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  process.on('message', async ({ url, key, body, seconds }) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    const end = performance.now() + seconds * 1000;
    const waits = [];
    while (performance.now() < end) {
      const { status, ms } = await ask(`${url}/v1/chat/completions`, { method: 'POST', headers, agent, body: BODIES[body] });
      if (status !== 200 && body === 'small') throw new Error(`answered ${status}`);
      waits.push(ms);
    }
    process.send(waits);
  });
  process.send('ready');
}

async function measure() {
  const seconds = Number(process.argv[2] ?? 10);
  const emulator = await load().startEmulator({ fallback: 'echo' });
  const [small, heavy] = [fork(self), fork(self)];
  await Promise.all([small, heavy].map((child) => once(child, 'message')));
  const run = async (child, body) => {
    child.send({ url: emulator.url, key: `sk-${body}`, body, seconds });
    const [waits] = await once(child, 'message');
    return { waits, at: (part) => quantile(waits, part).toFixed(1) };
  };
  await run(small, 'small'); // the first seconds compile and count for nothing
  console.log('| beside | small requests | p50, ms | p99, ms | longest, ms | heavy requests | each, ms (p50) |\n|---|---:|---:|---:|---:|---:|---:|');
  for (const beside of ['nobody', '4 MB of spaces']) {
    const [mine, other] = await Promise.all([run(small, 'small'), beside === 'nobody' ? null : run(heavy, 'heavy')]);
    console.log(`| ${beside} | ${mine.waits.length} | ${mine.at(0.5)} | ${mine.at(0.99)} | ${mine.at(1)} | ${other?.waits.length ?? '–'} | ${other?.at(0.5) ?? '–'} |`);
  }
  console.log(`\nload of the machine: ${loadavg()[0].toFixed(1)}`);
  small.kill();
  heavy.kill();
  await emulator.stop();
}
