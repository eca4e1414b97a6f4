'use strict';
// Where a model's weights are: a file of the user's, or one that is downloaded once into a cache.
const { createHash } = require('node:crypto');
const { createReadStream, createWriteStream } = require('node:fs');
const { mkdir, open, readFile, rename, rm, stat } = require('node:fs/promises');
const os = require('node:os');
const path = require('node:path');
const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { LLEmulatorError, badArgument, unknownName } = require('../errors.js');

/** Where the weights of a name come from. Nothing is fetched before somebody asks for the name. @type {Record<string, string>} */
const ADDRESSES = {
  // The instruction-tuned one of 360 million parameters, eight bits each: 386 MB.
  smollm: 'https://huggingface.co/HuggingFaceTB/SmolLM2-360M-Instruct-GGUF/resolve/main/smollm2-360m-instruct-q8_0.gguf',
};

/** Redirects that are followed: from a repository to where its files lie. */
const REDIRECTS = 5;

/** How far a download is. @typedef {{ what: 'download' | 'load', done: number, total?: number }} Progress */

/**
 * @typedef {object} Source
 * @property {string} [path]  a file of the user's
 * @property {string} [name]  one of ADDRESSES
 * @property {string} [url]  the address of a GGUF file
 * @property {string} [sha256]  what the file's bytes give
 * @property {string} [cache]  the folder of downloads
 */

/** The folder of downloads, as each system has it. */
function cacheFolder() {
  const { env, platform } = process;
  const base = platform === 'win32' ? env.LOCALAPPDATA : platform === 'darwin' ? path.join(os.homedir(), 'Library', 'Caches') : env.XDG_CACHE_HOME;
  return path.join(base || path.join(os.homedir(), '.cache'), 'llemulator', 'models');
}

/**
 * The address that a source names, or `undefined` for a file.
 * @param {Source} source
 */
function addressOf({ path: file, name, url }) {
  if (file !== undefined) return undefined;
  if (url !== undefined) return new URL(url);
  if (name === undefined) throw badArgument(`localModel(): give the weights as path or url, or a name: ${Object.keys(ADDRESSES).join(', ')}`);
  if (!Object.hasOwn(ADDRESSES, name)) throw unknownName('localModel(): no weights are known by the name ', name, Object.keys(ADDRESSES));
  return new URL(ADDRESSES[name]);
}

/**
 * The weights as a file that is there; downloads them first when they are not.
 * @param {Source} source
 * @param {{ signal?: AbortSignal, onProgress?: (progress: Progress) => void }} [options]
 * @returns {Promise<string>}
 */
async function weights(source, { signal, onProgress = () => {} } = {}) {
  const address = addressOf(source);
  const file = address ? path.join(source.cache ?? cacheFolder(), path.basename(address.pathname)) : path.resolve(/** @type {string} */ (source.path));
  const there = await stat(file).catch(() => undefined);
  if (there?.isFile()) return file;
  if (!address) throw new LLEmulatorError('ERR_LLEMULATOR_LOCAL_MODEL', `localModel(): there is no file ${file}`);
  await mkdir(path.dirname(file), { recursive: true });
  return await alone(file, async () => {
    // Whoever held the lock before may have brought it.
    if (!(await stat(file).catch(() => undefined))) await download(address, file, source.sha256, { signal, onProgress });
    return file;
  });
}

/**
 * Runs while no other process does for the same file. Who holds the lock is written in it: one that is gone holds none.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} run
 * @returns {Promise<T>}
 */
async function alone(file, run) {
  const lock = `${file}.lock`;
  for (;;) {
    const held = await open(lock, 'wx').catch((error) => (error.code === 'EEXIST' ? undefined : Promise.reject(error)));
    if (held) {
      await held.writeFile(`${process.pid}`);
      await held.close();
      break;
    }
    const holder = Number(await readFile(lock, 'utf8').catch(() => ''));
    if (holder && !isRunning(holder)) await rm(lock, { force: true });
    else await new Promise((resolve) => setTimeout(resolve, 200));
  }
  try {
    return await run();
  } finally {
    await rm(lock, { force: true });
  }
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {any} */ (error).code === 'EPERM';
  }
}

/**
 * Fetches a file, going on where an earlier try was cut off, and checks its bytes.
 * @param {URL} address
 * @param {string} file
 * @param {string | undefined} expected  SHA-256; else what the server says
 * @param {{ signal?: AbortSignal, onProgress: (progress: Progress) => void }} options
 */
async function download(address, file, expected, { signal, onProgress }) {
  const part = `${file}.part`;
  const before = (await stat(part).catch(() => undefined))?.size ?? 0;
  const { answer, sha256 } = await ask(address, before, signal);
  const resumed = answer.status === 206;
  if (!answer.ok && answer.status !== 416) throw failed(address, `the server answers ${answer.status}`);
  if (answer.body && answer.ok) {
    let done = resumed ? before : 0;
    const length = Number(answer.headers.get('content-length'));
    const total = length ? done + length : undefined;
    onProgress({ what: 'download', done, total });
    const counted = async function* (/** @type {AsyncIterable<Uint8Array>} */ chunks) {
      for await (const chunk of chunks) {
        done += chunk.length;
        onProgress({ what: 'download', done, total });
        yield chunk;
      }
    };
    const body = Readable.fromWeb(/** @type {any} */ (answer.body));
    try {
      await pipeline(body, counted, createWriteStream(part, { flags: resumed ? 'a' : 'w' }), { signal });
    } catch (cause) {
      throw failed(address, `it broke off after ${done} bytes (the next try goes on there): ${/** @type {Error} */ (cause).message}`, cause);
    }
    if (total !== undefined && done !== total) throw failed(address, `it ended after ${done} of ${total} bytes (the next try goes on there)`);
  }
  const wanted = expected?.toLowerCase() ?? sha256;
  const got = await digest(part);
  if (wanted && got !== wanted) {
    await rm(part, { force: true });
    throw failed(address, `its bytes give the SHA-256 ${got} instead of ${wanted}; they were thrown away`);
  }
  await rename(part, file);
}

/**
 * Asks for a file from a byte on. Redirects are followed by hand: the first answer knows the file's checksum.
 * @param {URL} address
 * @param {number} from
 * @param {AbortSignal | undefined} signal
 */
async function ask(address, from, signal) {
  /** @type {string | undefined} */
  let sha256;
  for (let at = address, left = REDIRECTS; ; left--) {
    const headers = from ? { range: `bytes=${from}-` } : undefined;
    const answer = await fetch(at, { redirect: 'manual', headers, signal }).catch((cause) => {
      throw failed(address, /** @type {any} */ (cause).cause?.message ?? cause.message, cause);
    });
    for (const name of ['x-linked-etag', 'etag']) sha256 ??= /^(?:W\/)?"?([0-9a-f]{64})"?$/i.exec(answer.headers.get(name) ?? '')?.[1].toLowerCase();
    const location = answer.headers.get('location');
    if (answer.status < 300 || answer.status >= 400 || !location) return { answer, sha256 };
    if (!left) throw failed(address, `it leads through more than ${REDIRECTS} redirects`);
    await answer.body?.cancel();
    at = new URL(location, at);
  }
}

/** @param {string} file */
async function digest(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * @param {URL} address
 * @param {string} why
 * @param {unknown} [cause]
 */
const failed = (address, why, cause) =>
  new LLEmulatorError('ERR_LLEMULATOR_LOCAL_MODEL', `the weights could not be fetched from ${address.href}: ${why}. A file of yours serves as well: --local-model FILE.gguf, localModel({ path })`, cause === undefined ? {} : { cause });

module.exports = { ADDRESSES, addressOf, weights };
