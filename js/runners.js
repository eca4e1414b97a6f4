'use strict';
// What the runners' helpers do after a test.
const { LLEmulatorError, callersLine } = require('./errors.js');
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

/** Most sessions that are kept to be looked at once more; the oldest is looked at when one more comes. */
const MOST_ENDED = 1000;

/** Milliseconds that an answer on its way is waited for after the last test. */
const PATIENCE_MS = 1000;

/**
 * Sessions whose tests ended with nothing to complain about. What a test forgot to wait for comes later, and no hook of
 * its own sees it.
 */
class Ended {
  /** By their keys. @type {Map<string, { session: import('../index.js').Session, name: string | undefined }>} */
  #sessions = new Map();
  /** What those that made room had to complain about. @type {string[]} */
  #complaints = [];

  /**
   * @param {import('../index.js').Session} session
   * @param {string | undefined} name  of its test
   */
  add(session, name) {
    this.#sessions.set(session.apiKey, { session, name });
    if (this.#sessions.size <= MOST_ENDED) return;
    const [[key, oldest]] = this.#sessions;
    this.#sessions.delete(key);
    this.#complaints.push(...late(oldest));
  }

  /**
   * Another test has it now.
   * @param {import('../index.js').Session} session
   */
  remove(session) {
    this.#sessions.delete(session.apiKey);
  }

  get sessions() {
    return [...this.#sessions.values()].map(({ session }) => session);
  }

  /** What there is to complain about by now; they are kept no longer. */
  take() {
    const complaints = [...this.#complaints, ...[...this.#sessions.values()].flatMap(late)];
    this.#complaints = [];
    this.#sessions.clear();
    return complaints;
  }
}

/**
 * What came after a session's test.
 * @param {{ session: import('../index.js').Session, name: string | undefined }} ended
 */
function late({ session, name }) {
  const { what, transcript } = /** @type {any} */ (session)[TROUBLE]();
  return what ? [`${name ? `${name}: ` : ''}after the test, ${what}; wait for it in the test\n\n${transcript.trimEnd()}`] : [];
}

/**
 * Waits until what was sent to sessions has come, and what is being answered is answered.
 * @param {import('../index.js').Session[]} sessions  of one emulator
 */
async function settled(sessions) {
  if (!sessions.length) return;
  await roundTrip(new URL(sessions[0].baseURL));
  await Promise.all(sessions.filter((session) => trouble(session).note).map(answered));
}

/**
 * A request of ours, and its answer: what was sent before it has come then. As bytes: tests replace fetch, and what
 * node:http does.
 * @param {URL} url
 * @returns {Promise<void>}
 */
function roundTrip({ hostname, port }) {
  return new Promise((resolve) => {
    const socket = require('node:net').connect(Number(port), hostname.replace(/^\[|\]$/g, ''));
    // A test may have stopped the emulator: nothing comes any more then.
    socket.on('error', () => undefined).on('close', () => resolve()).resume();
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    // Not its end: who hangs up at once may get no answer.
    socket.write('GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
  });
}

/**
 * Waits until none of a session's requests is just being answered. One that waits for something may wait for ever.
 * @param {import('../index.js').Session} session
 */
async function answered(session) {
  const busy = session.requests.filter(({ state, waitingFor }) => state === 'in_flight' && !waitingFor);
  await Promise.allSettled(busy.map(({ number }) => session.waitForRequest((each) => each.number === number, { timeoutMs: PATIENCE_MS })));
}

/**
 * The sessions of an emulator, and the tests that made them.
 * @template {{ name: string }} Test
 */
class Sessions {
  /** Those that are not checked yet, by their keys. @type {Map<string, { session: import('../index.js').Session, test: Test | undefined }>} */
  #open = new Map();
  #ended = new Ended();

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
    this.#ended.remove(session);
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
    for (const { session } of own) {
      check(session, failed);
      if (!failed) this.#ended.add(session, test?.name);
    }
  }

  /**
   * What there is to complain about after the last test: of sessions that no hook has seen, and of what came to others
   * after their tests.
   * @param {(test: Test | undefined) => boolean} hasFailed
   * @returns {Promise<InstanceType<typeof LLEmulatorError> | undefined>}
   */
  async rest(hasFailed) {
    // Nobody's line is left after a wait, and Jest tells where a message ends by the first of them.
    const place = callersLine();
    await settled([...[...this.#open.values()].map(({ session }) => session), ...this.#ended.sessions]);
    const open = [...this.#open.values()].flatMap(({ session, test }) => {
      try {
        check(session, hasFailed(test));
        return [];
      } catch (error) {
        return `${test ? `${test.name}: ` : ''}${/** @type {Error} */ (error).message}`;
      }
    });
    this.#open.clear();
    const complaints = [...open, ...this.#ended.take()];
    const places = place ? [place] : [];
    return complaints.length ? new LLEmulatorError('ERR_LLEMULATOR_UNFINISHED', complaints.join('\n\n'), { places }) : undefined;
  }
}

module.exports = { Ended, Sessions, check, trouble, unique };
