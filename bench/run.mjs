// `npm run bench`: start-up, throughput, memory and pacing of LLEmulator on this machine, as a Markdown table.
//   npm run bench -- [--seconds 3]
// The load comes from autocannon. The server's own CPU time is the figure to trust on a shared machine: rates depend
// on what else runs. For a comparison with other emulators run a neutral harness against targets/llemulator.mjs.
import { execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { quantile } from './measure.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const { values: options } = parseArgs({ options: { seconds: { type: 'string', default: '3' } } });
const seconds = Number(options.seconds);

const rows = [];
const row = (figure, value, unit, note = '') => rows.push([figure, Number(value.toPrecision(3)).toLocaleString('en'), unit, note]);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const body = (key, stream) => JSON.stringify({ model: 'gpt-4o', stream, messages: [{ role: 'user', content: key }] });
const headers = { 'content-type': 'application/json', authorization: 'Bearer sk-bench' };

await startUp();
await commandLine();
const child = fork(here('server.mjs'));
const [{ url }] = await once(child, 'message');
const endpoint = `${url}/v1/chat/completions`;
const usage = async () => {
  child.send('usage');
  return (await once(child, 'message'))[0];
};
const idle = await usage();
const bareNode = Number(execFileSync(process.execPath, ['-p', 'process.memoryUsage().rss / 1e6'], { encoding: 'utf8' }));
row('memory when idle', idle.rssMb - bareNode, 'MB', `over a bare Node process (${bareNode.toFixed(0)} MB)`);
await throughput();
await pacing(1);
await pacing(50);
await openStreams(1000);
child.kill();

console.log(`\nNode ${process.version}, ${os.cpus().length} cores, load average ${os.loadavg()[0].toFixed(1)}\n`);
console.log('| figure | value | unit | |\n|---|---:|---|---|');
for (const cells of rows) console.log(`| ${cells.join(' | ')} |`);

async function startUp() {
  const runs = Array.from({ length: 11 }, () => JSON.parse(execFileSync(process.execPath, [here('inprocess.mjs')], { encoding: 'utf8' })));
  for (const [key, figure] of [['import', 'import'], ['start', 'first start'], ['both', 'import and first start'], ['restart', 'later starts'], ['stop', 'stop']]) {
    row(figure, quantile(runs.map((run) => run[key]), 0.5), 'ms', 'median of 11 processes');
  }
}

/** How long the command takes to its first line, beside a Node that only prints one. */
async function commandLine() {
  const firstLine = async (...args) => {
    const times = [];
    for (let i = 0; i < 11; i++) {
      const before = performance.now();
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      times.push(performance.now() - before);
      child.kill();
      await once(child, 'exit');
    }
    return quantile(times, 0.5);
  };
  const bare = await firstLine('-e', 'console.log(1)');
  const command = await firstLine(here('../js/cli.js'), '--port', '0');
  row('the command, to its first line', command, 'ms', `a Node that only prints one takes ${bare.toFixed(0)} ms`);
}

/** Whole replies and whole streams a second, with the server's CPU time and page faults for each, and the time for each event of a stream. */
async function throughput() {
  const whole = await fetch(endpoint, { method: 'POST', headers, body: body('bench-stream', true) });
  const events = (await whole.text()).split('data: ').length - 1;
  for (const [key, stream, label] of [['bench-short', false, '20 words'], ['bench-long', false, '2,000 words'], ['bench-stream', true, 'stream of 500 chunks']]) {
    for (const connections of [1, 64]) {
      const load = (duration) => autocannon({ url: endpoint, method: 'POST', headers, body: body(key, stream), connections, duration });
      await load(1);
      const before = await usage();
      const result = await load(seconds);
      const after = await usage();
      const bad = result.non2xx + result.errors + result.timeouts;
      if (bad) throw new Error(`${label}: ${bad} requests failed`);
      const cpu = (after.cpuUs - before.cpuUs) / result.requests.total;
      const faults = (after.faults - before.faults) / result.requests.total;
      row(`${label}, ${connections} connection${connections > 1 ? 's' : ''}`, result.requests.average, stream ? 'streams/s' : 'req/s',
        `${cpu.toFixed(1)} µs CPU each${stream ? `, ${(cpu / events).toFixed(2)} an event` : ''}; ${faults.toFixed(1)} page faults; p50 ${result.latency.p50} ms, p99 ${result.latency.p99} ms`);
    }
  }
}

/**
 * Chunks a second obtained where 50 were asked, and how late each came on an exact schedule, whose start is that of the
 * earliest. Counted from the second: the first leaves while the client still opens its other connections, and waits.
 */
async function pacing(streams) {
  const lateness = [];
  const rates = [];
  await Promise.all(Array.from({ length: streams }, async () => {
    const answer = await fetch(endpoint, { method: 'POST', headers, body: body('bench-paced', true) });
    const arrivals = [];
    const decoder = new TextDecoder();
    for await (const bytes of answer.body) {
      const chunks = decoder.decode(bytes, { stream: true }).split('"lorem ').length - 1;
      for (let i = 0; i < chunks; i++) arrivals.push(performance.now());
    }
    arrivals.shift();
    rates.push(((arrivals.length - 1) * 1000) / (arrivals.at(-1) - arrivals[0]));
    const starts = arrivals.map((time, i) => time - i * 20);
    const start = Math.min(...starts);
    lateness.push(...starts.map((time) => time - start));
  }));
  const rate = rates.reduce((sum, each) => sum + each, 0) / rates.length;
  row(`pacing, ${streams} stream${streams > 1 ? 's' : ''}, 50 chunks/s asked`, rate, 'chunks/s',
    `late: p50 ${quantile(lateness, 0.5).toFixed(2)} ms, p99 ${quantile(lateness, 0.99).toFixed(2)} ms`);
}

/** Memory for each of `count` streams that are open at the same time. */
async function openStreams(count) {
  const before = await usage();
  const abort = new AbortController();
  const answers = await Promise.all(Array.from({ length: count }, () =>
    fetch(endpoint, { method: 'POST', headers, body: body('bench-slow', true), signal: abort.signal })));
  await wait(2000);
  const open = await usage();
  abort.abort();
  await wait(2000);
  const closed = await usage();
  row(`${answers.length} open streams`, ((open.rssMb - before.rssMb) * 1000) / count, 'KB each',
    `${open.rssMb.toFixed(0)} MB in all, ${closed.rssMb.toFixed(0)} MB 2 s after they closed`);
}
