'use strict';
// A session: its own API key, script and journal. The same class drives an emulator in this process, where every
// answer is there at once, and one elsewhere, where each is a promise: the door decides (see emulator.js, connect.js).
const { LLEmulatorError, badArgument, show, unknownName } = require('./errors.js');
const { mustBeAll, renamed } = require('./options.js');
const { asScript, mustBeReply, serialise } = require('./rules.js');

/**
 * The way to an emulator.
 * @typedef {object} Door
 * @property {string} url
 * @property {<T>(key: string | null, method: string, path: string, body: string, read: (body: any) => T) => any} control
 *   runs a control route and gives `read` of its answer, or a promise of it; a refusal is thrown, or rejects
 * @property {(key: string, seen: number, milliseconds: number) => Promise<unknown>} changed
 *   resolves when the session's journal has changed since its revision `seen`, or when the time is over
 * @property {(reply: Function, owner: string) => number} number  keeps a function as a reply of the session with this name
 * @property {(key: string, file: string, options: { record?: string, upstream?: string, upstreamKey?: string }) => string[]} [cassette]
 *   lets a session play and record a file; gives what of it cannot be read
 * @property {() => void} [recorded]  waits until what was recorded is written
 * @property {(owner: string) => void} drop  forgets the functions of a session
 * @property {(session: string) => readonly import('./functions.js').Thrown[]} thrown  what functions threw that answered its requests
 * @property {() => number} now  milliseconds, for time limits
 */

/** How a cassette is recorded. */
const MODES = ['on-miss', 'all'];

/** Options of `cassette`. */
const CASSETTE = { record: 'record', upstream: 'upstream', upstreamKey: 'upstreamKey' };

/** Options of `waitForRequest`. */
const WAIT = { timeoutMs: 'timeoutMs', arrived: 'arrived' };

/** More than any journal keeps. */
const ALL = Number.MAX_SAFE_INTEGER;

/** Marks requests, for the serializer; not enumerable, so that nobody else sees it. */
const REQUEST = Symbol.for('llemulator.request');

/** What a session has to complain about, for the runners' helpers. */
const TROUBLE = Symbol('trouble');

/** How long `waitForRequest` waits unless told; below the 5 s after which test runners give up with less to say. */
const PATIENCE_MS = 4000;

class Session {
  /** @type {Door} */
  #door;
  #name;

  /**
   * @param {Door} door
   * @param {string} apiKey
   * @param {string} name
   */
  constructor(door, apiKey, name) {
    this.#door = door;
    this.#name = name;
    // Exactly these are own and enumerable: the OpenAI client copies what it finds.
    this.baseURL = `${door.url}/v1`;
    this.apiKey = apiKey;
    this.adminAPIKey = apiKey;
    this.webhookSecret = `whsec_${Buffer.from(apiKey).toString('base64')}`;
    this.dangerouslyAllowBrowser = true;
  }

  /**
   * @template T
   * @param {string} method
   * @param {string} path
   * @param {unknown} body  sent as JSON; functions and RegExps in it are translated
   * @param {(body: any) => T} read
   */
  #ask(method, path, body, read) {
    const json = body === undefined ? '' : serialise(body, (reply) => this.#door.number(reply, this.#name));
    return this.#door.control(this.apiKey, method, `/_emulator/${path}`, json, read);
  }

  /** @param {unknown[]} replies */
  replies(...replies) {
    if (!replies.length) throw badArgument("replies(): give at least one reply, such as replies('Paris.')");
    for (const [index, reply] of replies.entries()) mustBeReply(reply, `replies(): argument ${index + 1}`);
    return this.#ask('POST', 'script', asScript({ responses: replies.map(asStep) }), nothing);
  }

  /**
   * @param {unknown} script
   * @param {unknown[]} rest
   */
  script(script, ...rest) {
    mustBeAll('script()', rest, 'give one script, or load them one after the other');
    return this.#ask('POST', 'script', asScript(script), nothing);
  }

  /**
   * @param {unknown} reply
   * @param {unknown[]} rest
   */
  otherwise(reply, ...rest) {
    mustBeAll('otherwise()', rest, 'give one reply, which answers any number of times; a function can choose');
    mustBeReply(reply, 'otherwise(): the reply');
    const fallback = typeof reply === 'string' ? { text: reply } : reply;
    return this.#ask('POST', 'script', { defaults: { fallback } }, nothing);
  }

  /**
   * @param {string} file
   * @param {{ record?: 'on-miss' | 'all', upstream?: string, upstreamKey?: string }} [options]
   * @param {unknown[]} rest
   */
  cassette(file, options = {}, ...rest) {
    mustBeAll('cassette()', rest, 'give all options in one object');
    if (typeof file !== 'string' || !file) throw badArgument(`cassette(): expected the path of a file, not ${show(file)}`);
    const { record, upstream, upstreamKey } = renamed('cassette()', options, CASSETTE);
    if (record !== undefined && !MODES.includes(record)) throw unknownName('cassette(): there is no way to record ', show(record), MODES.map((each) => show(each)));
    for (const [name, value] of Object.entries({ upstream, upstreamKey })) {
      if (value !== undefined && typeof value !== 'string') throw badArgument(`cassette(): ${name} must be a string, not ${show(value)}`);
    }
    if (!this.#door.cassette) throw badArgument('cassette(): files are played and recorded by an emulator in this process; start one elsewhere with --cassettes and --record');
    for (const misread of this.#door.cassette(this.apiKey, file, { record, upstream, upstreamKey })) process.emitWarning(misread, { type: 'LLEmulatorCassette' });
  }

  get requests() {
    return this.#since(0, (list) => list);
  }

  /**
   * All requests from a number on, page by page, and the journal's revision before the first page.
   * @template T
   * @param {number} number
   * @param {(list: any[], revision: number) => T} read
   * @param {{ list: any[], revision?: number }} [before]
   * @returns {T}
   */
  #since(number, read, before = { list: [] }) {
    return this.#journal(`since=${number}&limit=${ALL}`, (body) => {
      const list = [...before.list, ...body.data.map(exchange)];
      const revision = before.revision ?? body.revision;
      return body.has_more ? this.#since(list.at(-1).number + 1, read, { list, revision }) : read(list, revision);
    });
  }

  get lastRequest() {
    return this.#journal('last=1', (body) => body.data.map(exchange)[0]);
  }

  get forgotten() {
    return this.#journal('last=0', (body) => body.forgotten);
  }

  /**
   * @template T
   * @param {string} query
   * @param {(body: { data: any[], has_more: boolean, forgotten: number, revision: number }) => T} read
   */
  #journal(query, read) {
    return this.#ask('GET', `requests?${query}`, undefined, read);
  }

  /**
   * @param {(request: any) => unknown} [wanted]
   * @param {{ timeoutMs?: number, arrived?: boolean }} [options]
   * @param {unknown[]} rest
   */
  async waitForRequest(wanted = () => true, options = {}, ...rest) {
    mustBeAll('waitForRequest()', rest, 'give all options in one object');
    if (typeof wanted !== 'function') throw badArgument(`waitForRequest(): expected a function, not ${show(wanted)}`);
    const { timeoutMs = PATIENCE_MS, arrived = false } = renamed('waitForRequest()', options, WAIT);
    if (!(Number.isFinite(timeoutMs) && timeoutMs >= 0)) throw badArgument(`waitForRequest(): timeoutMs must be milliseconds, not ${show(timeoutMs)}`);
    if (typeof arrived !== 'boolean') throw badArgument(`waitForRequest(): arrived must be true or false, not ${show(arrived)}`);
    const until = this.#door.now() + timeoutMs;
    let since = 0;
    for (;;) {
      const { list, revision } = await this.#since(since, (list, revision) => ({ list, revision }));
      // One that waits may wait for the very test that asks here: for its clock, its release.
      const ready = (/** @type {any} */ each) => arrived || each.state === 'done' || each.waitingFor;
      for (const each of list) if (ready(each) && (await wanted(each))) return each;
      // What is over and was not wanted is not looked at again.
      since = list.find((/** @type {any} */ each) => each.state !== 'done')?.number ?? (list.at(-1)?.number ?? since - 1) + 1;
      const left = until - this.#door.now();
      if (left <= 0) break;
      await this.#door.changed(this.apiKey, revision, left);
    }
    const transcript = await this.transcript();
    throw new LLEmulatorError('ERR_LLEMULATOR_TIMEOUT', `waitForRequest(): no such request within ${timeoutMs} ms. The session so far:\n\n${transcript}`);
  }

  transcript() {
    return this.#ask('GET', 'verify', undefined, (verdict) => verdict.transcript);
  }

  finish() {
    this.#door.recorded?.();
    return this.#ask('GET', 'verify', undefined, (verdict) => {
      const late = this.#late;
      if (verdict.ok && !late.length) return;
      const what = [...wrong(verdict, late.length), verdict.unused.length && count(verdict.unused.length, 'reply was', 'replies were', 'not used')].filter(Boolean);
      throw new LLEmulatorError('ERR_LLEMULATOR_UNFINISHED', `finish(): ${what.join(', ')}\n\n${verdict.transcript}`, {
        ...this.#cause(verdict.first_failure),
        places: [...new Set(verdict.unused.map((/** @type {any} */ rule) => rule.place).filter(Boolean))],
      });
    });
  }

  [TROUBLE]() {
    this.#door.recorded?.();
    return this.#ask('GET', 'verify', undefined, (verdict) => ({ what: wrong(verdict, this.#late.length).join(', '), transcript: verdict.transcript, ...this.#cause(verdict.first_failure) }));
  }

  /** What functions threw when nobody waited for them any more: the emulator counts no failure then. */
  get #late() {
    return this.#door.thrown(this.#name).filter(({ late }) => late);
  }

  /**
   * What went wrong first: what a reply function threw, else the emulator's own complaint.
   * @param {{ code: string, message: string } | null} failure
   */
  #cause(failure) {
    if (!failure) return this.#late.length ? { cause: this.#late[0].error } : {};
    // Others may have thrown too: before, with no client left, or after.
    const thrown = this.#door.thrown(this.#name).find(({ said }) => failure.message === `The reply function failed: ${said}`);
    return { cause: thrown ? thrown.error : Object.assign(new Error(failure.message), { code: failure.code }) };
  }

  reset() {
    this.#door.drop(this.#name);
    return this.#ask('POST', 'reset', undefined, nothing);
  }

  /**
   * @param {string} name
   * @param {unknown[]} rest
   */
  release(name, ...rest) {
    if (typeof name !== 'string' || !name) throw badArgument(`release(): expected the name of a hold, not ${show(name)}`);
    mustBeAll('release()', rest, 'release one after the other');
    return this.#ask('POST', `release/${encodeURIComponent(name)}`, undefined, nothing);
  }

  get clock() {
    const read = () => this.#ask('GET', 'clock', undefined, (clock) => clock);
    const advance = (/** @type {number} */ milliseconds, /** @type {unknown[]} */ ...rest) => {
      mustBeAll('clock.advance()', rest, 'give milliseconds');
      if (typeof milliseconds !== 'number' || !(milliseconds >= 0)) {
        throw badArgument(`clock.advance(): expected milliseconds, not ${show(milliseconds)}`);
      }
      return this.#ask('PUT', 'clock', { advance_ms: milliseconds }, nothing);
    };
    const field = (/** @type {string} */ name) => this.#ask('GET', 'clock', undefined, (clock) => clock[name]);
    return {
      advance,
      get mode() { return field('mode'); },
      get now() { return field('now'); },
      get pending() { return field('pending'); },
    };
  }

  get env() {
    const unproxied = withoutProxy(new URL(this.baseURL).hostname);
    return {
      OPENAI_BASE_URL: this.baseURL,
      OPENAI_API_KEY: this.apiKey,
      OPENAI_ADMIN_KEY: this.adminAPIKey,
      OPENAI_WEBHOOK_SECRET: this.webhookSecret,
      NO_PROXY: unproxied,
      no_proxy: unproxied,
    };
  }

  get realtime() {
    const { hostname, port } = new URL(this.baseURL);
    // The SDK always dials wss; the emulator speaks no TLS. A plain connection handed to `ws` goes where it must.
    const createConnection = () => require('node:net').connect(Number(port), hostname.replace(/^\[|\]$/g, ''));
    return { createConnection };
  }
}

/**
 * The hosts that are reached without a proxy: those of now, and this one. Both spellings are in use, and programs differ
 * in which they prefer.
 * @param {string} host
 */
function withoutProxy(host) {
  const now = [process.env.NO_PROXY, process.env.no_proxy].flatMap((list) => list?.split(/[\s,]+/) ?? []);
  // In brackets or without: programs differ in this too.
  return [...new Set([...now, host, host.replace(/^\[|\]$/g, '')])].filter(Boolean).join(',');
}

/** @param {unknown} reply */
const asStep = (reply) => (typeof reply === 'function' ? { response: reply } : reply);

const nothing = () => undefined;

/**
 * @param {number} number
 * @param {string} one
 * @param {string} many
 * @param {string} what
 */
const count = (number, one, many, what) => `${number} ${number === 1 ? one : many} ${what}`;

/**
 * What went wrong with requests, in words.
 * @param {any} verdict
 * @param {number} late  functions that failed when nobody waited for them any more
 */
function wrong({ unexpected, failures, in_flight: waiting }, late) {
  const failed = failures - unexpected.length;
  return [
    unexpected.length && count(unexpected.length, 'request was', 'requests were', 'not scripted'),
    failed && count(failed, 'request', 'requests', 'failed'),
    waiting.length && count(waiting.length, 'request is', 'requests are', 'not answered yet'),
    late && count(late, 'reply function', 'reply functions', 'failed after the client had left'),
  ].filter(Boolean);
}

/**
 * A request as the journal has it, in this API's spelling. Bodies and headers stay as they were sent.
 * @param {Record<string, any>} entry
 */
const exchange = (entry) => {
  const renamed = Object.entries(entry).map(([key, value]) => [key.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()), value]);
  return Object.defineProperty(Object.fromEntries(renamed), REQUEST, { value: true });
};

module.exports = { REQUEST, Session, TROUBLE };
