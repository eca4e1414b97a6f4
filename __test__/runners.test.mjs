// What the runners' helpers check after a test. In every version and mode: projects/.
import { expect, test } from 'vitest';
import { startEmulator } from 'llemulator';
import runners from '../js/runners.js';
import { chat, ROOT, runProgram } from './support.mjs';

test('Vitest: the sessions that a test makes are checked after it, those of nobody after the last one', { timeout: 60_000 }, async () => {
  const { stdout, stderr } = await runProgram(process.execPath, [`${ROOT}node_modules/vitest/vitest.mjs`, 'run', '--reporter', 'json', '--root', '__test__/projects/vitest/sessions']);
  const { testResults: [file] } = JSON.parse(stdout);
  const wrong = file.assertionResults.filter(({ title, status }) => status !== (title.startsWith('passes') ? 'passed' : 'failed'));
  expect(wrong, stderr).toEqual([]);
  const failures = Object.fromEntries(file.assertionResults.map(({ title, failureMessages }) => [title, failureMessages.join('\n')]));
  expect(failures['fails: left over']).toContain('finish(): 1 reply was not used');
  expect(failures['fails: not scripted']).toContain('finish(): 1 request was not scripted');
  expect(failures['fails by itself: what it left is not shown']).not.toContain('finish()');
  for (const left of ['"never" (1 left)', '"left of a" (1 left)', '"left of b" (1 left)']) expect(file.message).toContain(left);
});

/** A test that is the last may have been told of what it forgot already. */
const LATE = ['forgets to wait', 'asks when it is over', 'forgets to wait, as the last'];

/** Runs a runner; what came late must be told with the test's name, and nothing else. */
async function late(args, tests) {
  const { code, stdout, stderr } = await runProgram(process.execPath, args, { env: { NO_COLOR: '1', FORCE_COLOR: undefined } });
  const printed = stdout + stderr;
  expect(code, printed).toBe(1);
  for (const name of tests) expect(printed).toMatch(new RegExp(`${name}:?\\s+(?:after the test, |(?:\\S+: )?finish\\(\\): )1 request was not scripted`));
  expect(printed).not.toMatch(/(?:is answered, late|waits): /);
}

test('Vitest: what comes after a test is told after the last one', { timeout: 60_000 }, () =>
  late([`${ROOT}node_modules/vitest/vitest.mjs`, 'run', '--root', '__test__/projects/vitest/late'], [...LATE, 'forgets to wait, in a session of its own']));

test('Jest: what comes after a test is told after the last one', { timeout: 60_000 }, () =>
  late([`${ROOT}node_modules/jest/bin/jest.js`, '--rootDir', '__test__/projects/jest/late', '--config', '__test__/projects/jest/late/jest.config.js'], [...LATE, 'forgets to wait beside others']));

test('node:test: what comes after a test is told at the end of the process, and fails it', { timeout: 60_000 }, () =>
  late(['--test', '__test__/projects/node/late/late.test.mjs'], LATE));

test('sessions whose tests ended are not kept without end: the oldest is looked at and forgotten', async () => {
  const emulator = await startEmulator();
  const ended = new runners.Ended();
  const [first, another] = [emulator.session(), emulator.session()];
  ended.add(first, 'the first');
  ended.add(another, 'another');
  await chat(first, 'x').catch(() => undefined);
  for (let count = 0; count < 1500; count++) ended.add(emulator.session(), 'more');
  expect(ended.sessions).toHaveLength(1000);
  expect(ended.take()).toEqual([expect.stringMatching(/^the first: after the test, 1 request was not scripted/)]);
  expect(ended.take()).toEqual([]);
  await emulator.stop();
});
