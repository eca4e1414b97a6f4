'use strict';
// Options objects: their keys in JavaScript, and in the script language.
const { badArgument, isPlainObject, show, unknownName } = require('./errors.js');

/** Options that belong to the pace. */
const PACE = /** @type {Record<string, string>} */ ({
  chunk: 'chunk',
  ttftMs: 'ttft_ms',
  delayMs: 'delay_ms',
  tokensPerSecond: 'tokens_per_second',
  keepAliveMs: 'keep_alive_ms',
});

/**
 * @param {string} helper  for the message
 * @param {unknown} options
 */
function mustBeOptions(helper, options) {
  if (isPlainObject(options)) return options;
  throw badArgument(`${helper}: the options must be an object, not ${show(options)}`);
}

/**
 * Throws if more was given than something takes.
 * @param {string} helper
 * @param {readonly unknown[]} rest
 * @param {string} instead  what would be right
 */
function mustBeAll(helper, rest, instead) {
  const stray = rest.find((each) => each !== undefined);
  if (stray !== undefined) throw badArgument(`${helper}: ${show(stray)} is an argument too many; ${instead}`);
}

/**
 * Renames the keys of an options object; a key that is not in the table is a mistake.
 * @param {string} helper  for the message
 * @param {unknown} options
 * @param {Record<string, string>} table
 */
function renamed(helper, options, table) {
  if (options === undefined) return {};
  /** @type {Record<string, any>} */
  const out = {};
  for (const [key, value] of Object.entries(mustBeOptions(helper, options))) {
    if (value === undefined) continue;
    if (!Object.hasOwn(table, key)) throw unknownName(`${helper}: there is no option `, key, Object.keys(table));
    out[table[key]] = value;
  }
  return out;
}

/**
 * How often something answers, as the script language has it.
 * @param {unknown} times
 */
const asTimes = (times) => (times === Infinity ? 'unlimited' : times);

module.exports = { PACE, asTimes, mustBeAll, mustBeOptions, renamed };
