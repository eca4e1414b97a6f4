// A scripted LLEmulator to put under load: the reply is chosen by a key in the user's message.
// As a program: node llemulator.mjs PORT. As a module: start(port) -> { url, stop }, and importMs.
// The package comes from BENCH_MODULES (a folder that holds node_modules) or from this checkout.
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const require = createRequire(path.join(process.env.BENCH_MODULES ?? root, 'package.json'));
const before = performance.now();
const { startEmulator } = require('llemulator');
/** How long loading the package took, addon included. */
export const importMs = performance.now() - before;

const words = (n) => 'lorem '.repeat(n);

/** One chunk a word; `delay_ms`, not `tokens_per_second`, as the figures are chunks a second. */
const stream = (delay_ms) => ({ text: words(500), pace: { chunk: 'word', delay_ms } });

/** A map: every entry answers without limit, for every API key. */
export const SCRIPT = {
  responses: {
    'bench-short': words(20),
    'bench-long': words(2000),
    'bench-stream': stream(0),
    'bench-paced': stream(20),
    'bench-slow': stream(1000),
  },
};

/** Starts one on `port` (0: any free one). */
export async function start(port = 0) {
  const emulator = await startEmulator({ port });
  await emulator.script(SCRIPT);
  return { url: emulator.url, stop: () => emulator.stop() };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const server = await start(Number(process.argv[2]));
  // The emulator never keeps a process alive by itself; this program is meant to stay.
  const alive = setInterval(() => {}, 1 << 30);
  process.on('SIGTERM', () => server.stop().finally(() => clearInterval(alive)));
}
