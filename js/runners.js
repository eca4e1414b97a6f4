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

/**
 * The sessions of an emulator that are not checked yet, and the tests that made them.
 * @template {{ name: string }} Test
 */
class Sessions {
  /** By their keys. @type {Map<string, { session: import('../index.js').Session, test: Test | undefined }>} */
  #open = new Map();

  /**
   * @param {import('../index.js').Emulator} emulator
   * @param {() => Test | undefined} running  the running test, if it can be told
   */
  constructor(emulator, running) {
    const make = emulator.session.bind(emulator);
    emulator.session = (/** @type {any[]} */ ...args) => {
      const session = make(...args);
      if (!this.#open.has(session.apiKey)) this.give(session, running());
      return session;
    };
  }

  /**
   * Says which test a session is of.
   * @param {import('../index.js').Session} session
   * @param {Test | undefined} test
   */
  give(session, test) {
    this.#open.set(session.apiKey, { session, test });
  }

  /**
   * Checks those of a test.
   * @param {Test | undefined} test
   * @param {boolean} failed
   */
  check(test, failed) {
    const own = [...this.#open.values()].filter((each) => each.test === test);
    for (const { session } of own) this.#open.delete(session.apiKey);
    for (const { session } of own) check(session, failed);
  }

  /**
   * What those that are left have to complain about: after the last test, for no hook has seen them.
   * @param {(test: Test | undefined) => boolean} hasFailed
   * @returns {InstanceType<typeof LLEmulatorError> | undefined}
   */
  rest(hasFailed) {
    const complaints = [...this.#open.values()].flatMap(({ session, test }) => {
      try {
        check(session, hasFailed(test));
        return [];
      } catch (error) {
        return `${test ? `${test.name}: ` : ''}${/** @type {Error} */ (error).message}`;
      }
    });
    this.#open.clear();
    return complaints.length ? new LLEmulatorError('ERR_LLEMULATOR_UNFINISHED', complaints.join('\n\n')) : undefined;
  }
}

module.exports = { Sessions, check, trouble, unique };
