'use strict';
// Jest: an emulator for a test file, its sessions checked after each test that passed, and the matchers.
const { insert } = require('./cassettes.js');
const { startEmulatorNow } = require('./emulator.js');
const { matchers } = require('./matchers.js');
const { mustBeAll } = require('./options.js');
const { Sessions, unique } = require('./runners.js');
const { serializer } = require('./serializer.js');

/** What jest-circus knows of a test. @typedef {{ name: string, concurrent: boolean, errors: unknown[] }} Test */

/** Jest's functions: globals, unless they were turned off. */
const jestGlobals = () => ('afterEach' in globalThis ? /** @type {any} */ (globalThis) : require('@jest/globals'));

/**
 * The running test. Jest tells its environment, not its tests; what jest-circus keeps is the only place, and knows
 * nothing of tests that run side by side: these `expect` tells, since Jest 30.
 * @param {any} expect
 * @returns {Test | undefined}
 */
function runningTest(expect) {
  const { currentTestIdentity } = expect.getState();
  if (currentTestIdentity) return currentTestIdentity();
  const symbol = Object.getOwnPropertySymbols(globalThis).find(({ description }) => description === 'JEST_STATE_SYMBOL');
  return (symbol && /** @type {any} */ (globalThis)[symbol])?.currentlyRunningTest ?? undefined;
}

/** @param {Test | undefined} test */
const hasFailed = (test) => (test?.errors.length ?? 0) > 0;

/** @type {typeof import('../types/jest.js').setupEmulator} */
function setupEmulator(options, ...rest) {
  mustBeAll('setupEmulator()', rest, 'give all options in one object');
  const { afterAll, afterEach, expect } = jestGlobals();
  expect.extend(matchers);
  expect.addSnapshotSerializer(serializer);
  const emulator = startEmulatorNow(options);
  const sessions = new Sessions(/** @type {any} */ (emulator), () => runningTest(expect));
  /** @type {Map<string, number>} */
  const taken = new Map();
  /** @type {any} */ (emulator).cassette = (/** @type {string} */ name, /** @type {any[]} */ ...more) => {
    const { currentTestName, testPath } = expect.getState();
    const session = emulator.session(unique(taken, currentTestName ?? name));
    insert(/** @type {any} */ (session), testPath, name, ...more);
    return session;
  };
  afterEach(() => {
    const running = runningTest(expect);
    sessions.check(running, hasFailed(running));
  });
  afterAll(async () => {
    // What no afterEach has seen: those of test.concurrent, which Jest runs without it, those made for all tests, and what
    // a test forgot to wait for.
    const left = await sessions.rest(hasFailed);
    await emulator.stop();
    if (left) throw left;
  });
  return /** @type {any} */ (emulator);
}

module.exports = { matchers, serializer, setupEmulator };
