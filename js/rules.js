'use strict';
// Conditions in JavaScript, and scripts as JSON text: RegExps are translated, functions become numbers.
const { badArgument, callersLine, isPlainObject, isRegExp, show, unknownName } = require('./errors.js');
const { asTimes } = require('./options.js');
const { escape, translate } = require('./regex.js');

/**
 * A condition on text: a string is literal, a RegExp is translated.
 * @param {unknown} value
 * @param {string} key
 */
function pattern(value, key) {
  if (isRegExp(value)) return translate(value);
  if (typeof value === 'string') return escape(value);
  throw badArgument(`when(): ${key} must be a string or a RegExp, not ${show(value)}`);
}

/**
 * A condition on a name: a string is exact, a RegExp is translated and marked as one.
 * @param {unknown} value
 * @param {string} key
 */
function exact(value, key) {
  if (isRegExp(value)) return `/${translate(value)}/`;
  if (typeof value === 'string') return value;
  throw badArgument(`when(): ${key} must be a string or a RegExp, not ${show(value)}`);
}

/** @param {unknown} value */
const asIs = (value) => value;

/**
 * The keys of a match: the name in the script language, and how the value is written there.
 * @type {Record<string, [string, (value: any, key: string) => unknown]>}
 */
const KEYS = {
  user: ['user', pattern],
  system: ['system', pattern],
  anyMessage: ['any_message', pattern],
  model: ['model', exact],
  operation: ['operation', asIs],
  toolOffered: ['tool_offered', asIs],
  toolResult: ['tool_result', toolResult],
  turn: ['turn', asIs],
  stream: ['stream', asIs],
  format: ['format', asIs],
  header: ['header', (value, key) => mapped(value, key, (one) => pattern(one, key))],
  body: ['body', asIs],
  path: ['path', exact],
  method: ['method', asIs],
  not: ['not', match],
};

/**
 * @param {unknown} value
 * @param {string} key
 */
function toolResult(value, key) {
  if (!isPlainObject(value)) return value;
  const { tool, text, ...rest } = value;
  const [stray] = Object.keys(rest);
  if (stray) throw unknownName(`when(): ${key} has no key `, stray, ['tool', 'text']);
  return { ...(tool !== undefined && { tool }), ...(text !== undefined && { text: pattern(text, `${key}.text`) }) };
}

/**
 * @param {unknown} value
 * @param {string} key
 * @param {(value: unknown) => unknown} each
 */
function mapped(value, key, each) {
  if (!isPlainObject(value)) throw badArgument(`when(): ${key} must be an object, not ${show(value)}`);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, each(one)]));
}

/**
 * A Match as the script language writes it.
 * @param {unknown} given
 */
function match(given) {
  if (typeof given === 'string' || isRegExp(given)) return pattern(given, 'the match');
  if (!isPlainObject(given)) throw badArgument(`when(): expected a string, a RegExp or an object of conditions, not ${show(given)}`);
  /** @type {Record<string, unknown>} */
  const out = {};
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(KEYS, key)) throw unknownName('when(): there is no condition ', key, Object.keys(KEYS));
    const [name, write] = KEYS[key];
    out[name] = write(value, key);
  }
  return out;
}

/** @type {typeof import('../index.d.ts').when} */
const when = (condition, reply, { times, expect, optional, name, ...rest } = {}) => {
  const [stray] = Object.keys(rest);
  if (stray) throw unknownName('when(): there is no option ', stray, ['times', 'expect', 'optional', 'name']);
  const replies = Array.isArray(reply) ? reply : [reply];
  if (!replies.length) throw badArgument('when(): the list of replies is empty');
  for (const each of replies) mustBeReply(each, 'when(): the reply');
  return /** @type {any} */ ({
    match: match(condition),
    ...(Array.isArray(reply) ? { responses: reply } : { response: reply }),
    ...(times !== undefined && { times: asTimes(times) }),
    ...(expect !== undefined && { expect: match(expect) }),
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
 * A script as JSON text. Wherever a function or a RegExp stands, its number or translation is written.
 * @param {unknown} script
 * @param {(reply: Function) => number} number  keeps a function and gives its number
 */
function serialise(script, number) {
  return JSON.stringify(script, (key, value) => {
    if (typeof value === 'function') return { callback: number(value), ...(value.name && { callback_name: value.name }) };
    if (isRegExp(value)) return key === 'model' || key === 'path' ? exact(value, key) : translate(value);
    return value;
  });
}

module.exports = { asScript, match, mustBeReply, serialise, when };
