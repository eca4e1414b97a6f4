// Users' projects, each installed from the packed tarballs and run as its runner is: what passes, passes in every mode;
// what fails is printed as expected/ has it, since what a person reads then is part of the product.
//   node __test__/projects/run.mjs [NAME…] [--update]      --update: writes what is printed to expected/
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { emptyProject, tarballs } from '../../scripts/packed.mjs';
import { ROOT } from '../../scripts/addon.mjs';
import { manifest } from '../../scripts/packages.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

/** One Node for all: what it prints of a failure differs between versions. `npm ci --prefix __test__/runtimes` brings it. */
const NODE = `${ROOT}/__test__/runtimes/node_modules/node22/bin/node`;
const OPENAI = `openai@${manifest.devDependencies.openai}`;

/** @typedef {{ name: string, args: string[], prints?: RegExp[], expected?: string }} Run  `prints`: it passes and prints these; `expected`: it fails and prints that file */

/** The types, the declarations of others included. Those of Vitest 3 contradict those of its own chai. @type {Run} */
const types = {
  name: 'types',
  args: ['-e', `
    const { spawnSync } = require('node:child_process');
    const { stdout } = spawnSync(process.execPath, ['${ROOT}/node_modules/typescript/bin/tsc', '-p', '.'], { encoding: 'utf8' });
    console.log(stdout.replace(/^node_modules\\/(@types\\/chai|vitest)\\/.*'containSubset'.*$/gm, '').trim());
  `],
  prints: [/^$/],
};

/** @type {(version: string, more?: string[]) => { folder: string, installs: string[], runs: Run[], watched?: boolean }} */
const vitest = (version, more = []) => {
  const run = (/** @type {string[]} */ ...args) => ['node_modules/vitest/vitest.mjs', 'run', '--no-color', ...args];
  return {
    folder: 'vitest',
    installs: [`vitest@${version}`, '@types/node@22', OPENAI, ...more],
    runs: [
      ...['threads', 'forks', 'vmThreads', 'vmForks'].map((pool) => ({ name: pool, args: run('--pool', pool), prints: [/Tests\s+25 passed \(25\)/] })),
      { name: 'projects', args: run('--root', 'workspace'), prints: [/Tests\s+2 passed \(2\)/] },
      types,
      { name: 'failing', args: run('--root', 'failing'), expected: `vitest-${version.split('.')[0]}.txt` },
    ],
    watched: true,
  };
};
const jest = (/** @type {string[]} */ ...args) => ['node_modules/jest/bin/jest.js', '--no-color', ...args];
const node = (/** @type {string[]} */ ...args) => ['--test', '--test-reporter', 'spec', ...args];

/** @type {Record<string, { folder: string, installs: string[], runs: Run[], watched?: boolean }>} */
const PROJECTS = {
  // Refused, with the reason; npm refuses it too, unless told to look away.
  'vitest-2': {
    folder: 'vitest',
    installs: ['--legacy-peer-deps', 'vitest@2.1.9'],
    runs: [{ name: 'failing', args: ['node_modules/vitest/vitest.mjs', 'run', '--no-color', 'second'], expected: 'vitest-2.txt' }],
  },
  'vitest-3': vitest('3.2.7', ['vite@7']),
  'vitest-4': vitest('4.1.12'),
  'vitest-5': vitest(manifest.devDependencies.vitest),
  jest: {
    folder: 'jest',
    installs: ['jest@30.5.2', '@jest/globals@30.5.2', '@types/node@22', OPENAI],
    runs: [
      ...['--runInBand', '--maxWorkers=2', '--maxWorkers=2 --workerThreads'].map((flags) => ({
        name: flags, args: jest(...flags.split(' '), '--ci'), prints: [/18 passed, 18 total/, /^(?!.*did not exit)/s],
      })),
      // What is never stopped is an open handle, so this runs the files that stop.
      { name: '--detectOpenHandles', args: jest('--runInBand', '--detectOpenHandles', '--ci', 'smoke', 'concurrent'), prints: [/17 passed, 17 total/, /^(?!.*open handle)/s] },
      types,
      { name: 'failing', args: jest('--rootDir', 'failing', '--config', 'failing/jest.config.js', '--runInBand'), expected: 'jest.txt' },
    ],
  },
  node: {
    folder: 'node',
    installs: [OPENAI],
    runs: [
      { name: 'node --test', args: node('smoke.test.mjs'), prints: [/pass 13/] },
      // The request that waits would keep the process until its client gives up, five minutes later.
      { name: 'failing', args: node('--test-force-exit', 'failing/failing.test.mjs'), expected: 'node.txt' },
    ],
  },
  browser: {
    folder: 'browser',
    installs: [`playwright-core@${manifest.devDependencies['playwright-core']}`],
    runs: [
      { name: 'pages', args: node('page.test.mjs'), prints: [/pass 4/] },
      { name: 'failing', args: node('failing/failing.test.mjs'), expected: 'browser.txt' },
    ],
  },
  bundlers: {
    folder: 'bundlers',
    installs: ['webpack@5.113.0', 'node-loader@2.1.0', '@vercel/nft@1.11.5'],
    runs: [{ name: 'webpack and nft', args: ['bundle.mjs'], prints: [/^webpack and @vercel\/nft find the addon$/] }],
  },
};

const flags = process.argv.slice(2);
const update = flags.includes('--update');
const wanted = flags.filter((flag) => !flag.startsWith('-'));
const unknown = wanted.filter((name) => !(name in PROJECTS));
if (unknown.length) throw new Error(`no project ${unknown}; there are: ${Object.keys(PROJECTS).join(', ')}`);
if (!existsSync(NODE)) throw new Error('run npm ci --prefix __test__/runtimes first');

/** Runs a program to its end: code, and all it printed. */
function capture(command, args, cwd) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, CI: undefined, NODE_OPTIONS: undefined, npm_config_loglevel: 'error' };
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env, shell: process.platform === 'win32' && command === 'npm' });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (printed += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, printed }));
  });
}

/** What was printed without what differs from run to run: places, times, frames of others. */
function stable(printed, folder) {
  return `${printed
    .replaceAll(folder, '<project>')
    .replace(/\x1b\[[\d;]*m/g, '')
    .replace(/^.*(node:internal|node:async_hooks|node_modules).*\n/gm, '')
    .replace(/\b\d+(\.\d+)? ?m?s\b/g, '<time>')
    .replace(/\b\d{2}:\d{2}:\d{2}\b/g, '<time>')
    .replace(/(duration_ms|Time:) .*/g, '$1 <time>')
    .replace(/\(\d+(\.\d+)?ms\)/g, '(<time>)')
    .replace(/(tests|import|transform|environment|prepare|setup|collect) <time>,? ?/g, '')
    .replace(/<time> \(.*\)$/gm, '<time>')
    .replace(/[ \t]+$/gm, '')
    .trim()}\n`;
}

/** What is wrong with a run; nothing if all is well. */
async function fault({ args, prints, expected }, folder) {
  const { code, printed } = await capture(NODE, args, folder);
  if (!expected) {
    const missing = prints.find((pattern) => !pattern.test(printed.trim()));
    return code === 0 && !missing ? undefined : `code ${code}${missing ? `, and ${missing} is not printed` : ''}:\n${printed}`;
  }
  const file = `${here}expected/${expected}`;
  const got = stable(printed, folder);
  if (update) writeFileSync(file, got);
  if (code === 0) return `it passed:\n${printed}`;
  return got === readFileSync(file, 'utf8') ? undefined : `it prints otherwise than ${path.relative(ROOT, file)} (--update takes it over):\n${got}`;
}

/** Vitest watches: after each change of a file the tests run again, against the same emulator. */
function watch(folder) {
  return new Promise((resolve) => {
    const env = { ...process.env, CI: undefined, NO_COLOR: '1', FORCE_COLOR: undefined };
    const child = spawn(NODE, ['node_modules/vitest/vitest.mjs', '--watch', '--no-color', '--root', 'watched'], { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'], env });
    const file = path.join(folder, 'watched', 'watched.test.mjs');
    let printed = '';
    let runs = 0;
    const end = (result) => (clearTimeout(limit), child.kill('SIGKILL'), resolve(result));
    const limit = setTimeout(() => end(`watching: ${runs} runs within a minute:\n${printed}`), 60_000);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        printed += text;
        if (/\d+ failed/.test(printed)) return end(`watching: run ${runs + 1} failed:\n${printed}`);
        const done = printed.split(/Waiting for file changes/).length - 1;
        if (done <= runs) return;
        runs = done;
        if (runs === 3) return end(undefined);
        writeFileSync(file, `${readFileSync(file, 'utf8')}\n// ${runs}\n`);
      });
    }
  });
}

async function project([name, { folder: source, installs, runs, watched }]) {
  const folder = emptyProject(name);
  cpSync(here + source, folder, { recursive: true });
  let before = performance.now();
  const seconds = () => ((performance.now() - before) / 1000).toFixed(1);
  const installed = await capture('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', packed.platform, packed.root, ...installs], folder);
  let failed = 0;
  const told = (/** @type {string} */ what, /** @type {string | undefined} */ wrong) => {
    failed += wrong === undefined ? 0 : 1;
    console.log(`${wrong === undefined ? 'ok  ' : 'FAIL'} ${seconds().padStart(5)} s  ${name}: ${what}${wrong === undefined ? '' : `: ${wrong}`}`);
    before = performance.now();
  };
  told('install', installed.code === 0 ? undefined : installed.printed);
  if (failed) return failed;
  for (const run of runs) told(run.name, await fault(run, folder));
  if (watched) told('watch', await watch(folder));
  return failed;
}

const packed = tarballs();
mkdirSync(`${here}expected`, { recursive: true });
const waiting = Object.entries(PROJECTS).filter(([name]) => !wanted.length || wanted.includes(name));
let failed = 0;
// Two at once: they share npm's cache and the machine.
await Promise.all([1, 2].map(async () => {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    // Added after the wait: `failed += await …` would forget what the other one found meanwhile.
    const faults = await project(next);
    failed += faults;
  }
}));
process.exitCode = failed ? 1 : 0;
