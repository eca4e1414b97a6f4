'use strict';
// What of a value differs from what was expected of it, as lines that a person reads. The same in every runner.
const { isPlainObject, isRegExp } = require('./errors.js');

/** Longest text shown of one value. */
const SHOWN = 300;

/** In the place of an item that a list has too many or too few. */
const ABSENT = Symbol('absent');

/**
 * Compares a value with what is expected of it: objects by the keys that are expected, lists by all of their items, a
 * RegExp with text, an asymmetric matcher (`expect.any(String)`) by itself, the rest by identity.
 * @param {any} expected
 * @param {any} actual
 * @param {{ indent?: string, key?: string }} [place]
 * @returns {{ wrong: number, lines: string[] }}  how many values are wrong, and all that were compared
 */
function compare(expected, actual, { indent = '', key = '' } = {}) {
  const entries = pairs(expected, actual);
  if (!entries) {
    if (same(expected, actual)) return { wrong: 0, lines: [`  ${indent}${key}${shown(actual)},`] };
    const line = (/** @type {string} */ mark, /** @type {unknown} */ value) => (value === ABSENT ? [] : [`${mark} ${indent}${key}${shown(value)},`]);
    return { wrong: 1, lines: [...line('-', expected), ...line('+', actual)] };
  }
  const [open, close] = Array.isArray(expected) ? '[]' : '{}';
  const inner = entries.map(([name, part, whole]) => compare(part, whole, { indent: `${indent}  `, key: name }));
  return {
    wrong: inner.reduce((sum, each) => sum + each.wrong, 0),
    lines: [`  ${indent}${key}${open}`, ...inner.flatMap((each) => each.lines), `  ${indent}${close}${indent && ','}`],
  };
}

/**
 * What within two values is compared, with the key as it is shown; undefined if they are compared as they are.
 * @param {any} expected
 * @param {any} actual
 * @returns {[string, unknown, unknown][] | undefined}
 */
function pairs(expected, actual) {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const item = (/** @type {any[]} */ list, /** @type {number} */ index) => (index < list.length ? list[index] : ABSENT);
    return Array.from({ length: Math.max(expected.length, actual.length) }, (_, index) => ['', item(expected, index), item(actual, index)]);
  }
  const open = isPlainObject(expected) && !isMatcher(expected) && typeof actual === 'object' && actual !== null && !Array.isArray(actual);
  return open ? Object.entries(expected).map(([key, part]) => [`${JSON.stringify(key)}: `, part, key in actual || part === undefined ? actual[key] : ABSENT]) : undefined;
}

/** @param {any} value */
const isMatcher = (value) => typeof value?.asymmetricMatch === 'function';

/**
 * @param {any} expected
 * @param {any} actual
 */
function same(expected, actual) {
  if (isMatcher(expected)) return Boolean(expected.asymmetricMatch(actual));
  if (isRegExp(expected)) return typeof actual === 'string' && new RegExp(expected.source, expected.flags).test(actual);
  return Object.is(expected, actual);
}

/**
 * A value on one line.
 * @param {any} value
 * @returns {string}
 */
function shown(value) {
  if (isMatcher(value)) return value.toAsymmetricMatcher?.() ?? String(value);
  if (isRegExp(value) || value === undefined || typeof value === 'function') return String(value);
  let text;
  try {
    text = JSON.stringify(value, (_key, part) => (isMatcher(part) || isRegExp(part) ? shown(part) : part));
  } catch {
    text = Object.prototype.toString.call(value);
  }
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

module.exports = { compare, isMatcher, shown };
