// Recordings: how long 10,000 of them take to load, what an answer costs the server beside a scripted one, and whether a
// large one holds up others. `node bench/cassettes.mjs`; every server is a process of its own.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask, load, quantile } from './measure.mjs';

if (process.send) await serve();
else await measure();

/** A server with these options: tells its address and how long its start took, then its CPU time whenever asked. */
async function serve() {
  const { startEmulator } = load();
  const began = performance.now();
  const { url } = await startEmulator({ ci: false, logLevel: 'error', ...JSON.parse(process.argv[2]) });
  const startMs = performance.now() - began;
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send(user + system);
  });
  process.send({ url, startMs });
}

/** Starts one; `cpuUs()` is its CPU time so far. */
async function start(options) {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(options)]);
  const [{ url, startMs }] = await once(child, 'message');
  const cpuUs = async () => {
    child.send('usage');
    return (await once(child, 'message'))[0];
  };
  return { url, startMs, cpuUs, stop: () => child.kill() };
}

async function measure() {
  const COUNT = 10_000;
  const folder = mkdtempSync(path.join(tmpdir(), 'llemulator-cassettes-'));
  const words = 'the quick brown fox jumps over the lazy dog and looks for a place to sleep until the morning comes '.repeat(6);
  const body = (content, stream = false) => ({ model: 'gpt-4o', stream, messages: [{ role: 'system', content: words }, { role: 'user', content }] });
  const answer = (content) => JSON.stringify({
    id: 'chatcmpl-B0000000000000000000000000001', object: 'chat.completion', created: 1767225600, model: 'gpt-4o-2024-08-06',
    choices: [{ index: 0, message: { role: 'assistant', content, refusal: null, annotations: [] }, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 200, completion_tokens: 100, total_tokens: 300 }, system_fingerprint: 'fp_0000000000',
  });
  const recording = (asked, chunks) => JSON.stringify({
    operation: 'chat.completions.create',
    request: { method: 'POST', path: '/v1/chat/completions', body: asked },
    response: { status: 200, headers: { 'content-type': 'application/json', 'openai-processing-ms': '500', 'x-request-id': 'req_1' }, chunks },
    reply: { text: words, check: false },
  });
  const file = (name, lines) => {
    const place = path.join(folder, name);
    writeFileSync(place, `${['{"cassette":1,"by":"bench"}', ...lines].join('\n')}\n`);
    return place;
  };

  const many = file('many.jsonl', Array.from({ length: COUNT }, (_, number) => recording(body(`ask ${number}`), [[500, answer(words)]])));
  const large = file('large.jsonl', [recording(body('large'), Array.from({ length: 50 }, (_, at) => [at, 'x'.repeat(1 << 20)]))]);

  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const headers = { authorization: 'Bearer sk-bench', 'content-type': 'application/json' };
  /** Milliseconds until the whole answer is there. */
  async function waited({ url }, asked) {
    const { status, ms, text } = await ask(`${url}/v1/chat/completions`, { method: 'POST', agent, headers, body: JSON.stringify(asked) });
    if (status !== 200) throw new Error(`status ${status}: ${text}`);
    return ms;
  }
  const median = (list) => quantile(list, 0.5);
  const longest = (list) => Math.max(...list);

  const loads = [];
  for (let round = 0; round < 5; round += 1) {
    const server = await start({ cassettes: many });
    loads.push(server.startMs);
    server.stop();
  }

  // In turn, so that whatever else the machine does concerns both.
  const servers = { scripted: await start({}), recorded: await start({ cassettes: many }) };
  const post = { method: 'POST', headers, body: JSON.stringify({ rules: [{ match: 'ask', response: words, times: 'unlimited' }] }) };
  if ((await fetch(`${servers.scripted.url}/_emulator/script`, post)).status !== 200) throw new Error('the script was not taken');
  const costs = { scripted: [], recorded: [] };
  const waits = { scripted: [], recorded: [] };
  let next = 0;
  for (let round = 0; round < 18; round += 1) {
    for (const [name, server] of Object.entries(servers)) {
      const before = await server.cpuUs();
      for (let number = next; number < next + 500; number += 1) waits[name].push(await waited(server, body(`ask ${number}`)));
      costs[name].push(((await server.cpuUs()) - before) / 500);
    }
    next += 500;
  }
  Object.values(servers).forEach((server) => server.stop());

  const both = await start({ cassettes: [large, many] });
  const quiet = [];
  for (let number = 0; number < 400; number += 1) quiet.push(await waited(both, body(`ask ${number}`)));
  const beside = [];
  // Who reads it is a process of its own: this one would be held up by it.
  const reader = fork(fileURLToPath(new URL('./reader.mjs', import.meta.url)), [`${both.url}/v1/chat/completions`, JSON.stringify(body('large'))]);
  let took;
  reader.once('message', (ms) => (took = ms));
  for (let number = 400; took === undefined && number < COUNT; number += 1) beside.push(await waited(both, body(`ask ${number}`)));
  both.stop();
  agent.destroy();
  rmSync(folder, { recursive: true });

  const ms = (number) => `${number.toFixed(2)} ms`;
  const cost = { scripted: median(costs.scripted), recorded: median(costs.recorded) };
  console.log(`load ${COUNT} recordings: ${ms(median(loads))}`);
  console.log(`answer, server CPU: scripted ${cost.scripted.toFixed(1)} µs, recorded ${cost.recorded.toFixed(1)} µs (${((cost.recorded / cost.scripted - 1) * 100).toFixed(0)} %); waited ${ms(median(waits.scripted))} and ${ms(median(waits.recorded))}`);
  console.log(`beside a recording of 50 MB (${ms(took)}): ${ms(median(beside))}, longest ${ms(longest(beside))} of ${beside.length}; alone ${ms(median(quiet))}, longest ${ms(longest(quiet))}`);
}
