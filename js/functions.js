'use strict';
// Functions as replies: kept here by number, called when the emulator asks, their results sent back as JSON text.
const { badArgument, isPlainObject, show, unknownName } = require('./errors.js');
const { MOST_NESTED_REPLY, mustBeJson } = require('./json.js');

/** What the emulator is told about a call. @typedef {Record<string, unknown>} Answer */

/**
 * What a function threw, or why its reply is none.
 * @typedef {object} Thrown
 * @property {unknown} error
 * @property {string} said  as the emulator was told of it
 * @property {boolean} late  nobody waited any more, so that the emulator counts no failure
 */

/** Errors kept of a session: as many as the emulator tells of. */
const MOST_THROWN = 100;

/** The functions of one emulator. */
class Functions {
  /** @type {Map<number, { reply: Function, owner: string }>} */
  #kept = new Map();
  #next = 1;
  /** Who is running, to be told when its client leaves. @type {Map<number, AbortController>} */
  #running = new Map();
  /** What went wrong, by the name of the session whose request it was. @type {Map<string, Thrown[]>} */
  #thrown = new Map();
  /** @type {import('./native.js').NativeEmulator} */
  #native;
  /** Who is told of events. @type {((name: string, data: any) => void) | undefined} */
  listener;

  /** @param {import('./native.js').NativeEmulator} native */
  constructor(native) {
    this.#native = native;
  }

  /**
   * Keeps a function for a session.
   * @param {Function} reply
   * @param {string} owner  the session's name; empty = the shared script
   */
  add(reply, owner) {
    const number = this.#next++;
    this.#kept.set(number, { reply, owner });
    return number;
  }

  /**
   * What functions threw that answered a session's requests, also those of the shared script.
   * @param {string} session
   */
  thrown(session) {
    return this.#thrown.get(session) ?? [];
  }

  /** @param {string} [owner]  without it, all are dropped */
  drop(owner) {
    if (owner === undefined) this.#thrown.clear();
    else this.#thrown.delete(owner);
    for (const [number, kept] of this.#kept) if (owner === undefined || kept.owner === owner) this.#kept.delete(number);
  }

  /** Those of the shared script stay. */
  dropSessions() {
    this.#thrown.clear();
    for (const { owner } of [...this.#kept.values()]) if (owner) this.drop(owner);
  }

  /**
   * What the emulator calls. Never throws and never rejects: that would be an error nobody can catch.
   * @param {string} message  `{"type":"call", "callback", "stream", "request"}`, `{"type":"abort", "stream"}` or `{"type":"event", "event"}`
   * @returns {Promise<string>}
   */
  async dispatch(message) {
    const { type, callback, stream, request, event } = JSON.parse(message);
    if (type === 'event') {
      this.listener?.(event.type, event.data);
      return '{}';
    }
    if (type === 'abort') {
      this.#running.get(stream)?.abort(new Error('the client has left'));
      return '{}';
    }
    const abort = new AbortController();
    this.#running.set(stream, abort);
    // Taken now: what is thrown after a reset() is no longer the session's.
    const errors = this.thrown(request.session);
    this.#thrown.set(request.session, errors);
    /** @type {Answer} */
    let answer;
    let text;
    try {
      answer = await this.#call(callback, stream, request, abort.signal, errors);
      text = JSON.stringify(answer);
    } catch (thrown) {
      answer = { error: keep(errors, thrown, abort.signal) };
      text = JSON.stringify(answer);
    }
    if (!answer.streaming) this.#running.delete(stream);
    return text;
  }

  /**
   * @param {number} callback
   * @param {number} stream
   * @param {unknown} request
   * @param {AbortSignal} signal
   * @param {Thrown[]} errors
   * @returns {Promise<Answer>}
   */
  async #call(callback, stream, request, signal, errors) {
    const kept = this.#kept.get(callback);
    if (!kept) throw new Error('its session was reset while the request ran');
    const { reply } = kept;
    const result = await reply(request, { signal });
    if (!isIterator(result)) return this.#returned(result, reply, signal);
    // A generator that throws before its first piece fails the request, not the stream.
    const first = await result.next();
    if (first.done) return this.#returned(first.value, reply, signal);
    // In a task of its own: the answer `streaming` opens the stream that the pieces go into.
    void this.#stream(stream, result, first.value, reply, signal, errors);
    const { bytes, status, headers } = Object(first.value);
    return bytes === undefined ? { streaming: true } : { streaming: true, raw: { status, headers } };
  }

  /**
   * @param {unknown} result
   * @param {Function} reply
   * @param {AbortSignal} signal
   * @returns {Answer}
   */
  #returned(result, reply, signal) {
    if (result === undefined) return { pass: true };
    const given = valid(result, reply, 'returned');
    if (signal.aborted) this.#unheard(JSON.stringify(given), reply, 'returned');
    return { reply: given };
  }

  /**
   * A reply that nobody waits for any more: the emulator says what is wrong with it only when it is asked.
   * @param {string} given  as JSON
   * @param {Function} reply
   * @param {string} verb
   */
  #unheard(given, reply, verb) {
    const fault = this.#native.fault(given);
    if (fault) throw badArgument(`${called(reply)} ${verb} a bad reply: ${fault}`);
  }

  /**
   * Sends the pieces of a generator as it yields them.
   * @param {number} stream
   * @param {AsyncIterator<unknown> | Iterator<unknown>} pieces
   * @param {unknown} first
   * @param {Function} reply
   * @param {AbortSignal} signal
   * @param {Thrown[]} errors
   */
  async #stream(stream, pieces, first, reply, signal, errors) {
    const native = this.#native;
    /** @type {string | undefined} */
    let error;
    try {
      try {
        const { bytes, status, headers, ...rest } = Object(first);
        if (bytes !== undefined) {
          mustBeJson({ status, headers }, '', { lead: `${called(reply)} yielded a piece whose ` });
          // What a raw answer begins with is said already.
          first = { bytes, ...rest };
        }
        /** @type {IteratorResult<unknown>} */
        let step = { done: false, value: first };
        for (; !step.done; step = await pieces.next()) {
          const piece = JSON.stringify(yielded(step.value, reply));
          let wanted = true;
          // Full: the client is slow. Wait for it, or for the news that it has left.
          while (wanted && !native.push(stream, piece)) wanted = await native.drained(stream);
          if (!wanted || signal.aborted) {
            if (!isPiece(step.value)) this.#unheard(piece, reply, 'yielded');
            break;
          }
        }
        if (step.done && step.value !== undefined) throw badArgument(`${called(reply)} returned ${show(step.value)} after it had yielded, which nobody would see; yield it`);
      } finally {
        // However it ended, the generator's own `finally` has run.
        await pieces.return?.();
      }
    } catch (thrown) {
      error = keep(errors, thrown, signal);
      // What was yielded before goes first.
      await native.drained(stream);
    }
    this.#running.delete(stream);
    native.finish(stream, error);
  }
}

/** @param {Function} reply  as messages call it */
const called = (reply) => `the reply function${reply.name ? ` ${reply.name}` : ''}`;

/**
 * A function's result, if it can be a reply.
 * @param {unknown} value
 * @param {Function} reply
 * @param {string} verb
 */
function valid(value, reply, verb) {
  if (typeof value === 'string') return value;
  const who = called(reply);
  const expected = `expected a string or a reply such as text('…')${verb === 'returned' ? '; undefined passes to the next rule' : ''}`;
  if (!isPlainObject(value)) throw badArgument(`${who} ${verb} ${show(value)}; ${expected}`);
  if ('match' in value || 'response' in value) throw badArgument(`${who} ${verb} a when(…) rule; ${expected}`);
  mustBeJson(value, '', { lead: `${who} ${verb} a reply whose `, most: MOST_NESTED_REPLY });
  return value;
}

/** The keys of a piece, and what each must be. @type {Record<string, (value: any) => string | undefined>} */
const PIECE = {
  choice: mustBeCount,
  reasoningDelta: mustBeText,
  textDelta: mustBeText,
  refusalDelta: mustBeText,
  toolCall: () => undefined,
  reply: (value) => (typeof value === 'string' || isPlainObject(value) ? undefined : "a string or a reply such as text('…')"),
  finishReason: (value) => (['stop', 'length', 'tool_calls', 'content_filter'].includes(value) ? undefined : "'stop', 'length', 'tool_calls' or 'content_filter'"),
  usage: (value) => (isPlainObject(value) ? undefined : 'an object of token counts'),
  bytes: (value) => (typeof value === 'string' || value instanceof Uint8Array ? undefined : 'a string or a Uint8Array'),
  status: () => 'nothing: only the first piece of a raw answer has a status, beside its bytes',
  headers: () => 'nothing: only the first piece of a raw answer has headers, beside its bytes',
};
/** Those of its usage. @type {typeof PIECE} */
const USAGE = {
  prompt_tokens: mustBeCount,
  completion_tokens: mustBeCount,
  input_tokens: mustBeCount,
  output_tokens: mustBeCount,
  total_tokens: mustBeCount,
  prompt_tokens_details: mustBeCounts,
  completion_tokens_details: mustBeCounts,
  input_tokens_details: mustBeCounts,
  output_tokens_details: mustBeCounts,
};
/** Those of a tool call in it. @type {typeof PIECE} */
const CALL = { name: mustBeText, id: mustBeText, argumentsDelta: mustBeText, inputDelta: mustBeText };

/** @param {unknown} value */
function mustBeText(value) {
  return typeof value === 'string' ? undefined : 'a string';
}

/** @param {unknown} value */
function mustBeCount(value) {
  return Number.isSafeInteger(value) && Number(value) >= 0 ? undefined : 'a whole number from 0';
}

/** @param {unknown} value */
function mustBeCounts(value) {
  return isPlainObject(value) && Object.values(value).every((one) => one === undefined || !mustBeCount(one)) ? undefined : 'an object of whole numbers from 0';
}

/**
 * Whether what a generator yields is a piece of a reply.
 * @param {unknown} value
 */
function isPiece(value) {
  const keys = isPlainObject(value) ? Object.keys(value).filter((key) => value[key] !== undefined) : [];
  // These are options of replies too: alone, or together, they are a piece.
  const own = keys.filter((key) => key !== 'usage' && key !== 'headers');
  return keys.length > 0 && (!own.length || own.some((key) => Object.hasOwn(PIECE, key)));
}

/**
 * What a generator yields: a reply, or a piece of one.
 * @param {unknown} value
 * @param {Function} reply
 */
function yielded(value, reply) {
  if (!isPiece(value)) return valid(value, reply, 'yielded');
  const piece = /** @type {Record<string, any>} */ (value);
  const who = `${called(reply)} yielded a piece`;
  check(who, '', piece, PIECE);
  if (piece.toolCall !== undefined) {
    if (!isPlainObject(piece.toolCall)) throw badArgument(`${who} whose toolCall is ${show(piece.toolCall)}; expected { name, argumentsDelta }`);
    check(who, 'toolCall.', piece.toolCall, CALL);
    const { name, id, argumentsDelta, inputDelta } = piece.toolCall;
    if (id !== undefined && name === undefined) throw badArgument(`${who} with toolCall.id and without toolCall.name; give the id where the call begins, beside its name`);
    if (argumentsDelta !== undefined && inputDelta !== undefined) throw badArgument(`${who} with toolCall.argumentsDelta (of a function) and toolCall.inputDelta (of a custom tool); give one`);
  }
  if (piece.usage !== undefined) check(who, 'usage.', piece.usage, USAGE);
  if (piece.reply !== undefined) valid(piece.reply, reply, 'yielded');
  const beside = piece.bytes === undefined ? undefined : Object.keys(piece).find((key) => key !== 'bytes' && piece[key] !== undefined);
  if (beside !== undefined) throw badArgument(`${who} with bytes and ${beside}; bytes stand alone in their piece (the first has status and headers beside them)`);
  if (piece.bytes !== undefined) return { piece: { bytes: Buffer.from(piece.bytes).toString('base64') } };
  return { piece };
}

/**
 * @param {string} who
 * @param {string} where
 * @param {Record<string, any>} given
 * @param {typeof PIECE} table
 */
function check(who, where, given, table) {
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(table, key)) throw unknownName(`${who} with an unknown ${where}`, key, Object.keys(table));
    const expected = table[key](value);
    if (expected) throw badArgument(`${who} whose ${where}${key} is ${show(value)}; expected ${expected}`);
  }
}

/**
 * Whether a value is what a generator gives.
 * @param {any} value
 * @returns {value is AsyncGenerator | Generator}
 */
const isIterator = (value) =>
  typeof value === 'object' && value !== null && typeof value.next === 'function' && (Symbol.asyncIterator in value || Symbol.iterator in value);

/**
 * Keeps what was thrown, and gives what it says. That the signal was aborted is news to nobody.
 * @param {Thrown[]} errors
 * @param {unknown} error
 * @param {AbortSignal} signal
 */
function keep(errors, error, signal) {
  const said = reason(error);
  const late = signal.aborted;
  if (errors.length < MOST_THROWN && !(late && isAbort(error, signal))) errors.push({ error, said, late });
  return said;
}

/**
 * Whether an error only passes on that the signal was aborted: its reason, or what a library makes of it (`AbortError`,
 * the SDK's `APIUserAbortError`).
 * @param {any} error
 * @param {AbortSignal} signal
 */
function isAbort(error, signal) {
  try {
    return error === signal.reason || error.cause === signal.reason || [error.name, error.constructor.name].some((name) => /Abort/.test(name));
  } catch {
    return false;
  }
}

/**
 * What a thrown value says. Never throws itself.
 * @param {any} thrown
 */
function reason(thrown) {
  try {
    const { message } = Object(thrown);
    if (typeof message === 'string') return message || String(thrown);
    return typeof thrown === 'string' ? thrown : show(thrown);
  } catch {
    return 'it threw something that cannot be shown';
  }
}

module.exports = { Functions };
