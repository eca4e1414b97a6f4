'use strict';
// An emulator in this process. The server runs on threads of its own and belongs to no JavaScript object: a handle that
// is garbage-collected stops nothing, stop() does.
const { LLEmulatorError, badArgument, isPlainObject, show, unknownName } = require('./errors.js');
const { native } = require('./native.js');
const { mustBeAll } = require('./options.js');
const { asScript, serialise } = require('./rules.js');
const { Session } = require('./session.js');

/**
 * What is kept as long as an emulator runs: not its handle, which may be garbage-collected.
 * @typedef {{ native: import('./native.js').NativeEmulator, functions?: InstanceType<typeof import('./functions.js').Functions> }} Kept
 */

// Loaded when they are wanted, as many tests want neither: a file costs up to a millisecond.
/** What a person has before them. */
const desk = () => require('./desk.js');
/** The functions of one emulator. @param {Kept} kept */
const functionsOf = (kept) => (kept.functions ??= new (require('./functions.js').Functions)(kept.native));

/** How time may pass. */
const CLOCKS = ['real', 'instant', 'manual'];

/** Taken now: tests put fakes in its place. */
const now = performance.now.bind(performance);

/**
 * @param {import('../index.d.ts').EmulatorOptions} [options]
 * @param {unknown[]} rest
 * @returns {Promise<Emulator>}
 */
async function startEmulator(options, ...rest) {
  mustBeAll('startEmulator()', rest, 'give all options in one object');
  return startEmulatorNow(options);
}

/**
 * The same, at once: binding needs no waiting. For set-up code that runs where nothing can be awaited.
 * @param {import('../index.d.ts').EmulatorOptions} [options]
 */
function startEmulatorNow(options = {}) {
  if (!isPlainObject(options)) throw badArgument(`startEmulator(): the options must be an object, not ${show(options)}`);
  for (const [name, value] of Object.entries(options)) {
    // JSON would leave these out, or make them null, and the default would hold.
    const lost = ['function', 'symbol', 'bigint'].includes(typeof value) || (typeof value === 'number' && !Number.isFinite(value));
    if (lost) throw new LLEmulatorError('ERR_LLEMULATOR_OPTIONS', `startEmulator(): the option \`${name}\` is ${show(value)}, which no option can be`);
  }
  try {
    /** @type {Kept} */
    const kept = { native: native().NativeEmulator.start(JSON.stringify(options), (message) => functionsOf(kept).dispatch(message)) };
    return new Emulator(kept);
  } catch (error) {
    const { code, message } = /** @type {any} */ (error);
    throw code?.startsWith('ERR_LLEMULATOR_') ? new LLEmulatorError(code, message) : error;
  }
}

class Emulator {
  #kept;
  #door;
  /** @type {InstanceType<typeof import('./desk.js').Desk> | undefined} */
  #desk;
  /** @type {InstanceType<typeof import('./desk.js').Listeners> | undefined} */
  #listeners;
  #unnamed = 0;
  /** @type {Promise<void> | undefined} */
  #stopped;

  /** @param {Kept} kept */
  constructor(kept) {
    const { native: handle } = kept;
    this.#kept = kept;
    this.url = handle.url;
    this.port = handle.port;
    this.baseURL = `${handle.url}/v1`;
    /** @type {import('./session.js').Door} */
    this.#door = {
      url: handle.url,
      control: (key, method, path, body, read) => {
        // What was asked can still be read, and forgotten.
        if (this.#stopped && method !== 'GET' && path !== '/_emulator/reset') throw stopped();
        return read(accepted(JSON.parse(handle.control(key, method, path, body))));
      },
      changed: (key, seen, milliseconds) => handle.changed(key, seen, milliseconds),
      cassette: (key, file, { record, upstream, upstreamKey }) => {
        if (this.#stopped) throw stopped();
        try {
          return handle.cassette(key, file, record, upstream, upstreamKey);
        } catch (error) {
          throw badArgument(/** @type {Error} */ (error).message);
        }
      },
      recorded: () => handle.recorded(),
      number: (reply, owner) => functionsOf(kept).add(reply, owner),
      drop: (owner) => kept.functions?.drop(owner),
      thrown: (session) => kept.functions?.thrown(session) ?? [],
      now,
    };
  }

  get #atDesk() {
    return (this.#desk ??= new (desk().Desk)(this.#door));
  }

  get #listening() {
    return (this.#listeners ??= new (desk().Listeners)());
  }

  /**
   * @param {string | import('../index.d.ts').SessionOptions} [name]
   * @param {import('../index.d.ts').SessionOptions} [options]
   * @param {unknown[]} rest
   */
  session(name, options, ...rest) {
    mustBeAll('session()', rest, 'give a name and one object of options');
    const request = sessionRequest(name, options, () => `session-${++this.#unnamed}`);
    return this.#door.control(null, 'POST', '/_emulator/sessions', request, (made) => new Session(this.#door, made.api_key, made.name));
  }

  /**
   * @param {unknown} script
   * @param {unknown[]} rest
   */
  script(script, ...rest) {
    mustBeAll('script()', rest, 'give one script, or load them one after the other');
    this.#door.control(null, 'POST', '/_emulator/shared-script', serialise(asScript(script), (reply) => functionsOf(this.#kept).add(reply, '')), () => undefined);
  }

  reset() {
    this.#kept.functions?.dropSessions();
    this.#door.control(null, 'DELETE', '/_emulator/sessions', '', () => undefined);
  }

  /**
   * @param {string} address
   * @param {unknown[]} rest
   */
  queue(address, ...rest) {
    mustBeAll('queue()', rest, "add them: queue(address).add('Paris.')");
    return new (desk().Queue)(this.#door, address);
  }

  get pending() {
    return this.#atDesk.pending;
  }

  /**
   * @param {string | { id: string }} request
   * @param {unknown} reply
   * @param {{ keep?: unknown, times?: number }} [options]
   * @param {unknown[]} rest
   */
  answer(request, reply, options, ...rest) {
    return this.#atDesk.answer(request, reply, options, ...rest);
  }

  /**
   * @param {string | { id: string }} request
   * @param {string} action
   * @param {Record<string, unknown>} [fields]
   * @param {unknown[]} rest
   */
  act(request, action, fields, ...rest) {
    return this.#atDesk.act(request, action, fields, ...rest);
  }

  /**
   * @param {string} event
   * @param {(data: any) => unknown} listener
   * @param {unknown[]} rest
   */
  on(event, listener, ...rest) {
    mustBeAll('on()', rest, 'give one listener at a time');
    if (this.#stopped) throw stopped();
    const listeners = this.#listening;
    listeners.add(event, listener);
    const functions = functionsOf(this.#kept);
    if (functions.listener) {
      // What waits is told to who comes later too.
      if (event === 'pending') listeners.catchUp(listener, this.pending);
      return this;
    }
    functions.listener = (name, data) => listeners.tell(name, data);
    this.#kept.native.listen();
    return this;
  }

  /**
   * @param {string} event
   * @param {(data: any) => unknown} listener
   * @param {unknown[]} rest
   */
  off(event, listener, ...rest) {
    mustBeAll('off()', rest, 'give one listener at a time');
    this.#listening.remove(event, listener);
    return this;
  }

  /** @returns {Promise<void>} */
  stop() {
    this.#stopped ??= this.#kept.native.stop().then(() => this.#kept.functions?.drop());
    return this.#stopped;
  }

  [Symbol.asyncDispose]() {
    return this.stop();
  }
}

const stopped = () =>
  new LLEmulatorError('ERR_LLEMULATOR_STOPPED', 'the emulator was stopped by stop() and answers nothing any more: script it before, or start another');

/**
 * The body of a control answer; a refusal is thrown.
 * @param {{ status: number, body: any }} answer
 */
function accepted({ status, body }) {
  if (status < 400) return body;
  const { message: said, param, code } = body.error ?? { message: `${status} ${show(body)}` };
  const message = said.includes(' does not compile: ') ? require('./regex.js').asWritten(said) : said;
  // A reply that is none was given here, at this line.
  if (code === 'invalid_item' || code === 'invalid_reply') throw new LLEmulatorError('ERR_LLEMULATOR_ARGUMENT', message, { param });
  if (code !== 'invalid_script') throw new LLEmulatorError('ERR_LLEMULATOR_CONTROL', message, { param });
  throw new LLEmulatorError('ERR_LLEMULATOR_SCRIPT', param && !message.startsWith(param) ? `${param}: ${message}` : message, { param });
}

/**
 * @param {unknown} name
 * @param {unknown} options
 * @param {() => string} unnamed
 */
function sessionRequest(name, options, unnamed) {
  if (isPlainObject(name) && options === undefined) return sessionRequest(undefined, name, unnamed);
  if (name !== undefined && (typeof name !== 'string' || !name)) throw badArgument(`session(): the name must be a string that is not empty, not ${show(name)}`);
  if (options !== undefined && !isPlainObject(options)) throw badArgument(`session(): the options must be an object, not ${show(options)}`);
  const { clock, seed, ...rest } = options ?? {};
  const [stray] = Object.keys(rest);
  if (stray) throw unknownName('session(): there is no option ', stray, ['clock', 'seed']);
  if (clock !== undefined && !CLOCKS.includes(clock)) throw unknownName('session(): there is no clock ', show(clock), CLOCKS.map((each) => show(each)));
  if (seed !== undefined && !(Number.isSafeInteger(seed) && seed >= 0)) throw badArgument(`session(): the seed must be a whole number of at least 0, not ${show(seed)}`);
  return JSON.stringify({ name: name ?? unnamed(), clock, seed });
}

module.exports = { Emulator, accepted, sessionRequest, startEmulator, startEmulatorNow };
