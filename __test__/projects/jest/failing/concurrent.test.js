'use strict';
// Jest runs no afterEach for these.
const { setupEmulator } = require('llemulator/jest');

const emulator = setupEmulator();

test.concurrent('replies are left over side by side', async () => {
  emulator.session().replies('never asked for');
});

test.concurrent('fails by itself', async () => {
  emulator.session().replies('left too');
  expect(1).toBe(2);
});
