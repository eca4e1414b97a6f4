// `npm test`: everything that must hold before a change lands, cheapest first; stops at the first stage that fails.
// `npm test -- vitest pack` runs only the stages named.
import { IN_IMAGE, TESTED } from './binary.mjs';
import { run } from './run.mjs';

const npx = (...args) => ['npx', '--no-install', ...args];
const node = (...args) => [process.execPath, ...args];

/** Rooms of the core that nothing is stored from: one store is enough to test them with. */
const WITHOUT_STORE = ['fuzz', 'generate', 'tokens', 'wire'];

/**
 * The stages in order: a name, what it proves, and its commands (each a program with its arguments, and at the end what
 * it has in its environment beside the usual).
 * @type {[string, string, (string | Record<string, string>)[][]][]}
 */
const STAGES = [
  ['format', 'Rust is formatted', [['cargo', 'fmt', '--check']]],
  ['house', 'no room uses one above it, none compares names of operations, no type name is given twice', [node('scripts/house.mjs')]],
  ['clippy', 'no lint, with and without the Node addon', [
    // Tests once, where what nothing uses is told.
    ['cargo', 'clippy', ...TESTED, '--all-targets', '--', '-D', 'warnings'],
    // What the image carries, without Node: what only the addon needs is told as unused.
    ['cargo', 'clippy', ...TESTED, ...IN_IMAGE, '--', '-D', 'warnings'],
  ]],
  // What the image carries, so that the stages with a stand-alone binary need no other build.
  ['rust', 'the core, without Node, with either store', [
    ['cargo', 'test', ...TESTED, ...IN_IMAGE],
    ['cargo', 'test', ...TESTED, ...IN_IMAGE, '--lib', '--', ...WITHOUT_STORE.flatMap((room) => ['--skip', `${room}::`]), { LLEMULATOR_TEST_STORE: 'serialised' }],
  ]],
  ['build', 'the addon', [node('scripts/ensure-built.mjs')]],
  ['page', 'the control room’s page: what it computes, and each control in a browser', [node('scripts/page.mjs'), npx('vitest', 'run', '--root', 'ui')]],
  ['types', 'index.d.ts says what js/ does', [npx('tsc', '-p', '.')]],
  ['vitest', 'the package as a test author uses it', [npx('vitest', 'run')]],
  ['jest', 'the same from Jest', [npx('jest')]],
  ['runtimes', 'the same on Node 20, 22 and 24, Bun and Deno', [['npm', 'ci', '--prefix', '__test__/runtimes'], node('__test__/runtimes/run.mjs')]],
  ['projects', 'users’ projects in every runner, from the packed tarballs; what failures print', [node('__test__/projects/run.mjs')]],
  ['js', 'official JavaScript clients', [
    ['npm', 'ci', '--prefix', 'conformance/js'],
    ['npm', 'test', '--prefix', 'conformance/js'],
    node('scripts/surface.mjs', '--check'),
  ]],
  ['python', 'official Python clients', [node('conformance/python/run.mjs')]],
  ['telemetry', 'OpenTelemetry as a receiver of its protocol gets it', [node('conformance/telemetry/run.mjs')]],
  ['replicas', 'replicas beside a real Redis answer as one, with every fault of both', [
    node('__test__/replicas/run.mjs'),
    node('__test__/replicas/three.mjs'),
  ]],
  ['wire', 'bytes on the wire are as OpenAI sends them', [node('conformance/wire/run.mjs')]],
  ['fidelity', 'no score against recorded traffic has fallen', [node('conformance/fidelity/run.mjs')]],
  ['deploy', 'the image without an engine, compose files, the chart by Helm, a real model, Open WebUI', [node('deploy/test/run.mjs')]],
  ['soak', 'it bears what goes wrong around it, for three minutes', [node('bench/soak.mjs', '--minutes', '3', '--streams', '1000')]],
  ['docs', 'the examples run as written', [node('scripts/test-docs.mjs')]],
  ['pack', 'the packages as npm installs them, and what a released addon is trained with', [node('scripts/pack-test.mjs'), node('scripts/training.mjs')]],
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !STAGES.some(([stage]) => stage === name));
if (unknown.length) {
  console.error(`no stage ${unknown.join(', ')}; there are: ${STAGES.map(([name]) => name).join(', ')}`);
  process.exit(2);
}

const results = [];
for (const [name, proves, commands] of STAGES.filter(([stage]) => !wanted.length || wanted.includes(stage))) {
  console.log(`\n== ${name}: ${proves}`);
  const started = performance.now();
  let failure;
  try {
    for (const [program, ...rest] of commands) {
      const args = rest.filter((part) => typeof part === 'string');
      run(program, args, { env: Object.assign({ ...process.env }, ...rest.filter((part) => typeof part === 'object')) });
    }
  } catch (error) {
    failure = error.message;
  }
  results.push({ name, failure, seconds: (performance.now() - started) / 1000 });
  if (failure) break;
}

console.log('\n== summary');
for (const { name, failure, seconds } of results) {
  console.log(`${failure ? 'FAILED' : 'passed'}  ${name.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s${failure ? `  ${failure}` : ''}`);
}
const failed = results.filter((result) => result.failure).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
