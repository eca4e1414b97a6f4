// Test runners, in every mode they have: all pass, none hangs, and failures say what is wrong.
import { expect, test } from 'vitest';
import { runProgram } from './support.mjs';

const vitest = (...args) => runProgram(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--no-color', ...args]);
const jest = (...args) => runProgram(process.execPath, ['node_modules/jest/bin/jest.js', '--no-color', ...args]);
const both = ({ stdout, stderr }) => stdout + stderr;

test.each(['threads', 'forks', 'vmThreads', 'vmForks'])('vitest --pool %s', { timeout: 60_000 }, async (pool) => {
  const run = await vitest('--root', '__test__/projects/vitest', '--pool', pool);
  expect(run, both(run)).toMatchObject({ code: 0 });
  expect(both(run)).toMatch(/Tests\s+25 passed \(25\)/);
  expect(both(run)).not.toContain('hanging');
});

test.each([['--runInBand'], ['--maxWorkers=2'], ['--maxWorkers=2', '--workerThreads'], ['--runInBand', '--detectOpenHandles']])(
  'jest %s %s',
  { timeout: 60_000 },
  async (...flags) => {
    const run = await jest(...flags.filter(Boolean));
    expect(run, both(run)).toMatchObject({ code: 0 });
    expect(both(run)).toMatch(/Tests:\s+5 passed, 5 total/);
    expect(both(run)).not.toMatch(/did not exit|open handle/);
  },
);

test('node --test', { timeout: 60_000 }, async () => {
  const run = await runProgram(process.execPath, ['--test', '__test__/projects/node/smoke.test.mjs'], { env: { NODE_TEST_CONTEXT: '' } });
  expect(run, both(run)).toMatchObject({ code: 0 });
  expect(both(run)).toMatch(/pass 2/);
});

test.each([
  ['vitest', () => vitest('--root', '__test__/projects/vitest-failing')],
  ['jest', () => jest('--rootDir', '__test__/projects/jest-failing', '--config', '__test__/projects/jest-failing/jest.config.js')],
  ['node', () => runProgram(process.execPath, ['--test', '__test__/projects/node-failing/failing.test.mjs'], { env: { NODE_TEST_CONTEXT: '' } })],
])('%s shows the transcript of what is left, and only that of tests that passed', { timeout: 60_000 }, async (_name, run) => {
  const failed = await run();
  expect(failed.code).toBe(1);
  expect(both(failed)).toContain('1 reply was not used');
  expect(both(failed)).toContain('never asked for');
  expect(both(failed)).not.toContain('"left too"');
});
