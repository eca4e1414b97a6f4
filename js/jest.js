'use strict';
// Jest: an emulator for a test file, its sessions checked after each test that passed, and the matchers.
const { startEmulatorNow } = require('./emulator.js');
const { matchers } = require('./matchers.js');

/** Jest's functions: globals, unless they were turned off. */
const jestGlobals = () => ('afterEach' in globalThis ? /** @type {any} */ (globalThis) : require('@jest/globals'));

/**
 * Whether the running test has failed so far. Jest tells its environment, not its tests; what jest-circus keeps is the
 * only place. Without it, every test counts as passed, and one that failed shows a second error.
 */
function testFailed() {
  const symbol = Object.getOwnPropertySymbols(globalThis).find(({ description }) => description === 'JEST_STATE_SYMBOL');
  const state = symbol && /** @type {any} */ (globalThis)[symbol];
  return (state?.currentlyRunningTest?.errors.length ?? 0) > 0;
}

/** @type {typeof import('../types/jest.js').setupEmulator} */
function setupEmulator(options) {
  const { afterAll, afterEach, expect } = jestGlobals();
  expect.extend(matchers);
  const emulator = startEmulatorNow(options);
  /** Sessions made since the last test ended. @type {Set<import('../index.js').Session>} */
  const open = new Set();
  const make = emulator.session.bind(emulator);
  emulator.session = (/** @type {any[]} */ ...args) => {
    const session = make(...args);
    open.add(/** @type {any} */ (session));
    return session;
  };
  afterEach(() => {
    const sessions = [...open];
    open.clear();
    if (!testFailed()) for (const session of sessions) session.finish();
  });
  afterAll(() => emulator.stop());
  return /** @type {any} */ (emulator);
}

module.exports = { matchers, setupEmulator };
