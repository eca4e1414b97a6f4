'use strict';
// The reply helpers. Each is one line of the script language: it returns the JSON that a script file would hold.
const { badArgument, isPlainObject, show } = require('./errors.js');
const { mustBeJson } = require('./json.js');
const { PACE, mustBeAll, mustBeOptions, renamed } = require('./options.js');

/** Options of every reply, and their names in the script language. */
const OPTIONS = /** @type {Record<string, string>} */ ({
  reasoning: 'reasoning',
  annotations: 'annotations',
  phase: 'phase',
  logprobs: 'logprobs',
  finishReason: 'finish_reason',
  usage: 'usage',
  model: 'model',
  id: 'id',
  headers: 'headers',
  check: 'check',
  dialect: 'dialect',
});
/**
 * A reply with the options every reply takes.
 * @param {string} helper
 * @param {Record<string, any>} reply
 * @param {unknown} [options]
 * @param {unknown[]} [rest]  what was given after them
 */
function withOptions(helper, reply, options, rest = []) {
  mustBeAll(helper, rest, 'give all options in one object');
  const { hold, ...given } = renamed(helper, options, { ...OPTIONS, ...PACE, hold: 'hold' });
  /** @type {Record<string, any>} */
  const pace = {};
  for (const name of Object.values(PACE)) {
    if (name in given) pace[name] = given[name];
    delete given[name];
  }
  if (hold !== undefined) pace.hold = renamed(`${helper}: hold`, hold, { afterChunks: 'after_chunks', until: 'until' });
  return merged(helper, reply, Object.keys(pace).length ? { ...given, pace } : given);
}

/** What of a reply holds settings that can be given one by one. */
const SETTINGS = ['pace', 'usage', 'headers'];

/**
 * Two parts of a reply as one. What both say must be the same: one of them would be lost.
 * @param {string} helper
 * @param {Record<string, any>} one
 * @param {Record<string, any>} other
 * @param {string} [place]  of both, for the message
 */
function merged(helper, one, other, place = '') {
  const out = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const before = out[key];
    if (SETTINGS.includes(key) && isPlainObject(before) && isPlainObject(value)) out[key] = merged(helper, before, value, `${key}.`);
    else if (before === undefined || JSON.stringify(before) === JSON.stringify(value)) out[key] = value;
    else throw badArgument(`${helper}: ${place}${key} is given twice, as ${show(before)} and as ${show(value)}, and a reply has one; leave one out`);
  }
  return out;
}

/**
 * @param {string} helper
 * @param {string} what
 * @param {unknown} value
 */
function mustBeString(helper, what, value) {
  if (typeof value !== 'string') throw badArgument(`${helper}: ${what} must be a string, not ${show(value)}`);
  return value;
}

/**
 * A reply given as a string or an object, as an object.
 * @param {string} helper
 * @param {unknown} reply
 */
function asObject(helper, reply) {
  if (typeof reply === 'string') return { text: reply };
  if (isPlainObject(reply)) return reply;
  throw badArgument(`${helper}: expected a string or a reply such as text('…'), not ${show(reply)}`);
}

/**
 * Bytes or base64 text, as base64 text.
 * @param {string} helper
 * @param {unknown} data
 */
function base64(helper, data) {
  if (typeof data === 'string') return data;
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  throw badArgument(`${helper}: the data must be bytes (a Uint8Array) or base64 text, not ${show(data)}`);
}

/** @type {typeof import('../index.d.ts').text} */
const text = (value, options, ...rest) => withOptions('text()', { text: mustBeString('text()', 'the text', value) }, options, rest);

/** @type {typeof import('../index.d.ts').json} */
const json = (value, options, ...rest) => {
  mustBeJson(value, '', { lead: 'json(): ' });
  return withOptions('json()', { json: value }, options, rest);
};

/** @type {typeof import('../index.d.ts').refusal} */
const refusal = (value, options, ...rest) => withOptions('refusal()', { refusal: mustBeString('refusal()', 'the refusal', value) }, options, rest);

/** @type {typeof import('../index.d.ts').reasoning} */
const reasoning = (summary, reply, options, ...rest) => {
  if (typeof summary !== 'string' && !Array.isArray(summary)) {
    throw badArgument(`reasoning(): the summary must be a string or a list of strings, not ${show(summary)}`);
  }
  return withOptions('reasoning()', merged('reasoning()', { reasoning: summary }, reply === undefined ? {} : asObject('reasoning()', reply)), options, rest);
};

/** @type {typeof import('../index.d.ts').toolCall} */
const toolCall = (name, args = {}, options = {}, ...rest) => {
  const { id, custom, ...more } = mustBeOptions('toolCall()', options);
  mustBeString('toolCall()', 'the tool’s name', name);
  if (typeof args !== 'string' && (typeof args !== 'object' || args === null)) {
    throw badArgument(`toolCall('${name}'): the arguments must be an object, or a string sent as it is, not ${show(args)}`);
  }
  mustBeJson(args, 'arguments', { lead: `toolCall('${name}'): ` });
  if (custom && typeof args !== 'string') throw badArgument(`toolCall('${name}'): the input of a custom tool is a string, not ${show(args)}`);
  /** @type {any} */
  const call = { name, ...(custom ? { input: args } : { arguments: args }), ...(id !== undefined && { id }) };
  return { tool_calls: [call], ...withOptions('toolCall()', {}, more, rest) };
};

/** @type {typeof import('../index.d.ts').toolCalls} */
const toolCalls = (...calls) => {
  if (!calls.length) throw badArgument('toolCalls(): give at least one toolCall(…)');
  const all = calls.map((call, index) => {
    if (!isPlainObject(call) || !Array.isArray(call.tool_calls)) {
      throw badArgument(`toolCalls(): argument ${index + 1} must be a toolCall(…), not ${show(call)}`);
    }
    return call;
  });
  const more = all.reduce((before, { tool_calls, ...one }) => merged('toolCalls()', before, one), {});
  return { ...more, tool_calls: all.flatMap((call) => call.tool_calls) };
};

/** @type {typeof import('../index.d.ts').output} */
const output = (items, options, ...rest) => {
  if (!Array.isArray(items)) throw badArgument(`output(): expected a list of items, not ${show(items)}`);
  return withOptions('output()', { output: items.map((item) => asObject('output()', item)) }, options, rest);
};

/** @type {typeof import('../index.d.ts').error} */
const error = (status, more, ...rest) => {
  if (!Number.isInteger(status) || status < 400 || status > 599) {
    throw badArgument(`error(): the status must be a whole number from 400 to 599, not ${show(status)}`);
  }
  const instead = typeof more === 'string' ? 'give one object, with the message in it' : 'give all options in one object';
  return failure('error()', { status }, typeof more === 'string' ? { message: more } : more, rest, instead);
};

/**
 * An error; the emulator fills in what is missing as OpenAI does for this status or code.
 * @param {string} helper
 * @param {Record<string, any>} base
 * @param {unknown} more
 * @param {unknown[]} rest  what was given after it
 * @param {string} [instead]  what would be right
 */
function failure(helper, base, more, rest, instead = 'give all options in one object') {
  mustBeAll(helper, withoutIndex(more, rest), instead);
  const given = renamed(helper, more, { message: 'message', type: 'type', code: 'code', param: 'param', retryAfterMs: 'retry_after_ms', headers: 'headers' });
  return { error: { ...base, ...given } };
}

/**
 * What was given after an argument that may be left out; not the index that `Array.from({ length: 2 }, rateLimited)` gives.
 * @param {unknown} first
 * @param {unknown[]} rest
 */
const withoutIndex = (first, rest) => (first === undefined && typeof rest[0] === 'number' ? rest.slice(1) : rest);

/** @type {typeof import('../index.d.ts').rateLimited} */
const rateLimited = (more, ...rest) => failure('rateLimited()', { status: 429 }, more, rest);
/** @type {typeof import('../index.d.ts').quotaExceeded} */
const quotaExceeded = (more, ...rest) => failure('quotaExceeded()', { status: 429, code: 'insufficient_quota' }, more, rest);
/** @type {typeof import('../index.d.ts').serverError} */
const serverError = (more, ...rest) => failure('serverError()', { status: 500 }, more, rest);
/** @type {typeof import('../index.d.ts').contextLengthExceeded} */
const contextLengthExceeded = (more, ...rest) => failure('contextLengthExceeded()', { status: 400, code: 'context_length_exceeded' }, more, rest);
/** @type {typeof import('../index.d.ts').invalidApiKey} */
const invalidApiKey = (more, ...rest) => failure('invalidApiKey()', { status: 401, code: 'invalid_api_key' }, more, rest);

/**
 * A fault in a reply, or before any reply.
 * @param {string} kind
 * @param {string} lone  where it strikes when there is no reply
 * @param {unknown[]} args  (reply?, options?)
 * @returns {any}
 */
function fault(kind, lone, args) {
  const isOptions = (/** @type {unknown} */ value) => isPlainObject(value) && Object.keys(value).every((key) => key === 'at' || key === 'ms');
  mustBeAll(`${kind}()`, args.slice(2), 'give a reply and one object of options');
  const [reply, options] = args.length === 1 && isOptions(args[0]) ? [undefined, args[0]] : args;
  const given = renamed(`${kind}()`, options, { at: 'at', ...(kind === 'stall' && { ms: 'stall_ms' }) });
  const where = given.at === undefined && reply === undefined ? { at: lone } : {};
  const whole = reply === undefined ? {} : asObject(`${kind}()`, reply);
  if (whole.fault !== undefined) throw badArgument(`${kind}(): the reply breaks already, by ${show(whole.fault)}, and it breaks once; give it without`);
  return { ...whole, fault: { kind, ...where, ...given } };
}

/** @type {typeof import('../index.d.ts').timeout} */
const timeout = (/** @type {unknown[]} */ ...rest) => {
  const [first, ...more] = rest;
  mustBeAll('timeout()', [first, ...withoutIndex(first, more)], 'it never answers; stall({ ms: 500 }) falls silent for a time');
  return { fault: { kind: 'stall', at: 'connect' } };
};
/** @type {typeof import('../index.d.ts').disconnect} */
const disconnect = (/** @type {unknown[]} */ ...args) => fault('disconnect', 'connect', args);
/** @type {typeof import('../index.d.ts').stall} */
const stall = (/** @type {unknown[]} */ ...args) => fault('stall', 'headers', args);
/** @type {typeof import('../index.d.ts').malformed} */
const malformed = (reply = '', ...more) => fault('malformed', 'headers', [reply, ...more]);

/** @type {typeof import('../index.d.ts').raw} */
const raw = (answer, ...rest) => {
  mustBeAll('raw()', rest, "give one object: raw({ status: 404, body: 'gone' })");
  if (typeof answer === 'string') return { raw: { status: 200, body: answer } };
  const { chunks, ...given } = renamed('raw()', answer, { status: 'status', headers: 'headers', body: 'body', sse: 'sse', chunks: 'chunks', events: 'events' });
  if (chunks !== undefined && !Array.isArray(chunks)) throw badArgument(`raw(): chunks must be a list of { atMs, text }, not ${show(chunks)}`);
  const timed = chunks?.map((/** @type {unknown} */ chunk) => renamed('raw(): chunks', chunk, { atMs: 'at_ms', text: 'text', base64: 'base64' }));
  return { raw: { status: 200, ...given, ...(timed && { chunks: timed }) } };
};

/** @type {typeof import('../index.d.ts').generated} */
const generated = (options, ...rest) => {
  mustBeAll('generated()', withoutIndex(options, rest), 'give all options in one object');
  return { generate: renamed('generated()', options, { length: 'length', seed: 'seed', tools: 'tools', style: 'style' }) };
};

/** @type {typeof import('../index.d.ts').embedding} */
const embedding = (vector, options, ...rest) => {
  if (!Array.isArray(vector) || !vector.length) throw badArgument(`embedding(): expected a list of numbers, or one list for each input, not ${show(vector)}`);
  return withOptions('embedding()', { embedding: vector }, options, rest);
};

/** @type {typeof import('../index.d.ts').image} */
const image = (data, options, ...rest) =>
  withOptions('image()', Array.isArray(data) ? { choices: data.map((one) => ({ image: base64('image()', one) })) } : { image: base64('image()', data) }, options, rest);

/** @type {typeof import('../index.d.ts').audio} */
const audio = (data, options = {}, ...rest) => {
  const { transcript, ...more } = mustBeOptions('audio()', options);
  return withOptions('audio()', { audio: { data: base64('audio()', data), ...(transcript !== undefined && { transcript }) } }, more, rest);
};

/** @type {typeof import('../index.d.ts').moderation} */
const moderation = (verdict, options, ...rest) => {
  const list = typeof verdict === 'string' ? [verdict] : verdict;
  return withOptions('moderation()', { moderation: Array.isArray(list) ? { flagged: list.length > 0, categories: list } : list }, options, rest);
};

module.exports = {
  audio, contextLengthExceeded, disconnect, embedding, error, generated, image, invalidApiKey, json, malformed, moderation, output,
  quotaExceeded, rateLimited, raw, reasoning, refusal, serverError, stall, text, timeout, toolCall, toolCalls,
};
