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
    // The first line that is not ours is the mistake: test runners show the code around it.
    const [head, ...frames] = (this.stack ?? '').split('\n    at ');
    this.stack = [head, ...places, ...frames.filter(isCallers)].join('\n    at ');
  }
}
// Not an own property, so that it does not show up when the error is printed.
Object.defineProperty(LLEmulatorError.prototype, 'name', { value: 'LLEmulatorError', configurable: true, writable: true });

/** @param {string} frame  of a stack trace */
const isCallers = (frame) => !frame.includes(__dirname);

/** The line of whoever called this package, as a stack trace says it. */
const callersLine = () => (new Error().stack ?? '').split('\n    at ').slice(1).find(isCallers);

/** @param {string} message */
const badArgument = (message) => new LLEmulatorError('ERR_LLEMULATOR_ARGUMENT', message);

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

module.exports = { LLEmulatorError, badArgument, callersLine, isPlainObject, isRegExp, show };
