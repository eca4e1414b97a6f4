// `npm test`: every client on the Node version it needs. The current openai needs Node 22 or later, which may not be
// the Node that runs this file, so npm's `node` package brings both.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const node = (version) => `${here}node_modules/node${version}/bin/node`;

/** @type {[string, string, string[], Record<string, string>][]} name, Node version, test files, environment */
const RUNS = [
  ['openai 7 and what is built on it', '24', ['test/*.test.mjs'], {}],
  ['LLEmulator’s own cases on openai 7', '22', ['test/seeds.test.mjs'], {}],
  ['LLEmulator’s own cases on openai 4', '22', ['test/seeds.test.mjs'], { OPENAI_PACKAGE: 'openai-v4' }],
];

let failed = 0;
for (const [name, version, files, env] of RUNS) {
  console.log(`\n== ${name}, Node ${version}`);
  const { status, error } = spawnSync(node(version), ['--test', '--test-timeout=30000', ...files], {
    cwd: here,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (error) console.error(`${error.message}: run npm ci in conformance/js first`);
  if (status !== 0) failed += 1;
}
process.exitCode = failed ? 1 : 0;
