'use strict';
// Matchers for Vitest and Jest: what a session was asked.

/** @typedef {import('../index.js').Session} Session */

/**
 * @param {any} received
 * @returns {Session}
 */
function session(received) {
  if (typeof received?.transcript === 'function' && Array.isArray(received.requests)) return received;
  throw new TypeError(`expected a session, as emulator.session() gives it (of an emulator elsewhere, match its awaited requests); got ${received}`);
}

/**
 * Throws when requests are no longer kept: then nobody can say how many there were of a kind, or that there was none.
 * @param {Session} api
 */
function whole(api) {
  if (api.forgotten) throw new RangeError(`${api.forgotten} requests are no longer kept, so this cannot be said of all: raise the option journalSize`);
}

/**
 * Whether `part` is in `whole`: objects by the keys given, lists by all of their items, the rest by equality.
 * @param {any} context  the matcher's `this`
 * @param {any} whole
 * @param {any} part
 * @returns {boolean}
 */
function contains(context, whole, part) {
  const plain = typeof part === 'object' && part !== null && typeof part.asymmetricMatch !== 'function';
  if (!plain) return context.equals(whole, part);
  if (Array.isArray(part)) {
    return Array.isArray(whole) && whole.length === part.length && part.every((item, index) => contains(context, whole[index], item));
  }
  return typeof whole === 'object' && whole !== null && Object.entries(part).every(([key, value]) => contains(context, whole[key], value));
}

/**
 * The calls whose results the application has sent, with the arguments the model gave.
 * @param {readonly import('../index.js').RecordedRequest[]} requests
 */
const answeredCalls = (requests) =>
  requests.flatMap(({ toolResults }) => toolResults.map((result) => ({ name: result.name, arguments: parsed(result.arguments) })));

/** @param {unknown} text */
function parsed(text) {
  try {
    return JSON.parse(String(text));
  } catch {
    return text;
  }
}

/** @type {Record<string, (this: any, received: unknown, ...expected: any[]) => { pass: boolean, message: () => string }>} */
const matchers = {
  toHaveReceivedRequests(received, expected) {
    const api = session(received);
    const { length } = api.requests;
    whole(api);
    return {
      pass: length === expected,
      message: () => `expected the session ${this.isNot ? 'not ' : ''}to have received ${expected} requests; it received ${length}:\n\n${api.transcript()}`,
    };
  },

  toHaveReceivedRequest(received, subset) {
    const api = session(received);
    const pass = api.requests.some((request) => contains(this, request, subset));
    if (!pass) whole(api);
    return {
      pass,
      message: () =>
        `expected the session ${this.isNot ? 'not ' : ''}to have received a request with ${this.utils.stringify(subset)}.\n` +
        `The last request: ${this.utils.stringify(api.requests.at(-1))}\n\n${api.transcript()}`,
    };
  },

  toHaveCalledTool(received, name, args) {
    const api = session(received);
    const calls = answeredCalls(api.requests);
    const matches = (/** @type {any} */ call) => call.name === name && (args === undefined || contains(this, call.arguments, args));
    const pass = calls.some(matches);
    if (!pass) whole(api);
    return {
      pass,
      message: () =>
        `expected the application ${this.isNot ? 'not ' : ''}to have called the tool ${name}${args === undefined ? '' : ` with ${this.utils.stringify(args)}`} and sent its result.\n` +
        `Tools called: ${calls.map((call) => `${call.name}(${this.utils.stringify(call.arguments)})`).join(', ') || 'none'}\n\n${api.transcript()}`,
    };
  },

  toHaveUsedAllReplies(received) {
    const api = session(received);
    let failure = '';
    try {
      api.finish();
    } catch (error) {
      failure = /** @type {Error} */ (error).message;
    }
    return { pass: !failure, message: () => failure || `expected a reply to be left, or a request to be unscripted:\n\n${api.transcript()}` };
  },
};

module.exports = { matchers };
