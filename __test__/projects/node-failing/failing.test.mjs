// What must fail, and how: __test__/runners.test.mjs reads the output.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setupEmulator } from 'llemulator/node';

test('a reply is left over', async (t) => {
  (await setupEmulator(t)).replies('never asked for');
});

test('fails by itself', async (t) => {
  (await setupEmulator(t)).replies('left too');
  assert.equal(1, 2);
});
