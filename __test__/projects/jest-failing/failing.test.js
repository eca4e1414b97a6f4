'use strict';
// What must fail, and how: __test__/runners.test.mjs reads the output.
const { setupEmulator } = require('llemulator/jest');

const emulator = setupEmulator();

test('a reply is left over', () => {
  emulator.session().replies('never asked for');
});

test('fails by itself', () => {
  emulator.session().replies('left too');
  expect(1).toBe(2);
});
