'use strict';
// node:test: a session for a test, finished after a test that passed, and what the matchers say as assertions.
const { AssertionError } = require('node:assert');
const { insert } = require('./cassettes.js');
const { startEmulatorNow } = require('./emulator.js');
const { checks } = require('./checks.js');
const { evidence } = require('./matchers.js');
const { Ended, trouble, unique } = require('./runners.js');
const { forSnapshot } = require('./serializer.js');

/** One for the process. It needs no stop: it never keeps the process alive. @type {import('../index.js').Emulator | undefined} */
let emulator;
/** @type {Map<string, number>} */
const taken = new Map();
/** Sessions that are looked at once more when the process ends. @type {InstanceType<typeof Ended> | undefined} */
let ended;

/** @type {typeof import('../types/node.js').setupEmulator} */
async function setupEmulator(t, ...options) {
  emulator ??= /** @type {any} */ (startEmulatorNow());
  const api = /** @type {import('../index.js').Emulator} */ (emulator).session(unique(taken, t.fullName ?? t.name), ...options);
  t.after(() => {
    // `passed` came with Node 20.12.
    if (t.passed !== false) {
      api.finish();
      return lookAgain(api, t.fullName ?? t.name);
    }
    const { note } = trouble(api);
    if (note) t.diagnostic?.(note);
  });
  return api;
}

/**
 * Looks at a session once more when the process ends, which it does not before its requests have. A hook after all tests
 * cannot be had from within one.
 * @param {import('../index.js').Session} session
 * @param {string} name  of its test
 */
function lookAgain(session, name) {
  ended ??= complainAtExit(new Ended());
  ended.add(session, name);
}

/** @param {InstanceType<typeof Ended>} ended */
function complainAtExit(ended) {
  process.once('exit', () => {
    const complaints = ended.take();
    if (!complaints.length) return;
    // `node --test` shows what a file prints, and fails it for its exit code.
    process.exitCode = 1;
    process.stderr.write(`${complaints.join('\n\n')}\n`);
  });
  return ended;
}

/** @type {typeof import('../types/node.js').cassette} */
async function cassette(t, name, ...options) {
  const api = await setupEmulator(t);
  // Every file of node:test is a process; newer versions say which.
  insert(api, /** @type {any} */ (t).filePath ?? process.argv[1], name, ...options);
  return api;
}

/**
 * A check as an assertion.
 * @param {string} name
 * @returns {(received: unknown, ...expected: any[]) => any}
 */
function assertion(name) {
  return function assert(received, ...expected) {
    const judge = checks[name](...expected);
    const result = (/** @type {import('./checks.js').Evidence} */ known) => {
      const { pass, message } = judge(known);
      if (!pass) throw new AssertionError({ message, operator: name, stackStartFn: assert });
    };
    const known = evidence(received);
    return known instanceof Promise ? known.then(result) : result(known);
  };
}

module.exports = {
  setupEmulator,
  cassette,
  forSnapshot,
  assertReceivedRequests: assertion('toHaveReceivedRequests'),
  assertReceivedRequest: assertion('toHaveReceivedRequest'),
  assertReceivedMessages: assertion('toHaveReceivedMessages'),
  assertStreamed: assertion('toHaveStreamed'),
  assertCalledTool: assertion('toHaveCalledTool'),
  assertUsedAllReplies: assertion('toHaveUsedAllReplies'),
};
