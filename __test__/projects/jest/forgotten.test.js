'use strict';
// A second file, which forgets to stop what it started.
const { startEmulator } = require('llemulator');

test('no stop is needed', async () => {
  const emulator = await startEmulator();
  const api = emulator.session();
  api.replies(() => 'never asked for');
  expect(api.requests).toEqual([]);
});
