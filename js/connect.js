'use strict';
// An emulator in another process, driven over HTTP: the same names, each a promise.
const { Desk, Queue } = require('./desk.js');
const { accepted, sessionRequest } = require('./emulator.js');
const { LLEmulatorError, badArgument, show } = require('./errors.js');
const { mustBeAll, renamed } = require('./options.js');
const { asScript, serialise } = require('./rules.js');
const { Session } = require('./session.js');

/** Taken now: tests put fakes in their place. */
const { setTimeout } = globalThis;
const now = performance.now.bind(performance);

/** Milliseconds between two looks at the journal of an emulator elsewhere. */
const POLL_MS = 20;

/**
 * @param {string} [url]  else the environment variable LLEMULATOR_URL, which the global set-ups set
 * @param {{ controlToken?: string }} [options]
 * @param {unknown[]} rest
 */
async function connectEmulator(url = process.env.LLEMULATOR_URL, options = {}, ...rest) {
  mustBeAll('connectEmulator()', rest, 'give the URL and one object of options');
  const { controlToken } = renamed('connectEmulator()', options, { controlToken: 'controlToken' });
  if (controlToken !== undefined && typeof controlToken !== 'string') throw badArgument(`connectEmulator(): controlToken must be a string, not ${show(controlToken)}`);
  if (!url) {
    throw badArgument('connectEmulator(): give the URL, e.g. http://127.0.0.1:8080, or set LLEMULATOR_URL (llemulator/vitest/global-setup does)');
  }
  const origin = originOf(url);
  const remote = new RemoteEmulator(origin, controlToken);
  const { status, body } = await send(origin, {}, 'GET', '/readyz', '');
  if (status !== 200) throw new LLEmulatorError('ERR_LLEMULATOR_CONNECT', `${origin}/readyz answered ${status} ${show(body)}: no emulator, or not ready`);
  return remote;
}

/**
 * The origin that is given as a URL. What else a URL has would be dropped, and another emulator be asked than was meant.
 * @param {string} url
 */
function originOf(url) {
  let given;
  try {
    given = new URL(url);
  } catch {
    throw badArgument(`connectEmulator(): ${show(url)} is no URL; expected e.g. http://127.0.0.1:8080`);
  }
  const { protocol, origin, username, password, pathname, search, hash } = given;
  if (protocol !== 'http:' && protocol !== 'https:') throw badArgument(`connectEmulator(): ${show(url)} begins with ${protocol}; expected http: or https:, e.g. http://127.0.0.1:8080`);
  if (username || password) throw badArgument(`connectEmulator(): the URL of ${origin} has a user or password; a control token is the option controlToken`);
  const more = `${pathname === '/' ? '' : pathname}${search}${hash}`;
  if (more) throw badArgument(`connectEmulator(): ${show(url)} has ${more} after the origin; give ${origin} alone, where the emulator must be`);
  return origin;
}

class RemoteEmulator {
  #door;
  #desk;

  /**
   * @param {string} url
   * @param {string} [controlToken]
   */
  constructor(url, controlToken) {
    this.url = url;
    this.baseURL = `${url}/v1`;
    /** @type {import('./session.js').Door} */
    this.#door = {
      url,
      control: async (key, method, path, body, read) => read(accepted(await send(url, door(key, controlToken), method, path, body))),
      changed: async (_key, _seen, milliseconds) => {
        await new Promise((resolve) => setTimeout(resolve, Math.min(POLL_MS, milliseconds)));
      },
      number: inProcessOnly,
      drop: () => undefined,
      thrown: () => [],
      now,
    };
    this.#desk = new Desk(this.#door);
  }

  /**
   * @param {string} address
   * @param {unknown[]} rest
   */
  queue(address, ...rest) {
    mustBeAll('queue()', rest, "add them: queue(address).add('Paris.')");
    return new Queue(this.#door, address);
  }

  /** @returns {Promise<any[]>} */
  get pending() {
    return this.#desk.pending;
  }

  /**
   * @param {string | { id: string }} request
   * @param {unknown} reply
   * @param {{ keep?: unknown, times?: number }} [options]
   * @param {unknown[]} rest
   * @returns {Promise<void>}
   */
  async answer(request, reply, options, ...rest) {
    await this.#desk.answer(request, reply, options, ...rest);
  }

  /**
   * @param {string | { id: string }} request
   * @param {string} action
   * @param {Record<string, unknown>} [fields]
   * @param {unknown[]} rest
   * @returns {Promise<void>}
   */
  async act(request, action, fields, ...rest) {
    await this.#desk.act(request, action, fields, ...rest);
  }

  /**
   * @param {string | import('../index.d.ts').SessionOptions} [name]
   * @param {import('../index.d.ts').SessionOptions} [options]
   * @param {unknown[]} rest
   * @returns {Promise<InstanceType<typeof Session>>}
   */
  async session(name, options, ...rest) {
    mustBeAll('session()', rest, 'give a name and one object of options');
    // Others may drive the same emulator: without a name, nobody else has this one.
    const request = sessionRequest(name, options, () => `session-${require('node:crypto').randomUUID()}`);
    return this.#door.control(null, 'POST', '/_emulator/sessions', request, (made) => new Session(this.#door, made.api_key, made.name));
  }

  /**
   * @param {unknown} script
   * @param {unknown[]} rest
   */
  async script(script, ...rest) {
    mustBeAll('script()', rest, 'give one script, or load them one after the other');
    await this.#door.control(null, 'POST', '/_emulator/shared-script', serialise(asScript(script), inProcessOnly), () => undefined);
  }

  /** @returns {Promise<void>} */
  async reset() {
    await this.#door.control(null, 'DELETE', '/_emulator/sessions', '', () => undefined);
  }
}

/**
 * The headers that open a control route: a session's by its key, the emulator's own by the token.
 * @param {string | null} key
 * @param {string} [token]
 * @returns {Record<string, string>}
 */
function door(key, token) {
  if (key !== null) return { authorization: `Bearer ${key}` };
  return token === undefined ? {} : { 'x-llemulator-control-token': token };
}

/** @returns {never} */
function inProcessOnly() {
  throw badArgument('functions as replies work only in the process of the emulator (startEmulator); it is elsewhere here');
}

/**
 * One request to a control route.
 * @param {string} origin
 * @param {Record<string, string>} credentials
 * @param {string} method
 * @param {string} path
 * @param {string} body
 * @returns {Promise<{ status: number, body: any }>}
 */
function send(origin, credentials, method, path, body) {
  // node:http, not fetch: tests replace fetch, and jsdom has none.
  return new Promise((resolve, reject) => {
    const failed = (/** @type {unknown} */ cause) =>
      reject(new LLEmulatorError('ERR_LLEMULATOR_CONNECT', `${method} ${origin}${path}: ${/** @type {Error} */ (cause).message}. Is an emulator listening there?`, { cause }));
    // Loaded when needed, as node:crypto is above: they take longer to load than the emulator takes to start.
    const { request } = origin.startsWith('https:') ? require('node:https') : require('node:http');
    const headers = { ...credentials, ...(body && { 'content-type': 'application/json' }) };
    request(origin + path, { method, headers, agent: false }, (response) => {
      /** @type {Buffer[]} */
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', failed);
      response.on('end', () => {
        const { statusCode: status = 0 } = response;
        const text = Buffer.concat(chunks).toString();
        try {
          resolve({ status, body: response.headers['content-type']?.startsWith('application/json') ? JSON.parse(text) : text });
        } catch (error) {
          failed(error);
        }
      });
    })
      .on('error', failed)
      .end(body);
  });
}

module.exports = { connectEmulator };
