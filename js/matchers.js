'use strict';
// Matchers for Vitest and Jest: the checks, as expect.extend() takes them.
const { checks } = require('./checks.js');
const { show } = require('./errors.js');

/**
 * What is known of a session: at once, or a promise of it if the emulator is elsewhere.
 * @param {any} received
 * @returns {import('./checks.js').Evidence | Promise<import('./checks.js').Evidence>}
 */
function evidence(received) {
  if (typeof received?.transcript !== 'function' || typeof received.finish !== 'function') {
    throw new TypeError(`expected a session, as emulator.session() gives it; got ${show(received)}`);
  }
  const { requests, forgotten } = received;
  if (Array.isArray(requests)) return { requests, forgotten, transcript: received.transcript(), unfinished: complaint(() => received.finish()) };
  return elsewhere(received);
}

/** @param {any} received */
async function elsewhere(received) {
  const [requests, forgotten, transcript] = await Promise.all([received.requests, received.forgotten, received.transcript()]);
  const unfinished = await received.finish().then(() => '', (/** @type {Error} */ error) => error.message);
  return { requests, forgotten, transcript, unfinished };
}

/** @param {() => void} act */
function complaint(act) {
  try {
    act();
    return '';
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
}

/** @type {Record<string, (this: any, received: unknown, ...expected: any[]) => any>} */
const matchers = {};
for (const [name, check] of Object.entries(checks)) {
  matchers[name] = (received, ...expected) => {
    const judge = check(...expected);
    const result = (/** @type {import('./checks.js').Evidence} */ known) => {
      const { pass, message } = judge(known);
      return { pass, message: () => message };
    };
    const known = evidence(received);
    return known instanceof Promise ? known.then(result) : result(known);
  };
}

module.exports = { evidence, matchers };
