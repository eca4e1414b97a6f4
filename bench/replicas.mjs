// `node bench/replicas.mjs [--seconds 5]`: what keeping sessions in Redis costs a request: its latency in memory, with
// Redis at the replica that owns the session, and at another that passes it on; commands and round trips of Redis; as a
// Markdown table. Debian's redis-server, once with a sync for each commit and once without. LLEMULATOR_BINARY names a
// stand-alone binary to try instead of this checkout's addon.
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ROOT } from '../scripts/addon.mjs';
import { freePort, start } from '../scripts/start.mjs';
import { ask, quantile, redisCounts } from './measure.mjs';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '5' } } });
const seconds = Number(values.seconds);
const command = process.env.LLEMULATOR_BINARY ? [process.env.LLEMULATOR_BINARY] : [process.execPath, path.join(ROOT, 'js/cli.js')];
const body = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'How many roads must a man walk down?' }] });
const headers = { authorization: 'Bearer sk-bench', 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
/** A rule that is used up counts its uses: each answer changes what is kept. */
const script = JSON.stringify({ reset: true, rules: [{ match: 'roads', text: 'The answer, my friend.', times: 10_000_000 }] });

/** What is left running when a measurement fails. */
const children = new Set();
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));

const emulator = async (...flags) => {
  const [program, ...args] = [...command, '--port', '0', '--log-level', 'warn', ...flags];
  const { line, child, stop } = await start(program, args);
  children.add(child);
  // It listens before it has reached Redis.
  while ((await ask(`${line.split(' ').at(-1)}/readyz`)).status !== 200) await wait(20);
  return { url: line.split(' ').at(-1), stop };
};

async function redis(appendfsync) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'llemulator-bench-'));
  const port = await freePort();
  const flags = ['--port', String(port), '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', appendfsync, '--loglevel', 'warning'];
  const { child, stop } = await start('sh', ['-c', 'echo started; exec redis-server "$@"', 'sh', ...flags]);
  children.add(child);
  return { url: `redis://127.0.0.1:${port}/0`, port, stop: async () => (await stop(), rmSync(folder, { recursive: true, force: true })) };
}

/** Asks for some seconds over so many connections, each whenever it has an answer. */
async function load(url, connections) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const times = [];
  const end = performance.now() + seconds * 1000;
  const work = async () => {
    while (performance.now() < end) {
      const { status, ms } = await ask(`${url}/v1/chat/completions`, { method: 'POST', agent, headers, body });
      if (status !== 200) throw new Error(`answered ${status}`);
      times.push(ms);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: connections }, work));
  agent.destroy();
  return { times, rate: times.length / ((performance.now() - began) / 1000) };
}

const rows = [];
/** Measures one way to ask: alone, then sixty-four at once. */
async function measure(label, url, store) {
  await load(url, 1);
  const before = store && (await redisCounts('127.0.0.1', store.port));
  const alone = await load(url, 1);
  const after = store && (await redisCounts('127.0.0.1', store.port));
  const many = await load(url, 64);
  const ms = (times, part) => quantile(times, part).toFixed(2);
  const per = (name) => (store ? ((after[name] - before[name]) / alone.times.length).toFixed(1) : '–');
  rows.push([label, ms(alone.times, 0.5), ms(alone.times, 0.99), ms(many.times, 0.5), ms(many.times, 0.99), Math.round(many.rate).toLocaleString('en'), per('reads'), per('commands')]);
}

const prepare = (url) => ask(`${url}/_emulator/script`, { method: 'POST', headers: { authorization: headers.authorization }, body: script });

const memory = await emulator();
await prepare(memory.url);
await measure('in memory', memory.url);
await memory.stop();
for (const [appendfsync, label] of [['everysec', 'Redis, synced every second'], ['always', 'Redis, synced before each answer']]) {
  const store = await redis(appendfsync);
  const owner = await emulator('--store', store.url);
  await prepare(owner.url);
  await measure(label, owner.url, store);
  const other = await emulator('--store', store.url);
  await measure('– asked at another replica', other.url, store);
  await other.stop();
  await owner.stop();
  await store.stop();
}

console.log('| | alone: p50 ms | p99 | 64 at once: p50 ms | p99 | a second | round trips | commands |\n|---|---:|---:|---:|---:|---:|---:|---:|');
for (const cells of rows) console.log(`| ${cells.join(' | ')} |`);
console.log(`\nNode ${process.version}, ${os.cpus().length} cores, load average ${os.loadavg()[0].toFixed(1)}`);
