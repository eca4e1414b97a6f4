'use strict';
// What the runners' helpers do after a test.
const { LLEmulatorError } = require('./errors.js');
const { TROUBLE } = require('./session.js');

/** How often a name was taken. @typedef {Map<string, number>} Taken */

/**
 * A name for a session: a test that is repeated, or has a namesake, gets one of its own.
 * @param {Taken} taken
 * @param {string} name
 */
function unique(taken, name) {
  const count = (taken.get(name) ?? 0) + 1;
  taken.set(name, count);
  return count === 1 ? name : `${name} #${count}`;
}

/**
 * Throws what a session has to complain about after a test. A failure says more than the replies that it left; but
 * requests that nothing answered, or that still wait, may be why it failed.
 * @param {import('../index.js').Session} session
 * @param {boolean} failed  the test has failed by itself
 */
function check(session, failed) {
  if (!failed) return session.finish();
  const { note, cause } = trouble(session);
  if (note) throw new LLEmulatorError('ERR_LLEMULATOR_UNFINISHED', note, { cause });
}

/**
 * What may be why a test failed; an empty note = nothing.
 * @param {import('../index.js').Session} session
 * @returns {{ note: string, cause?: unknown }}
 */
function trouble(session) {
  const { what, transcript, cause } = /** @type {any} */ (session)[TROUBLE]();
  return { note: what && `the test failed, and ${what}\n\n${transcript}`, cause };
}

module.exports = { check, trouble, unique };
