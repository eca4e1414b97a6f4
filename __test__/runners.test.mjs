// What the runners' helpers check after a test. In every version and mode: projects/.
import { expect, test } from 'vitest';
import { ROOT, runProgram } from './support.mjs';

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
