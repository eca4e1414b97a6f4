'use strict';
// What people have before them, for tests: preset queues, requests that wait for somebody, and the events of both. In
// this process every answer is there at once, elsewhere each is a promise: the door decides (see session.js).
const { badArgument, isPlainObject, show, unknownName } = require('./errors.js');
const { PACE, asTimes, mustBeAll, renamed } = require('./options.js');
const { match, mustBeReply, serialise } = require('./rules.js');

/** Keys of an item that is more than a reply, and their names on the wire. */
const ITEM = { response: 'response', reply: 'reply', status: 'status_code', headers: 'headers', delayMs: 'delay_ms', pace: 'pace', fill: 'fill', times: 'times' };

/** Events, and what the control room's socket calls them. */
const EVENTS = /** @type {Record<string, string>} */ ({
  pending: 'new_request',
  answered: 'answered_by',
  cancelled: 'cancelled_request',
  claimed: 'claimed_request',
  released: 'released_request',
  typed: 'typed',
  queue: 'queue_updated',
});

/** What may be done with a request that waits, beside answering it. */
const ACTIONS = ['claim', 'release', 'type', 'finish', 'fallback', 'upstream', 'go', 'step', 'edit', 'drop', 'cut'];

/** @param {unknown} _reply @returns {never} */
const noFunctions = (_reply) => {
  throw badArgument('functions answer requests as they come: here a reply must be there already');
};

/** @param {unknown} body */
const json = (body) => serialise(body, noFunctions);

/**
 * An object with its keys in camelCase; what is inside stays as it is.
 * @param {Record<string, unknown>} entry
 */
const camel = (entry) =>
  Object.fromEntries(Object.entries(entry).map(([key, value]) => [key.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()), value]));

/**
 * An item as the wire has it: a reply, or a reply or a body with more.
 * @param {unknown} item
 * @param {string} what  for the message
 */
function asItem(item, what) {
  if (!isPlainObject(item) || !('response' in item || 'reply' in item)) {
    mustBeReply(item, what);
    if (typeof item === 'function') noFunctions(item);
    return { reply: item };
  }
  if ('match' in item) throw badArgument(`${what} is a rule such as when(…); a queue answers whoever asks next, so give its reply alone`);
  return keys(item, what);
}

/**
 * @param {unknown} item
 * @param {string} what
 */
function keys(item, what) {
  const given = renamed(what, item, ITEM);
  if (given.pace !== undefined) given.pace = renamed(`${what}: pace`, given.pace, PACE);
  if (given.times !== undefined) given.times = asTimes(given.times);
  return given;
}

/** Answers that wait for whoever asks next from an address, or in a session. */
class Queue {
  #door;
  #path;

  /**
   * @param {import('./session.js').Door} door
   * @param {unknown} address
   */
  constructor(door, address) {
    if (typeof address !== 'string' || !address) {
      throw badArgument(`queue(): the address must be a string such as '127.0.0.1' or 'session:checkout', not ${show(address)}`);
    }
    this.#door = door;
    this.#path = `/api/preset-queue/${encodeURIComponent(address)}`;
  }

  /**
   * @template T
   * @param {string} method
   * @param {string} path
   * @param {unknown} body
   * @param {(body: any) => T} read
   */
  #ask(method, path, body, read) {
    return this.#door.control(null, method, this.#path + path, body === undefined ? '' : json(body), read);
  }

  /** @param {unknown[]} items */
  add(...items) {
    if (!items.length) throw badArgument("add(): give at least one reply, such as add('Paris.')");
    const all = items.map((item, index) => asItem(item, `add(): argument ${index + 1}`));
    return this.#ask('POST', '/batch', { items: all, whole: true }, (added) => added.response_ids);
  }

  get items() {
    return this.#ask('GET', '', undefined, (queue) => queue.items.map(camel));
  }

  /**
   * @param {string} id
   * @param {Record<string, unknown>} changes
   * @param {unknown[]} rest
   */
  change(id, changes, ...rest) {
    mustBeAll('change()', rest, 'give all changes in one object');
    if (!isPlainObject(changes)) throw badArgument(`change(): the changes must be an object, not ${show(changes)}`);
    const { position, ...item } = changes;
    const given = { ...keys(item, 'change()'), ...(position !== undefined && { position }) };
    return this.#ask('PATCH', `/${encodeURIComponent(id)}`, given, () => undefined);
  }

  /**
   * @param {string} id
   * @param {unknown[]} rest
   */
  remove(id, ...rest) {
    mustBeAll('remove()', rest, 'remove one after the other');
    return this.#ask('DELETE', `/${encodeURIComponent(id)}`, undefined, () => undefined);
  }

  /** @param {unknown[]} rest */
  clear(...rest) {
    mustBeAll('clear()', rest, 'it drops all items; remove(id) drops one');
    // One that nobody put anything into is empty already.
    return this.#ask('DELETE', '?missing=ok', undefined, () => undefined);
  }
}

/** The requests that wait for a person. */
class Desk {
  #door;

  /** @param {import('./session.js').Door} door */
  constructor(door) {
    this.#door = door;
  }

  get pending() {
    return this.#door.control(null, 'GET', '/api/pending', '', (list) => list.data.map(camel));
  }

  /**
   * @param {unknown} request  its id, or the request itself
   * @param {unknown} reply  also pieces of text as they come: then it is a promise
   * @param {{ keep?: unknown, times?: number }} [options]
   * @param {unknown[]} rest
   */
  answer(request, reply, options, ...rest) {
    mustBeAll('answer()', rest, 'give one reply and one object of options');
    const { keep, times } = renamed('answer()', options, { keep: 'keep', times: 'times' });
    const pieces = Object(reply);
    if (typeof reply !== 'string' && (Symbol.asyncIterator in pieces || Symbol.iterator in pieces)) {
      if (keep !== undefined || times !== undefined) throw badArgument('answer(): text that is typed becomes no rule: keep and times are for a reply given at once');
      return this.#typed(request, pieces);
    }
    if (keep === undefined && times !== undefined) throw badArgument('answer(): times says how often the rule answers that keep makes; there is no keep');
    mustBeReply(reply, 'answer(): the reply');
    const kept = keep === undefined ? {} : { keep: { match: match(keep), ...(times !== undefined && { times: asTimes(times) }) } };
    return this.#act(request, 'answer', { reply, ...kept });
  }

  /**
   * @param {unknown} request
   * @param {AsyncIterable<unknown> | Iterable<unknown>} pieces
   */
  async #typed(request, pieces) {
    try {
      for await (const text of pieces) {
        if (typeof text !== 'string') throw badArgument(`answer(): pieces that are typed must be strings, not ${show(text)}`);
        await this.#act(request, 'type', { text });
      }
      await this.#act(request, 'finish', {});
    } catch (error) {
      // Its client would wait for the rest until the time for it is over.
      try {
        await this.#act(request, 'cut', {});
      } catch {
        // It is gone already: that is what the error says.
      }
      throw error;
    }
  }

  /**
   * @param {unknown} request
   * @param {string} action
   * @param {Record<string, unknown>} [fields]
   * @param {unknown[]} rest
   */
  act(request, action, fields = {}, ...rest) {
    mustBeAll('act()', rest, 'give all fields in one object');
    if (!ACTIONS.includes(action)) throw unknownName('act(): there is no action ', action, ACTIONS);
    if (!isPlainObject(fields)) throw badArgument(`act(): the fields must be an object, not ${show(fields)}`);
    return this.#act(request, action, fields);
  }

  /**
   * @param {unknown} request
   * @param {string} action
   * @param {Record<string, unknown>} fields
   */
  #act(request, action, fields) {
    const id = isPlainObject(request) ? request.id : request;
    if (typeof id !== 'string') throw badArgument(`${action}(): expected the id of a pending request, or the request, not ${show(request)}`);
    return this.#door.control(null, 'POST', `/api/pending/${encodeURIComponent(id)}/${action}`, json(fields), () => undefined);
  }
}

/** Who listens to what. */
class Listeners {
  /** @type {Map<string, Set<(data: any) => unknown>>} */
  #all = new Map();
  /** What listeners were told of when they came: an event on its way does not tell them again. @type {Map<unknown, Set<unknown>>} */
  #known = new Map();

  /**
   * @param {string} event
   * @param {unknown} listener
   */
  add(event, listener) {
    this.#of(event, listener).add(/** @type {any} */ (listener));
  }

  /**
   * @param {string} event
   * @param {unknown} listener
   */
  remove(event, listener) {
    this.#of(event, listener).delete(/** @type {any} */ (listener));
    this.#known.delete(listener);
  }

  /**
   * @param {string} event
   * @param {unknown} listener
   */
  #of(event, listener) {
    if (!Object.hasOwn(EVENTS, event)) throw unknownName('on(): there is no event ', event, Object.keys(EVENTS));
    if (typeof listener !== 'function') throw badArgument(`on(): the listener must be a function, not ${show(listener)}`);
    const name = EVENTS[event];
    if (!this.#all.has(name)) this.#all.set(name, new Set());
    return /** @type {Set<(data: any) => unknown>} */ (this.#all.get(name));
  }

  /**
   * Tells a listener of what waits already.
   * @param {(data: any) => unknown} listener
   * @param {{ id: string }[]} requests
   */
  catchUp(listener, requests) {
    this.#known.set(listener, new Set(requests.map(({ id }) => id)));
    for (const request of requests) queueMicrotask(() => listener(request));
  }

  /**
   * Tells those who listen. What one of them throws is the test's to see: an uncaught exception, as of any event.
   * @param {string} name  as the socket calls it
   * @param {Record<string, unknown>} data
   */
  tell(name, data) {
    if (name === EVENTS.answered || name === EVENTS.cancelled) for (const known of this.#known.values()) known.delete(data.id);
    for (const listener of [...(this.#all.get(name) ?? [])]) {
      if (name === EVENTS.pending && this.#known.get(listener)?.has(data.id)) continue;
      queueMicrotask(() => {
        listener(camel(data));
      });
    }
  }
}

module.exports = { Desk, Listeners, Queue };
