// Test runners, in every mode they have: all pass, none hangs, and failures say what is wrong.
import { expect, test } from 'vitest';
import { runProgram } from './support.mjs';

const vitest = (...args) => runProgram(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--no-color', ...args]);
const jest = (...args) => runProgram(process.execPath, ['node_modules/jest/bin/jest.js', '--no-color', ...args]);
const both = ({ stdout, stderr }) => stdout + stderr;

// Vitest 5 is made for Node 22; on Node 20 its vm pools take one file and stumble over the second.
test.each([['threads', 25], ['forks', 25], ['vmThreads', 23, 'smoke'], ['vmForks', 23, 'smoke']])('vitest --pool %s', { timeout: 60_000 }, async (pool, count, ...files) => {
  const run = await vitest('--root', '__test__/projects/vitest', '--pool', pool, ...files);
  expect(run, both(run)).toMatchObject({ code: 0 });
  expect(both(run)).toMatch(new RegExp(`Tests\\s+${count} passed \\(${count}\\)`));
  expect(both(run)).not.toContain('hanging');
});

// What is never stopped is an open handle, so --detectOpenHandles runs the file that stops.
test.each([
  ['--runInBand', 5],
  ['--maxWorkers=2', 5],
  ['--maxWorkers=2 --workerThreads', 5],
  ['--runInBand --detectOpenHandles smoke', 4],
])('jest %s', { timeout: 60_000 }, async (flags, count) => {
  const run = await jest(...flags.split(' '));
  expect(run, both(run)).toMatchObject({ code: 0 });
  expect(both(run)).toContain(`${count} passed, ${count} total`);
  expect(both(run)).not.toMatch(/did not exit|open handle/);
});

test('node --test', { timeout: 60_000 }, async () => {
  const run = await runProgram(process.execPath, ['--test', '__test__/projects/node/smoke.test.mjs']);
  expect(run, both(run)).toMatchObject({ code: 0 });
  expect(both(run)).toMatch(/pass 2/);
});

test.each([
  ['vitest', () => vitest('--root', '__test__/projects/vitest-failing')],
  ['jest', () => jest('--rootDir', '__test__/projects/jest-failing', '--config', '__test__/projects/jest-failing/jest.config.js')],
  ['node', () => runProgram(process.execPath, ['--test', '__test__/projects/node-failing/failing.test.mjs'])],
])('%s shows the transcript of what is left, and only that of tests that passed', { timeout: 60_000 }, async (_name, run) => {
  const failed = await run();
  expect(failed.code).toBe(1);
  expect(both(failed)).toContain('1 reply was not used');
  expect(both(failed)).toContain('never asked for');
  expect(both(failed)).not.toContain('"left too"');
});
