// Building the Node addon and putting it where js/ looks for it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/**
 * Where js/ looks for an addon built from this checkout.
 * @param {import('./platforms.mjs').Platform} platform
 */
export const addonPath = (platform) => path.join(ROOT, 'js', 'native', `llemulator.${platform.name}.node`);

/**
 * For rustc, of our own crate: only what is short is put in line once more where LLVM sees it, as Rust's own pass has been
 * there before. A tenth of our crate's compilation, and nothing of an answer's CPU (bench/README.md).
 */
const SOONER = ['--', '-C', 'llvm-args=-inline-threshold=40'];

/**
 * Builds the addon and copies the library to `addonPath(platform)`.
 * Everything cargo prints goes to stderr: stdout belongs to whatever is started next.
 * @param {import('./platforms.mjs').Platform} platform
 * @param {string} [profile]  cargo's: `checkout` is built in a third of the time, `trained` or `release` is what packages carry
 * @param {string[]} [command]  cargo, or what takes its place, and how it compiles. What Node loads must be all that is made:
 *   beside the library that Rust's tests and the stand-alone binary link, cargo leaves out what `lto` asks for.
 * @param {Record<string, string | undefined>} [env]
 * @returns {string} the addon's path
 */
export function buildAddon(platform, profile = 'checkout', command = ['cargo', 'rustc', '--crate-type', 'cdylib'], env = process.env) {
  // Cargo tells the library's place itself, so CARGO_TARGET_DIR and .cargo/config.toml are obeyed.
  const [program, ...rest] = command;
  const args = [...rest, '--profile', profile, '--lib', '--message-format', 'json-render-diagnostics'];
  if (profile === 'checkout') args.push(...SOONER);
  const cargo = spawnSync(program, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28 });
  if (cargo.error?.code === 'ENOENT') {
    throw new Error(program === 'cargo'
      ? 'cargo was not found. A checkout needs Rust to build the addon (https://rustup.rs); the npm package brings it built.'
      : `${program} was not found: scripts/build-release.mjs says where it comes from.`);
  }
  if (cargo.error) throw cargo.error;
  if (cargo.status !== 0) throw new Error(`${program} ${args[0]} failed`);
  const library = cargo.stdout
    .toString()
    .split('\n')
    .filter((line) => line.includes('"compiler-artifact"'))
    .map((line) => JSON.parse(line))
    .findLast((message) => message.target.kind.includes('cdylib') && message.target.name === 'llemulator')
    ?.filenames.find((file) => /\.(so|dylib|dll)$/.test(file));
  if (!library) throw new Error('cargo built no cdylib: see [lib] in Cargo.toml');

  const addon = addonPath(platform);
  mkdirSync(path.dirname(addon), { recursive: true });
  // Renamed into place: a running server keeps the file it has mapped.
  copyFileSync(library, `${addon}.new`);
  renameSync(`${addon}.new`, addon);
  return addon;
}
