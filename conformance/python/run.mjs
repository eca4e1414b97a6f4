// Runs the Python clients: a virtual environment per version of `openai`, then pytest against a started emulator.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { environment } from './environment.mjs';
import { command, repository, startServer } from '../server.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

function run(program, args, env = {}) {
  const { status, error } = spawnSync(program, args, { cwd: here, stdio: 'inherit', env: { ...process.env, ...env } });
  if (error) throw error;
  return status;
}

/**
 * A folder in which `tiktoken` finds the emulator's vocabularies in place of a download; it checks that they are
 * OpenAI's, byte for byte.
 */
function vocabularies() {
  const folder = `${here}.venv/vocabularies`;
  mkdirSync(folder, { recursive: true });
  for (const name of ['o200k_base', 'cl100k_base']) {
    const [program, ...words] = [...command, 'vocabulary', name];
    const { stdout, status } = spawnSync(program, words, { cwd: repository, maxBuffer: 1 << 24, stdio: ['ignore', 'pipe', 'inherit'] });
    if (status !== 0) throw new Error(`${[program, ...words].join(' ')} failed`);
    const address = `https://openaipublic.blob.core.windows.net/encodings/${name}.tiktoken`;
    writeFileSync(`${folder}/${createHash('sha1').update(address).digest('hex')}`, stdout);
  }
  return folder;
}

/** What starts the emulator, from any folder. */
const anywhere = command.map((word) => (existsSync(`${repository}${word}`) ? `${repository}${word}` : word));

const relaxed = await startServer(['--log-level', 'warn']);
const strict = await startServer(['--profile', 'strict', '--log-level', 'warn']);
const synthesizing = await startServer(['--profile', 'strict', '--unknown-ids', 'synthesize', '--fallback', 'generate', '--clock', 'instant', '--log-level', 'warn']);
const folder = vocabularies();
let failed = 0;
for (const [name, ...only] of [['openai-3'], ['openai-1'], ['clients', 'clients']]) {
  console.log(`\n== ${name}`);
  const env = {
    LLEMULATOR_URL: relaxed.url,
    LLEMULATOR_STRICT_URL: strict.url,
    LLEMULATOR_SYNTHESIZE_URL: synthesizing.url,
    LLEMULATOR_ANYWHERE: JSON.stringify(anywhere),
    TIKTOKEN_CACHE_DIR: folder,
    PYTHONDONTWRITEBYTECODE: '1',
  };
  const python = environment(`${here}requirements-${name}.txt`, `${here}.venv/${name}`);
  failed += run(python, ['-m', 'pytest', '-q', ...only, ...process.argv.slice(2)], env) === 0 ? 0 : 1;
}
await Promise.all([relaxed.stop(), strict.stop(), synthesizing.stop()]);
process.exitCode = failed ? 1 : 0;
