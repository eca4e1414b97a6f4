// `node bench/start.mjs [RUNS]`: what a test file pays that a runner isolates, each figure from fresh processes: import and
// start, the first answers, the memory of it all. Prints medians with the least and the most, beside the goal; on a busy
// machine the CPU time and the least say more than the median.
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = process.env.BENCH_MODULES ?? path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const runs = Number(process.argv[2] ?? 21);

/** A program that says what it measured on its last line. The client is node:http's: `fetch` would load more than we do. */
const program = (/** @type {string} */ work) => `
  const http = require('node:http');
  const ask = (port, key, body) => new Promise((resolve, reject) => {
    const headers = { authorization: 'Bearer ' + key, 'content-type': 'application/json' };
    http.request({ port, host: '127.0.0.1', method: 'POST', path: '/v1/chat/completions', headers, agent: false }, (answer) => {
      answer.setEncoding('utf8').on('data', () => {}).on('end', () => (answer.statusCode === 200 ? resolve() : reject(answer.statusCode)));
    }).on('error', reject).end(body);
  });
  const body = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'The capital of France?' }] });
  const rss = () => process.memoryUsage().rss / 1e6;
  (async () => {
    // A server of Node's own answers first, and a package is looked up: what Node loads for a request and for the first
    // package whose names are \`exports\` is not ours (the latter takes 5 of its milliseconds on a slow machine).
    const own = http.createServer((request, answer) => answer.end('{}')).listen(0, '127.0.0.1');
    await new Promise((resolve) => own.once('listening', resolve));
    await ask(own.address().port, 'x', body);
    own.close();
    require.resolve('openai');
    const bare = rss();
    const spent = process.cpuUsage();
    const began = performance.now();
    ${work}
  })();
`;
const START = `
  const emulator = await require('llemulator').startEmulator();
  const ready = performance.now();
  const { user, system } = process.cpuUsage(spent);
  const idle = rss();
  const api = emulator.session();
`;
const SAID = `
  const before = rss();
  const asked = performance.now();
  await ask(emulator.port, api.apiKey, body);
  const first = performance.now();
  const after = rss();
  await ask(emulator.port, api.apiKey, body);
  const second = performance.now();
  console.log(JSON.stringify({
    'import and start': ready - began, 'its CPU time': (user + system) / 1000, 'memory when idle': idle - bare, 'the same with a script': before - bare,
    'first answer': first - asked, 'memory of the first answer': after - before, 'second answer': second - first,
  }));
`;
const rules = "api.script({ responses: [...Array.from({ length: 100 }, (_, i) => ({ pattern: 'city ' + i, response: 'Sunny.', times: 'unlimited' })), 'Paris.', 'Paris.'] });";

/** @type {Record<string, [string, number | undefined]>} */
const GOALS = {
  'import and start': ['ms', 15],
  'its CPU time': ['ms', undefined],
  'memory when idle': ['MB', 15],
  'the same with a script': ['MB', 15],
  'first answer': ['ms', 30],
  'memory of the first answer': ['MB', 5],
  'second answer': ['ms', undefined],
};

const seen = Array.from({ length: runs }, () =>
  JSON.parse(execFileSync(process.execPath, ['-e', program(START + rules + SAID)], { cwd: root, encoding: 'utf8' })));

console.log(`Node ${process.version}, ${os.cpus().length} cores, load average ${os.loadavg().map((load) => load.toFixed(1)).join(' ')}, ${runs} processes\n`);
console.log('| figure | median | least | most | goal |\n|---|---:|---:|---:|---:|');
for (const [figure, [unit, goal]] of Object.entries(GOALS)) {
  const values = seen.map((run) => run[figure]).sort((a, b) => a - b);
  const [median, least, most] = [values[values.length >> 1], values[0], values.at(-1)].map((value) => value.toFixed(1));
  console.log(`| ${figure} | ${median} ${unit} | ${least} | ${most} | ${goal === undefined ? '' : `≤ ${goal}`} |`);
}
