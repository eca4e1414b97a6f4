'use strict';
// Finds and loads the addon: one built in this checkout, else the package for this platform.
const { existsSync } = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { LLEmulatorError } = require('./errors.js');

/**
 * What the addon gives (src/node). JSON crosses as text.
 * @typedef {object} NativeEmulator
 * @property {string} url
 * @property {number} port
 * @property {(key: string | null, method: string, path: string, body: string) => string} control
 * @property {(key: string, seen: number, milliseconds: number) => Promise<number>} changed
 * @property {(key: string, file: string, mode?: string, upstream?: string, upstreamKey?: string) => string[]} cassette
 * @property {() => void} recorded
 * @property {() => void} listen
 * @property {(reply: string) => string | null} fault
 * @property {(stream: number, piece: string) => boolean} push
 * @property {(stream: number) => Promise<boolean>} drained
 * @property {(stream: number, error?: string) => void} finish
 * @property {() => Promise<void>} stop
 *
 * @typedef {object} Native
 * @property {{ start(options: string, dispatch: (message: string) => Promise<string>): NativeEmulator }} NativeEmulator
 * @property {(args: string[]) => number} cli
 */

/** Platforms a binary is published for; on Linux the C library is part of the name. */
const PUBLISHED = ['linux-x64-gnu', 'linux-arm64-gnu', 'linux-x64-musl', 'linux-arm64-musl', 'darwin-x64', 'darwin-arm64', 'win32-x64-msvc', 'win32-arm64-msvc'];

/** The name of this platform's package, and what it was told by. */
function host() {
  const { platform, arch } = process;
  if (platform === 'win32') return { name: `${platform}-${arch}-msvc`, system: `${platform} ${arch}` };
  if (platform !== 'linux') return { name: `${platform}-${arch}`, system: `${platform} ${arch}` };
  const libc = isMusl() ? 'musl' : 'glibc';
  return { name: `${platform}-${arch}-${libc === 'musl' ? 'musl' : 'gnu'}`, system: `${platform} ${arch} ${libc}` };
}

function isMusl() {
  // A file nobody has but musl, to be looked at first: the report below takes milliseconds.
  if (!existsSync(`/lib/ld-musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`)) return false;
  const report = /** @type {any} */ (process.report);
  if (!report?.getReport) return true;
  report.excludeNetwork = true;
  return !report.getReport().header.glibcVersionRuntime;
}

/** @returns {Native} */
function load() {
  const { name, system } = host();
  const local = path.join(__dirname, 'native', `llemulator.${name}.node`);
  const file = process.env.LLEMULATOR_NATIVE || (existsSync(local) ? local : undefined);
  try {
    // Not `require`: bundlers would look for the file, which only a checkout has.
    if (file) return createRequire(__filename)(file);
    // Literals, and in a `try`: bundlers and file tracers follow nothing else, and take what is not installed for optional.
    switch (name) {
      case 'linux-x64-gnu': return require('@llemulator/linux-x64-gnu');
      case 'linux-arm64-gnu': return require('@llemulator/linux-arm64-gnu');
      case 'linux-x64-musl': return require('@llemulator/linux-x64-musl');
      case 'linux-arm64-musl': return require('@llemulator/linux-arm64-musl');
      case 'darwin-x64': return require('@llemulator/darwin-x64');
      case 'darwin-arm64': return require('@llemulator/darwin-arm64');
      case 'win32-x64-msvc': return require('@llemulator/win32-x64-msvc');
      case 'win32-arm64-msvc': return require('@llemulator/win32-arm64-msvc');
    }
    throw new Error(`there is no package @llemulator/${name}`);
  } catch (cause) {
    throw new LLEmulatorError('ERR_LLEMULATOR_NATIVE', explain(name, system, file ?? `@llemulator/${name}`, /** @type {any} */ (cause)), { cause });
  }
}

/**
 * @param {string} name
 * @param {string} system
 * @param {string} file
 * @param {{ code?: string, message?: string }} cause
 */
function explain(name, system, file, cause) {
  const what = `LLEmulator cannot load its addon for ${system} (Node ${process.versions.node})`;
  if (process.env.LLEMULATOR_NATIVE) return `${what} from ${file}, which the environment variable LLEMULATOR_NATIVE names: ${cause.message}`;
  if (!PUBLISHED.includes(name)) return `${what}: no binary is published for this platform. There are: ${PUBLISHED.join(', ')}. In a checkout, npm run build makes one.`;
  if (cause.code !== 'MODULE_NOT_FOUND') return `${what}: ${file} is there, but did not load: ${cause.message}`;
  return (
    `${what}: the package ${file} is not installed. npm leaves it out with --omit=optional, or when the lockfile was written on another platform. ` +
    `Delete node_modules and package-lock.json and run npm install again, or run npm install --save-dev ${file}. In a checkout, run npm run build.`
  );
}

/** @type {Native | undefined} */
let loaded;

/** The addon. Loaded at first use, so that a test file which only imports types or helpers pays nothing. */
const native = () => (loaded ??= load());

module.exports = { native };
