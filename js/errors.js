'use strict';
// What this package throws: an Error with a stable `code`, whose stack begins at the caller's line.

/** Every error of the package. `code` never changes its meaning; `message` may be reworded. */
class LLEmulatorError extends Error {
  /**
   * @param {import('../index.d.ts').ErrorCode} code
   * @param {string} message  what was wrong, and what would be right
   * @param {{ cause?: unknown, param?: string | null, places?: string[] }} [more]  `param`: the place in a script, as a
   *   JSON path; `places`: lines of the caller that are to blame, as `callersLine()` gives them
   */
  constructor(code, message, { cause, param, places = [] } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    if (param) this.param = param;
    // The first line that is not ours is the mistake: test runners show the code around it. However deep we are in what
    // was given, it must be among the frames.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = Infinity;
    Error.captureStackTrace(this);
    Error.stackTraceLimit = stackTraceLimit;
    const [head, ...frames] = (this.stack ?? '').split('\n    at ');
    this.stack = [head, ...places, ...frames.filter(isCallers).slice(0, stackTraceLimit)].join('\n    at ');
  }
}
// Not an own property, so that it does not show up when the error is printed.
Object.defineProperty(LLEmulatorError.prototype, 'name', { value: 'LLEmulatorError', configurable: true, writable: true });

/**
 * Whether a frame of a stack trace is a line of the caller's: not ours, nor one of the engine's between ours.
 * @param {string} frame
 */
const isCallers = (frame) => !frame.includes(__dirname) && !frame.endsWith('(<anonymous>)');

/** The line of whoever called this package, as a stack trace says it. */
const callersLine = () => (new Error().stack ?? '').split('\n    at ').slice(1).find(isCallers);

/** @param {string} message */
const badArgument = (message) => new LLEmulatorError('ERR_LLEMULATOR_ARGUMENT', message);

/**
 * That a name is none of those there are; the nearest is named if it looks like a slip.
 * @param {string} what  up to the name: `session(): there is no option `
 * @param {string} name
 * @param {string[]} known
 */
function unknownName(what, name, known) {
  const [nearest] = known.map((each) => ({ each, far: distance(name.toLowerCase(), each.toLowerCase()) })).sort((a, b) => a.far - b.far);
  const meant = nearest && nearest.far <= Math.max(1, nearest.each.length / 3) ? `; did you mean ${nearest.each}?` : '';
  return badArgument(`${what}${name}; there are: ${known.join(', ')}${meant}`);
}

/**
 * How many letters must be put in, left out or changed to make one of the other (Levenshtein). Of long names the beginning.
 * @param {string} from
 * @param {string} to
 */
function distance(from, to) {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const letter of from.slice(0, 50)) {
    const next = [row[0] + 1];
    for (let i = 0; i < to.length; i++) next.push(Math.min(next[i] + 1, row[i + 1] + 1, row[i] + (letter === to[i] ? 0 : 1)));
    row = next;
  }
  return row[to.length];
}

/**
 * A value as an error message shows it.
 * @param {unknown} value
 */
function show(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function') return `the function ${value.name || '(anonymous)'}`;
  if (typeof value === 'object' || typeof value === 'string') {
    let text;
    try {
      text = JSON.stringify(value);
    } catch {
      text = Object.prototype.toString.call(value);
    }
    return text.length > 80 ? `${text.slice(0, 80)}…` : text;
  }
  return `${String(value)} (a ${typeof value})`;
}

/**
 * Whether a value is an object made of plain keys. By shape, not by constructor: jest runs tests in a realm of their own.
 * @param {unknown} value
 * @returns {value is Record<string, any>}
 */
function isPlainObject(value) {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * Whether a value is a RegExp, of whatever realm.
 * @param {unknown} value
 * @returns {value is RegExp}
 */
const isRegExp = (value) => Object.prototype.toString.call(value) === '[object RegExp]';

module.exports = { LLEmulatorError, badArgument, callersLine, isPlainObject, isRegExp, show, unknownName };
