'use strict';
// What a test asks of a session, once for every runner: matchers.js makes matchers of it, node.js assertions.
const { compare, isMatcher, shown } = require('./diff.js');
const { badArgument, isPlainObject, isRegExp, show, unknownName } = require('./errors.js');
const { messagesOf } = require('./messages.js');
const { mustBeAll } = require('./options.js');

/** @typedef {import('../index.js').RecordedRequest} RecordedRequest */

/**
 * What is known of a session.
 * @typedef {object} Evidence
 * @property {readonly RecordedRequest[]} requests
 * @property {number} forgotten  requests that are no longer kept
 * @property {string} transcript
 * @property {string} unfinished  what finish() complains about; empty = nothing
 */

/** @typedef {{ pass: boolean, message: string }} Verdict */

/** Lines of a transcript that a failure shows at most. */
const SHOWN = 40;

/** What a recorded request has. */
const REQUEST = [
  'number', 'state', 'waitingFor', 'operation', 'method', 'path', 'headers', 'body', 'stream', 'toolResults', 'outcome', 'by', 'rule', 'status', 'said', 'explanation', 'warnings', 'failure',
  'aborted', 'at', 'requestId', 'retryCount',
];

/** What a request has whose answer was streamed to its end. */
const STREAMED = { state: 'done', waitingFor: null, stream: true, status: 200, aborted: false, explanation: null };

/** What a message of a conversation has. */
const MESSAGE = ['role', 'text'];

/**
 * Who is given what is expected, and then judges. A mistake in that is thrown: what can never hold would pass whenever it
 * is negated.
 * @type {Record<string, (...expected: any[]) => (evidence: Evidence) => Verdict>}
 */
const checks = {
  toHaveReceivedRequests(expected, ...rest) {
    mustBeAll('toHaveReceivedRequests()', rest, 'give the number alone');
    if (!(Number.isInteger(expected) && expected >= 0)) throw badArgument(`toHaveReceivedRequests(): expected a whole number from 0, not ${show(expected)}`);
    return ({ requests, forgotten, transcript }) => {
      mustBeWhole(forgotten);
      const { length } = requests;
      return told(length === expected, transcript, {
        yes: `expected the session not to have received ${count(expected, 'request')}`,
        no: `expected the session to have received ${count(expected, 'request')}; it received ${length}`,
      });
    };
  },

  toHaveReceivedRequest(subset, ...rest) {
    mustBeAll('toHaveReceivedRequest()', rest, 'give all keys in one object');
    if (!isMatcher(subset)) mustHave('toHaveReceivedRequest(): ', subset, REQUEST);
    return (evidence) => one(evidence, subset, (request) => request, 'to have received a request with');
  },

  toHaveReceivedMessages(messages, ...rest) {
    mustBeAll('toHaveReceivedMessages()', rest, 'give all messages in one list');
    if (!Array.isArray(messages)) throw badArgument(`toHaveReceivedMessages(): expected a list of messages, not ${show(messages)}`);
    const wanted = messages.map((message, index) => {
      if (typeof message === 'string' || isRegExp(message)) return { text: message };
      if (!isMatcher(message)) mustHave(`toHaveReceivedMessages(): message ${index + 1}: `, message, MESSAGE);
      return message;
    });
    return (evidence) => one(evidence, wanted, (request) => messagesOf(request.body), 'to have received the messages');
  },

  toHaveStreamed(subset = {}, ...rest) {
    mustBeAll('toHaveStreamed()', rest, 'give all keys in one object');
    mustHave('toHaveStreamed(): ', subset, REQUEST);
    mustAgree('toHaveStreamed(): ', subset, STREAMED);
    return (evidence) => one(evidence, { ...subset, ...STREAMED }, (request) => request, 'to have streamed an answer to its end, for a request with');
  },

  toHaveCalledTool(name, args, ...rest) {
    mustBeAll('toHaveCalledTool()', rest, 'give the name and the arguments alone');
    if (typeof name !== 'string') throw badArgument(`toHaveCalledTool(): expected the tool's name, not ${shown(name)}`);
    return ({ requests, forgotten, transcript }) => {
      const calls = answered(requests);
      const candidates = calls.filter((call) => call.name === name);
      const found = candidates.map((call) => (args === undefined ? { wrong: 0, lines: [] } : compare(args, call.arguments)));
      const nearest = least(found);
      const list = calls.map((call) => `${call.name}(${shown(call.arguments)})`).join(', ') || 'none';
      const wanted = `the tool ${name}${args === undefined ? '' : ` with ${shown(args)}`}`;
      if (nearest?.wrong !== 0) mustBeWhole(forgotten);
      return told(nearest?.wrong === 0, transcript, {
        yes: `expected the application not to have called ${wanted} and sent its result`,
        no: nearest
          ? `expected the application to have called the tool ${name} with these arguments:\n\n${difference(nearest.lines, 'its nearest call')}`
          : `expected the application to have called ${wanted} and sent its result; it called: ${list}`,
      });
    };
  },

  toHaveUsedAllReplies(...rest) {
    mustBeAll('toHaveUsedAllReplies()', rest, 'it asks about all of the session');
    return ({ transcript, unfinished }) => ({ pass: !unfinished, message: unfinished || `expected a reply to be left, or a request to have gone wrong\n\n${clipped(transcript)}` });
  },
};

/**
 * Throws unless a value is an object with these keys at most.
 * @param {string} where  for the message
 * @param {unknown} value
 * @param {string[]} keys
 */
function mustHave(where, value, keys) {
  if (!isPlainObject(value)) throw badArgument(`${where}expected an object with some of ${keys.join(', ')}, not ${shown(value)}`);
  const stray = Object.keys(value).find((key) => !keys.includes(key));
  if (stray === undefined) return;
  const sent = keys === REQUEST ? ' (what was sent stands in body)' : '';
  throw unknownName(`${where}there is no key${sent} `, stray, keys);
}

/**
 * Throws if a value asks for something else than what is asked for anyway.
 * @param {string} where  for the message
 * @param {Record<string, unknown>} value
 * @param {Record<string, unknown>} anyway
 */
function mustAgree(where, value, anyway) {
  const key = Object.keys(value).find((each) => each in anyway && compare(value[each], anyway[each]).wrong);
  if (key !== undefined) throw badArgument(`${where}${key} is ${shown(value[key])}, but of an answer streamed to its end it is ${shown(anyway[key])}; leave it out, or ask toHaveReceivedRequest()`);
}

/**
 * Whether one request is as expected; if not, how the nearest one differs.
 * @param {Evidence} evidence
 * @param {unknown} expected
 * @param {(request: RecordedRequest) => unknown} of  what of a request is compared
 * @param {string} what
 */
function one({ requests, forgotten, transcript }, expected, of, what) {
  const found = requests.map((request) => ({ request, ...compare(expected, of(request)) }));
  const nearest = least(found);
  const number = (nearest?.request.number ?? 0) + 1;
  if (nearest?.wrong !== 0) mustBeWhole(forgotten);
  return told(nearest?.wrong === 0, transcript, {
    yes: `expected the session not ${what} ${shown(expected)}; request ${number} is one`,
    no: nearest
      ? `expected the session ${what}:\n\n${difference(nearest.lines, `request ${number}, the nearest of ${found.length}`)}`
      : `expected the session ${what} ${shown(expected)}; it received none`,
  });
}

/**
 * What is least wrong; of several the last.
 * @template {{ wrong: number }} T
 * @param {T[]} found
 * @returns {T | undefined}
 */
const least = (found) => found.reduce((/** @type {T | undefined} */ best, each) => (best && best.wrong < each.wrong ? best : each), undefined);

/**
 * Throws when requests are no longer kept: then nobody can say how many there were of a kind, or that there was none.
 * @param {number} forgotten
 */
function mustBeWhole(forgotten) {
  if (!forgotten) return;
  const what = forgotten === 1 ? '1 request is' : `${forgotten} requests are`;
  throw new RangeError(`${what} no longer kept, so this cannot be said of all: raise the option journalSize`);
}

/**
 * The calls whose results the application has sent, with the arguments the model gave.
 * @param {readonly RecordedRequest[]} requests
 */
const answered = (requests) =>
  requests.flatMap(({ toolResults }) => toolResults.map((result) => ({ name: result.name, arguments: parsed(result.arguments) })));

/** @param {unknown} text */
function parsed(text) {
  try {
    return JSON.parse(String(text));
  } catch {
    return text;
  }
}

/**
 * @param {boolean} pass
 * @param {string} transcript
 * @param {{ yes: string, no: string }} texts  what is wrong if it holds and should not, and if it does not
 * @returns {Verdict}
 */
const told = (pass, transcript, { yes, no }) => ({ pass, message: `${pass ? yes : no}\n\nThe session:\n${clipped(transcript)}` });

/**
 * @param {string[]} lines
 * @param {string} received
 */
const difference = (lines, received) => ['- Expected', `+ Received: ${received}`, '', ...lines].join('\n');

/** @param {string} transcript */
function clipped(transcript) {
  const lines = transcript.trimEnd().split('\n');
  if (lines.length <= SHOWN) return lines.join('\n');
  return [`(${lines.length - SHOWN} lines before)`, ...lines.slice(-SHOWN)].join('\n');
}

/**
 * @param {number} number
 * @param {string} one
 */
const count = (number, one) => `${number} ${one}${number === 1 ? '' : 's'}`;

module.exports = { checks };
