'use strict';
// node:test: a session for a test, finished after a test that passed.
const { startEmulatorNow } = require('./emulator.js');

/** One for the process. It needs no stop: it never keeps the process alive. @type {import('../index.js').Emulator | undefined} */
let emulator;
/** How often a name was taken: namesakes get a session of their own. @type {Map<string, number>} */
const taken = new Map();

/** @type {typeof import('../types/node.js').setupEmulator} */
async function setupEmulator(t, options) {
  emulator ??= /** @type {any} */ (startEmulatorNow());
  const name = t.fullName ?? t.name;
  const count = (taken.get(name) ?? 0) + 1;
  taken.set(name, count);
  const api = /** @type {import('../index.js').Emulator} */ (emulator).session(count === 1 ? name : `${name} #${count}`, options);
  t.after(() => {
    // `passed` came with Node 20.12. A failure says more than what it left undone.
    if (t.passed !== false) api.finish();
  });
  return api;
}

module.exports = { setupEmulator };
