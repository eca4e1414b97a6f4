// The scoreboard: `npm run fidelity [-- --corpus DIR] [--update] [--only ID] [--all]` replays recorded traffic of the
// real API and says how near the emulator comes, per endpoint and class. A score below scores.json fails.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startServer } from '../server.mjs';
import { dateOf, isAzure, readCorpus } from './corpus.mjs';
import { knownHeaders } from './headers.mjs';
import { replay } from './replay.mjs';
import { Board } from './board.mjs';
import { snapshots } from './today.mjs';

const AT_ONCE = 8;
const floorFile = fileURLToPath(new URL('scores.json', import.meta.url));
const { values: options } = parseArgs({
  options: {
    corpus: { type: 'string', default: fileURLToPath(new URL('../../../shared/corpus', import.meta.url)) },
    update: { type: 'boolean', default: false },
    only: { type: 'string' },
    all: { type: 'boolean', default: false },
  },
});

const corpus = await readCorpus(resolve(options.corpus));
if (!corpus) {
  console.log(`no recordings in ${resolve(options.corpus)} (--corpus DIR): nothing to compare`);
  process.exit(0);
}

const server = await startServer(['--profile', 'strict', '--log-level', 'warn']);
const context = {
  url: server.url,
  snapshot: snapshots(corpus.filter((recording) => !isAzure(recording))),
  known: knownHeaders(corpus.filter((recording) => dateOf(recording) >= '2025-02')),
};
const board = new Board();
const queue = corpus.filter((recording) => !options.only || recording.id === options.only);
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let recording = queue.shift(); recording; recording = queue.shift()) {
      try {
        board.add(recording, await replay(recording, context));
      } catch (error) {
        board.add(recording, { scores: [['status', [0, 1]]], notes: [['status', `replay failed: ${error.message}`]] });
      }
    }
  }),
);
await server.stop();

console.log(board.differences(options.all || options.only ? Infinity : 12));
const floor = JSON.parse(readFileSync(floorFile, 'utf8'));
console.log(board.table(floor));
if (options.only) process.exit(0);

const scores = board.scores();
const fallen = Object.entries(floor).filter(([name, least]) => (scores[name] ?? 0) < least);
for (const [name, least] of fallen) console.error(`fell: ${name} ${scores[name] ?? 'gone'} < ${least}`);
if (options.update) {
  writeFileSync(floorFile, `${JSON.stringify(scores, null, 2)}\n`);
  console.log('scores.json says this now');
} else if (fallen.length) {
  process.exitCode = 1;
}
