'use strict';
// Jest's globalSetup: one emulator for the whole run, for applications in other processes. Tests reach it with
// connectEmulator(), which finds LLEMULATOR_URL: workers inherit the environment.
const { startEmulator } = require('./emulator.js');

module.exports = async () => {
  const emulator = await startEmulator();
  process.env.LLEMULATOR_URL = emulator.url;
  // Set-up and tear-down are separate modules; only the global object is shared between them.
  /** @type {any} */ (globalThis).__LLEMULATOR__ = emulator;
};
