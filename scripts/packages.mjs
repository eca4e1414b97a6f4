// Packs what is published: the package `llemulator` and one `@llemulator/<platform>` for each addon in js/native.
//   node scripts/packages.mjs [DIR] [--all]      DIR: where the tarballs go (default npm/); --all: all eight or fail
//
// The root's package.json gets its optionalDependencies here, not in the repository. While those packages are
// unpublished npm leaves them out of the lockfile, and then `npm ci` refuses it; and a clone should run the addon it
// has built, never a published one. scripts, devDependencies and overrides mean nothing to a user and are left out.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { ROOT, addonPath } from './addon.mjs';
import { LICENCES, licences } from './licences.mjs';
import { PLATFORMS } from './platforms.mjs';
import { capture } from './run.mjs';

export const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
const STAGE = path.join(ROOT, 'npm', 'stage');

/** The largest package we publish, in bytes (bench/README.md). */
const MOST = 9e6;

/** The name of the package that holds `platform`'s addon. */
export const packageOf = (platform) => `@llemulator/${platform.name}`;

/** Packs the root package into `out`; returns the tarball's path. */
export function packRoot(out) {
  const { scripts, devDependencies, overrides, ...kept } = manifest;
  const listed = JSON.parse(capture('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--silent']));
  const files = listed[0].files.map((file) => file.path);
  const stray = files.filter((file) => file.endsWith('.node'));
  if (stray.length) throw new Error(`the root package must not hold an addon (see "files" in package.json): ${stray}`);
  return pack('llemulator', out, files, {
    ...kept,
    optionalDependencies: Object.fromEntries(PLATFORMS.map((platform) => [packageOf(platform), kept.version])),
  });
}

/** Packs one platform's addon into `out`; returns the tarball's path. */
export function packPlatform(platform, out) {
  const addon = path.relative(ROOT, addonPath(platform));
  const { version, license, repository, homepage, bugs, engines } = manifest;
  return pack(platform.name, out, ['LICENSE', addon], {
    name: packageOf(platform),
    version,
    description: `The ${platform.name} binary of llemulator; install that`,
    license,
    repository,
    homepage,
    bugs,
    engines,
    os: [platform.os],
    cpu: [platform.cpu],
    ...(platform.libc && { libc: [platform.libc] }),
    main: path.basename(addon),
    files: [path.basename(addon), LICENCES],
  }, { [LICENCES]: licences(platform) });
}

/** Packs a folder that holds `json` as package.json, `texts` by name, and copies of `files`; an addon is put at its top. */
function pack(name, out, files, json, texts = {}) {
  const folder = path.join(STAGE, name);
  rmSync(folder, { recursive: true, force: true });
  for (const file of files) {
    cpSync(path.join(ROOT, file), path.join(folder, file.endsWith('.node') ? path.basename(file) : file));
  }
  for (const [name, text] of Object.entries(texts)) writeFileSync(path.join(folder, name), text);
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(json, null, 2)}\n`);
  mkdirSync(out, { recursive: true });
  const packed = JSON.parse(capture('npm', ['pack', '--json', '--silent', '--pack-destination', path.resolve(out)], { cwd: folder }));
  return squeezed(path.resolve(out, packed[0].filename));
}

/**
 * Packs a tarball's tar again with libdeflate (Debian: libdeflate-tools), where it is there: a twentieth less to download
 * than what npm makes.
 */
function squeezed(tarball) {
  const { error, status, stdout, stderr } = spawnSync('libdeflate-gzip', ['-12', '-c'], { input: gunzipSync(readFileSync(tarball)), maxBuffer: 1 << 28 });
  if (error?.code === 'ENOENT' && !process.argv.includes('--all')) return tarball;
  if (error || status !== 0) throw new Error(`libdeflate-gzip, which packs what is released: ${error?.message ?? stderr}`);
  writeFileSync(tarball, stdout);
  return tarball;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const args = process.argv.slice(2);
  const out = args.find((arg) => !arg.startsWith('-')) ?? path.join(ROOT, 'npm');
  const built = PLATFORMS.filter((platform) => existsSync(addonPath(platform)));
  const missing = PLATFORMS.filter((platform) => !built.includes(platform)).map((platform) => platform.name);
  if (args.includes('--all') && missing.length) throw new Error(`no addon in js/native for ${missing.join(', ')}`);
  for (const tarball of [...built.map((platform) => packPlatform(platform, out)), packRoot(out)]) {
    const size = statSync(tarball).size;
    if (args.includes('--all') && size > MOST) throw new Error(`${tarball} has ${size} bytes; the budget is ${MOST}`);
    console.log(tarball);
  }
}
