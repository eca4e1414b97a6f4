'use strict';
// What JSON can hold. All else would be sent as something else: a Map as {}, NaN as null.
const { badArgument, isRegExp, show } = require('./errors.js');

/** Objects whose keys, if they have any, are not what they hold. */
const NO_KEYS = /^(?:(?:Weak)?(?:Map|Set)|\w+Array)$/;
/** Objects that JSON writes without keys. */
const KEYLESS = /^(?:Object|String|Number|Boolean)$/;

/** Deepest nesting of a value that a helper is given, and of a reply with such values: a script is read to 127 levels. */
const MOST_NESTED = 100;
const MOST_NESTED_REPLY = 110;
/** Most of a place that is shown of what lies too deep. */
const SHOWN = 40;

/**
 * Throws unless JSON holds all of a value. What is undefined in an object is left out, as JSON.stringify does.
 * @param {unknown} value
 * @param {string} at  its place, for the message; '' = the value itself
 * @param {object} [how]
 * @param {string} [how.lead]  what the message begins with
 * @param {string} [how.expected]  what would be right
 * @param {number} [how.most]  its deepest nesting
 * @param {boolean} [how.complete]  what is undefined is a mistake in objects too
 * @param {unknown[]} [above]  what it stands in
 */
function mustBeJson(value, at, how = {}, above = []) {
  const { toJSON } = Object(value);
  const given = typeof toJSON === 'function' ? toJSON.call(value) : value;
  const what = above.includes(given) ? 'circular: it holds itself' : lost(given);
  if (what) {
    const { lead = '', expected } = how;
    throw badArgument(`${lead}${at || 'the value'} is ${what}${expected ? `; expected ${expected}` : ', which JSON cannot hold'}`);
  }
  if (typeof given !== 'object' || given === null) return;
  const { most = MOST_NESTED } = how;
  if (above.length === most) throw badArgument(`${how.lead ?? ''}${at.slice(0, SHOWN)}… is nested more than ${most} levels deep, and the emulator reads no more; make it flatter`);
  const inside = [...above, given];
  // By index: a list may have holes.
  if (Array.isArray(given)) for (let i = 0; i < given.length; i++) mustBeJson(given[i], `${at}[${i}]`, how, inside);
  else for (const [key, one] of Object.entries(given)) if (one !== undefined || how.complete) mustBeJson(one, place(at, key), how, inside);
}

/**
 * What a value is that JSON cannot hold; else nothing.
 * @param {any} value
 */
function lost(value) {
  if (value === undefined || typeof value === 'function') return show(value);
  if (typeof value === 'bigint') return `the BigInt ${value}n`;
  if (typeof value === 'symbol' || (typeof value === 'number' && !Number.isFinite(value))) return String(value);
  if (isRegExp(value)) return `the RegExp ${value}`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  if (typeof value.then === 'function') return 'a promise (await it)';
  // By tag, not by constructor: jest runs tests in a realm of their own.
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
  const emptied = !KEYLESS.test(tag) && !Object.keys(value).length;
  return emptied || NO_KEYS.test(tag) ? `of the type ${tag}` : undefined;
}

/**
 * The place of a key, as a JSON path.
 * @param {string} at  of its object
 * @param {string} key
 */
const place = (at, key) => (at ? `${at}.${key}` : key);

module.exports = { MOST_NESTED, MOST_NESTED_REPLY, mustBeJson, place };
