// `node bench/telemetry.mjs BINARY [BINARY-WITHOUT-THE-FEATURE]`: what OpenTelemetry costs a request, in µs of CPU of the
// threads that serve and of the SDK's own; as a Markdown table. The servers are asked in turn, round after round, so
// that whatever else the machine does falls on all of them; the median of the rounds is told. Linux only.
//   BINARY: cargo build --profile checkout --no-default-features --features telemetry --bin llemulator
//   BINARY-WITHOUT-THE-FEATURE: js/cli.js, whose addon has the same profile (npm run build)
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { loadavg } from 'node:os';
import { start } from '../scripts/start.mjs';
import { ask, quantile } from './measure.mjs';

const ROUNDS = 60;
const REQUESTS = 1000;
const body = JSON.stringify({ model: 'gpt-4o', temperature: 0.5, messages: [{ role: 'user', content: 'How many roads must a man walk down?' }] });
const [binary, without] = process.argv.slice(2);
if (!binary) throw new Error('which binary? The head of this file says how to build it.');

/** Takes whatever is exported. */
const receiver = http.createServer((request, response) => request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()).resume());
receiver.listen(0, '127.0.0.1');
await once(receiver, 'listening');

// What found no room would cost nothing: there is room for everything.
const room = { OTEL_BSP_MAX_QUEUE_SIZE: '100000', OTEL_BLRP_MAX_QUEUE_SIZE: '100000' };
const to = { ...room, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.address().port}` };
const only = (signal) => Object.fromEntries(['TRACES', 'METRICS', 'LOGS'].filter((one) => one !== signal).map((one) => [`OTEL_${one}_EXPORTER`, 'none']));
const servers = [
  without && { label: 'built without it', binary: without, env: {} },
  { label: 'no variable set', binary, env: {} },
  { label: 'traces', binary, env: { ...to, ...only('TRACES') } },
  { label: 'traces, metrics and logs', binary, env: to },
].filter(Boolean);

for (const server of servers) {
  const [program, ...script] = server.binary.endsWith('.js') ? [process.execPath, server.binary] : [server.binary];
  const { line, child } = await start(program, [...script, '--port', '0', '--log-level', 'warn'], { env: server.env });
  server.child = child;
  server.url = new URL(`${line.split(' ').at(-1)}/v1/chat/completions`);
  server.agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  server.rounds = [];
}

/** Nanoseconds that the threads of a process have run: those that serve, and those of the SDK. */
function ran({ child }) {
  const sums = { serving: 0, sdk: 0 };
  for (const task of readdirSync(`/proc/${child.pid}/task`)) {
    const at = `/proc/${child.pid}/task/${task}`;
    const name = readFileSync(`${at}/comm`, 'utf8').trim();
    sums[name.startsWith('llemulator') || name.startsWith('tokio') ? 'serving' : 'sdk'] += Number(readFileSync(`${at}/schedstat`, 'utf8').split(' ')[0]);
  }
  return sums;
}

async function one({ url, agent }) {
  const { status } = await ask(url, { method: 'POST', agent, headers: { 'content-type': 'application/json', authorization: 'Bearer sk-bench' }, body });
  if (status !== 200) throw new Error(`answered ${status}`);
}

for (let round = 0; round <= ROUNDS; round++) {
  for (const server of servers) {
    const before = ran(server);
    await Promise.all(Array.from({ length: 8 }, async () => {
      for (let i = 0; i < REQUESTS / 8; i++) await one(server);
    }));
    const after = ran(server);
    // The first round warms up.
    if (round) server.rounds.push({ serving: (after.serving - before.serving) / REQUESTS / 1000, sdk: (after.sdk - before.sdk) / REQUESTS / 1000 });
  }
}

const median = (values) => quantile(values, 0.5);
console.log(`| | µs of the serving threads | of the SDK's |\n|---|---:|---:|`);
for (const { label, rounds, child, agent } of servers) {
  console.log(`| ${label} | ${median(rounds.map((one) => one.serving)).toFixed(1)} | ${median(rounds.map((one) => one.sdk)).toFixed(1)} |`);
  agent.destroy();
  child.kill();
}
console.log(`\n${ROUNDS} rounds of ${REQUESTS} requests each; load of the machine: ${loadavg()[0].toFixed(1)}`);
receiver.close();
receiver.closeAllConnections();
