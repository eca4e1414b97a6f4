// Recordings: how long 10,000 of them take to load, what an answer costs beside a scripted one, and whether a large one
// holds up others. `node bench/cassettes.mjs`
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmulator } from '../js/index.mjs';
import { ask, quantile } from './measure.mjs';

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
/** Milliseconds until the whole answer is there. */
async function waited(api, asked, own = agent) {
  const headers = { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' };
  const { status, ms } = await ask(`${api.baseURL}/chat/completions`, { method: 'POST', agent: own, headers, body: JSON.stringify(asked) });
  if (status !== 200) throw new Error(`status ${status}`);
  return ms;
}
const median = (list) => quantile(list, 0.5);

const loads = [];
for (let round = 0; round < 5; round += 1) {
  const began = performance.now();
  const emulator = await startEmulator({ cassettes: many, ci: false });
  loads.push(performance.now() - began);
  await emulator.stop();
}

const played = await startEmulator({ cassettes: many, ci: false });
const scripted = await startEmulator();
const script = scripted.session();
script.script({ rules: [{ match: 'ask', response: words, times: 'unlimited' }] });
const replay = played.session();
const times = { replay: [], scripted: [] };
for (let number = 0; number < 4000; number += 1) {
  times.scripted.push(await waited(script, body(`ask ${number}`)));
  times.replay.push(await waited(replay, body(`ask ${number}`)));
}
await played.stop();
await scripted.stop();

const both = await startEmulator({ cassettes: [large, many], ci: false });
const api = both.session();
const quiet = [];
for (let number = 0; number < 200; number += 1) quiet.push(await waited(api, body(`ask ${number}`)));
const slow = waited(api, body('large'), new Agent());
const beside = [];
for (let number = 200; number < 400; number += 1) beside.push(await waited(api, body(`ask ${number}`)));
const took = await slow;
await both.stop();
agent.destroy();
rmSync(folder, { recursive: true });

const ms = (number) => `${number.toFixed(2)} ms`;
console.log(`load ${COUNT} recordings: ${ms(median(loads))}`);
console.log(`answer: scripted ${ms(median(times.scripted))}, recorded ${ms(median(times.replay))} (${((median(times.replay) / median(times.scripted) - 1) * 100).toFixed(0)} %)`);
console.log(`beside a recording of 50 MB (${ms(took)}): ${ms(median(beside))}, longest ${ms(Math.max(...beside))}; alone ${ms(median(quiet))}, longest ${ms(Math.max(...quiet))}`);
