'use strict';
// Conditions in JavaScript, and scripts as JSON text: RegExps are translated, functions become numbers.
const { badArgument, callersLine, isPlainObject, isRegExp, show, unknownName } = require('./errors.js');
const { MOST_NESTED, MOST_NESTED_REPLY, mustBeJson, place } = require('./json.js');
const { asTimes, mustBeAll, mustBeOptions } = require('./options.js');

/** Loaded with the first condition on text. */
const regex = () => require('./regex.js');

/**
 * Where conditions stand: in `when()` a string is literal text, in a script it is written as the language has it.
 * `nots`: how many it stands in.
 * @typedef {{ lead: string, literal: boolean, keys: Record<string, [string, Write]>, nots?: number }} Style
 */
/** @typedef {(value: any, at: string, style: Style) => unknown} Write  `at`: the place, for messages */

/**
 * A condition on text: a regex in the script language.
 * @type {Write}
 */
function pattern(value, at, { lead, literal }) {
  if (isRegExp(value)) return regex().translate(value);
  if (typeof value === 'string') return literal ? regex().escape(value) : value;
  throw badArgument(`${lead}${at} must be a string or a RegExp, not ${show(value)}`);
}

/** What the script language takes for a regex: slashes, and flags after them. */
const SLASHED = /^\/.*\/[a-z]*$/s;

/**
 * A condition on a name: a string is exact, a RegExp is translated and marked as one.
 * @type {Write}
 */
function exact(value, at, { lead, literal }) {
  if (isRegExp(value)) return `/${regex().translate(value)}/`;
  // The language takes a name with slashes around it for a regex.
  if (typeof value === 'string') return literal && SLASHED.test(value) ? `/^${regex().escape(value)}$/` : value;
  throw badArgument(`${lead}${at} must be a string or a RegExp, not ${show(value)}`);
}

/**
 * A condition that the script language has no regex for.
 * @param {string} expected  what would be right
 * @returns {Write}
 */
const only = (expected) => (value, at, { lead }) => {
  mustBeJson(value, at, { lead, expected, complete: true });
  return value;
};

const TOOL = only('the name of a tool, a string');
const BODY = only('JSON, whose texts are compared whole; a RegExp may stand in user, system, model, path or header');

/**
 * The keys of a match: the name in the script language, and how the value is written there.
 * @type {Style['keys']}
 */
const KEYS = {
  user: ['user', pattern],
  system: ['system', pattern],
  anyMessage: ['any_message', pattern],
  model: ['model', exact],
  operation: ['operation', only("a string: 'chat', 'responses', the SDK's name such as 'files.create', or 'files.*' for all of it")],
  toolOffered: ['tool_offered', TOOL],
  toolResult: ['tool_result', toolResult],
  turn: ['turn', only('a whole number')],
  stream: ['stream', only('true or false')],
  format: ['format', only("'text', 'json_object' or 'json_schema'")],
  header: ['header', header],
  body: ['body', BODY],
  path: ['path', exact],
  method: ['method', only("a string such as 'POST', in any case")],
  not: ['not', match],
};

/** @type {Style} */
const WHEN = { lead: 'when(): ', literal: true, keys: KEYS };
/** @type {Style} */
const SCRIPT = { lead: '', literal: false, keys: { json: ['json', BODY], ...Object.fromEntries(Object.values(KEYS).map((each) => [each[0], each])) } };

/** @type {Write} */
function toolResult(value, at, style) {
  if (!isPlainObject(value)) return only('the name of a tool, { tool, text } or false')(value, at, style);
  const [stray] = Object.keys(value).filter((key) => key !== 'tool' && key !== 'text');
  if (stray && style.literal) throw unknownName(`${style.lead}${at} has no key `, stray, ['tool', 'text']);
  return mapped(value, at, (one, where, key) => (key === 'text' ? pattern : TOOL)(one, where, style));
}

/** @type {Write} */
function header(value, at, style) {
  if (!isPlainObject(value)) throw badArgument(`${style.lead}${at} must be an object, not ${show(value)}`);
  return mapped(value, at, (one, where) => pattern(one, where, style));
}

/**
 * @param {Record<string, unknown>} value
 * @param {string} at
 * @param {(value: unknown, at: string, key: string) => unknown} each
 */
const mapped = (value, at, each) => Object.fromEntries(Object.entries(value).map(([key, one]) => [key, each(one, place(at, key), key)]));

/**
 * A Match as the script language writes it.
 * @param {unknown} given
 * @param {string} [at]
 * @param {Style} [style]
 * @returns {unknown}
 */
function match(given, at = '', style = WHEN) {
  const { lead, literal, keys, nots = 0 } = style;
  if (nots > MOST_NESTED) throw badArgument(`${lead}${at.slice(0, 40)}… stands in more than ${MOST_NESTED} nots, and the emulator reads no more; make it flatter`);
  if (typeof given === 'string' || isRegExp(given)) return pattern(given, at, style);
  if (!isPlainObject(given)) throw badArgument(`${lead}${at}${at && ': '}expected a string, a RegExp or an object of conditions, not ${show(given)}`);
  return Object.fromEntries(Object.entries(given).map(([key, value]) => {
    const where = place(at, key);
    const known = Object.hasOwn(keys, key);
    // What else a script has there is the emulator's to judge.
    if (!known && literal) throw unknownName(`${lead}${at && `${at}: `}there is no condition `, key, Object.keys(keys));
    // It would be left out, and the rest match more.
    if (value === undefined) throw badArgument(`${lead}${where} is undefined; give a value, or leave the condition out`);
    const [name, write] = known ? keys[key] : [key, only('JSON')];
    return [name, write(value, where, key === 'not' ? { ...style, nots: nots + 1 } : style)];
  }));
}

/** @type {typeof import('../index.d.ts').when} */
const when = (condition, reply, options = {}, ...more) => {
  mustBeAll('when()', more, 'give several replies as a list, and all options in one object');
  const { times, expect, optional, name, ...rest } = mustBeOptions('when()', options);
  const [stray] = Object.keys(rest);
  if (stray) throw unknownName('when(): there is no option ', stray, ['times', 'expect', 'optional', 'name']);
  const replies = Array.isArray(reply) ? reply : [reply];
  if (!replies.length) throw badArgument('when(): the list of replies is empty');
  for (const each of replies) mustBeReply(each, 'when(): the reply');
  return /** @type {any} */ ({
    match: match(condition),
    ...(Array.isArray(reply) ? { responses: reply } : { response: reply }),
    ...(times !== undefined && { times: asTimes(times) }),
    ...(expect !== undefined && { expect: match(expect, 'expect') }),
    ...(optional !== undefined && { optional }),
    ...(name !== undefined && { name }),
  });
};

/**
 * Throws unless a value can be a reply or a rule.
 * @param {unknown} value
 * @param {string} what  for the message
 */
function mustBeReply(value, what) {
  if (typeof value === 'string' || typeof value === 'function' || isPlainObject(value)) return;
  const hint = Array.isArray(value) ? ' (spread the list: replies(...list))' : '';
  throw badArgument(`${what} is ${show(value)}; expected a string, a reply such as text('…'), when(…) or a function${hint}`);
}

/**
 * A script given whole, or as its responses alone, as an object.
 * @param {unknown} script
 */
function asScript(script) {
  // So that a reply nobody asked for can be shown where it was given.
  return { ...whole(script), called_at: callersLine() };
}

/** @param {unknown} script */
function whole(script) {
  if (typeof script === 'string' && isScriptText(script)) {
    throw badArgument("script(): this is a script as JSON text, which would be sent as the model's answer; give JSON.parse(…) of it");
  }
  const object = typeof script === 'string' || Array.isArray(script) ? { responses: script } : script;
  if (!isPlainObject(object)) throw badArgument(`script(): expected an object as in script.schema.json, not ${show(script)}`);
  if ('called_at' in object) throw noKey('called_at');
  return object;
}

/**
 * Whether a text is a script written as JSON: an object with a key that scripts have, or a list of responses.
 * @param {string} text
 */
function isScriptText(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  return Array.isArray(value) || isPlainObject(value) && ['responses', 'rules', 'defaults', 'models', 'reset', 'extends', '$schema'].some((key) => key in value);
}

/**
 * What a session or a desk is sent, as JSON text. A function is written as its number where a reply stands, a RegExp as
 * its translation where a condition does; elsewhere neither has a meaning.
 * @param {unknown} body
 * @param {(reply: Function) => number} number  keeps a function and gives its number
 */
function serialise(body, number) {
  /** @typedef {(value: unknown, at: string) => unknown} Writer */
  /** @type {Writer} */
  const json = (value, at) => {
    mustBeJson(value, at, { most: MOST_NESTED_REPLY });
    return value;
  };
  /** @type {Writer} */
  const condition = (value, at) => match(value, at, SCRIPT);
  /** @type {(table: Record<string, Writer>) => Writer} */
  const object = (table) => (value, at) => {
    if (!isPlainObject(value)) return json(value, at);
    for (const key of ['callback', 'callback_name']) if (key in value) throw noKey(place(at, key));
    return mapped(value, at, (one, where, key) => {
      const write = Object.hasOwn(table, key) ? table[key] : json;
      return one === undefined && write !== condition ? undefined : write(one, where);
    });
  };
  /** @type {(write: Writer) => Writer} */
  const each = (write) => (value, at) => {
    if (Array.isArray(value)) return Array.from(value, (one, index) => write(one, `${at}[${index}]`));
    return isPlainObject(value) ? mapped(value, at, write) : json(value, at);
  };
  /** @type {(table: Record<string, Writer>) => Writer} */
  const orFunction = (table) => (value, at) => {
    if (typeof value !== 'function') return object(table)(value, at);
    return { callback: number(value), ...(value.name && { callback_name: value.name }) };
  };
  const reply = orFunction({});
  const steps = each(orFunction({ match: condition, pattern: condition, expect: condition, response: reply, responses: each(reply) }));
  const defaults = object({ fallback: reply, on_unmatched: reply });
  return JSON.stringify(object({ responses: steps, rules: steps, defaults, reply, items: each(object({ reply })) })(body, ''));
}

/**
 * What is written for us alone: any number would be somebody's function, also another session's.
 * @param {string} at
 */
const noKey = (at) => badArgument(`${at}: scripts have no such key`);

module.exports = { asScript, match, mustBeReply, serialise, when };
