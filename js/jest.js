'use strict';
// Jest: an emulator for a test file, its sessions checked after each test that passed, and the matchers.
const { insert } = require('./cassettes.js');
const { startEmulatorNow } = require('./emulator.js');
const { LLEmulatorError } = require('./errors.js');
const { matchers } = require('./matchers.js');
const { check, unique } = require('./runners.js');
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
function setupEmulator(options) {
  const { afterAll, afterEach, expect } = jestGlobals();
  expect.extend(matchers);
  expect.addSnapshotSerializer(serializer);
  const emulator = startEmulatorNow(options);
  /** Sessions that are not checked yet, by key, and the tests that made them. @type {Map<string, { session: import('../index.js').Session, test: Test | undefined }>} */
  const open = new Map();
  /** @type {Map<string, number>} */
  const taken = new Map();
  const make = emulator.session.bind(emulator);
  emulator.session = (/** @type {any[]} */ ...args) => {
    const session = make(...args);
    if (!open.has(session.apiKey)) open.set(session.apiKey, { session: /** @type {any} */ (session), test: runningTest(expect) });
    return session;
  };
  /** @type {any} */ (emulator).cassette = (/** @type {string} */ name, /** @type {any} */ options) => {
    const { currentTestName, testPath } = expect.getState();
    const session = emulator.session(unique(taken, currentTestName ?? name));
    insert(/** @type {any} */ (session), testPath, name, options);
    return session;
  };
  afterEach(() => {
    const running = runningTest(expect);
    const own = [...open.values()].filter(({ test }) => test === running);
    for (const { session } of own) open.delete(session.apiKey);
    for (const { session } of own) check(session, hasFailed(running));
  });
  afterAll(async () => {
    // What no afterEach has seen: those of test.concurrent, which Jest runs without it, and those made for all tests.
    const left = [...open.values()].map(({ session, test }) => complaint(session, test)).filter(Boolean);
    await emulator.stop();
    if (left.length) throw new LLEmulatorError('ERR_LLEMULATOR_UNFINISHED', left.join('\n\n'));
  });
  return /** @type {any} */ (emulator);
}

/**
 * @param {import('../index.js').Session} session
 * @param {Test | undefined} test
 */
function complaint(session, test) {
  const name = test ? `${test.name}: ` : '';
  try {
    check(session, hasFailed(test));
  } catch (error) {
    return `${name}${/** @type {Error} */ (error).message}`;
  }
}

module.exports = { matchers, serializer, setupEmulator };
