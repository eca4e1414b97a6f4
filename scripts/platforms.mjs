// The eight platforms a binary is published for. Names are npm's customary ones, so that a reader of
// `npm ls` recognises them; the package of each is `@llemulator/<name>`.

/**
 * @typedef {object} Platform
 * @property {string} name    as in `@llemulator/<name>` and `llemulator.<name>.node`
 * @property {string} target  Rust's name of it
 * @property {string} os      npm's `os`
 * @property {string} cpu     npm's `cpu`
 * @property {string} [libc]  npm's `libc`, Linux only
 */

/** @type {Platform[]} */
export const PLATFORMS = [
  { name: 'linux-x64-gnu', target: 'x86_64-unknown-linux-gnu', os: 'linux', cpu: 'x64', libc: 'glibc' },
  { name: 'linux-arm64-gnu', target: 'aarch64-unknown-linux-gnu', os: 'linux', cpu: 'arm64', libc: 'glibc' },
  { name: 'linux-x64-musl', target: 'x86_64-unknown-linux-musl', os: 'linux', cpu: 'x64', libc: 'musl' },
  { name: 'linux-arm64-musl', target: 'aarch64-unknown-linux-musl', os: 'linux', cpu: 'arm64', libc: 'musl' },
  { name: 'darwin-x64', target: 'x86_64-apple-darwin', os: 'darwin', cpu: 'x64' },
  { name: 'darwin-arm64', target: 'aarch64-apple-darwin', os: 'darwin', cpu: 'arm64' },
  { name: 'win32-x64-msvc', target: 'x86_64-pc-windows-msvc', os: 'win32', cpu: 'x64' },
  { name: 'win32-arm64-msvc', target: 'aarch64-pc-windows-msvc', os: 'win32', cpu: 'arm64' },
];

/** The oldest glibc the released Linux binaries run on: RHEL 7, Debian 8, Amazon Linux 2. */
export const GLIBC = '2.17';

/** The platform this program runs on. Throws when there is no package for it. */
export function hostPlatform() {
  // Node's own report names the glibc it runs on; on musl the field is absent.
  const libc = process.platform === 'linux' && (process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl');
  const found = PLATFORMS.find((p) => p.os === process.platform && p.cpu === process.arch && (!p.libc || p.libc === libc));
  if (!found) throw new Error(`no binary is published for ${process.platform} ${process.arch}${libc ? ` ${libc}` : ''}`);
  return found;
}

/** The platform whose name or Rust target is `name`. */
export function platformNamed(name) {
  const found = PLATFORMS.find((p) => p.name === name || p.target === name);
  if (!found) throw new Error(`unknown platform ${name}; known: ${PLATFORMS.map((p) => p.name).join(', ')}`);
  return found;
}
