// Builds the control room's page (`ui/` → `ui/dist`) if its sources changed since the last build. The Rust build embeds
// what it finds there, zipped; without it the binary serves a page that says how to get it.
//   node scripts/page.mjs
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from './addon.mjs';
import { run } from './run.mjs';

const UI = path.join(ROOT, 'ui');

/** Everything that decides what the page contains. */
export const PAGE_SOURCES = ['ui/index.html', 'ui/package.json', 'ui/package-lock.json', 'ui/vite.config.mjs', 'ui/src', 'script.schema.json'];

/**
 * A hash of the names and contents of files and folders: contents, because a git checkout changes times.
 * @param {string[]} names  relative to the repository
 */
export function fingerprint(names) {
  const hash = createHash('sha256');
  const add = (name) => {
    const file = path.join(ROOT, name);
    if (!existsSync(file)) return;
    if (statSync(file).isDirectory()) for (const child of readdirSync(file).sort()) add(`${name}/${child}`);
    else hash.update(`${name}\0`).update(readFileSync(file)).update('\0');
  };
  names.forEach(add);
  return hash.digest('hex');
}

/** Whether something was made of these sources. */
const stamped = (stamp, sources) => existsSync(stamp) && readFileSync(stamp, 'utf8') === sources;

/** Makes `ui/node_modules` what the lockfile says. */
function installPage() {
  const stamp = path.join(UI, 'node_modules', '.installed');
  const lock = fingerprint(['ui/package-lock.json']);
  if (stamped(stamp, lock)) return;
  run('npm', ['ci', '--prefix', 'ui', '--silent', '--no-audit', '--no-fund'], { stdio: ['ignore', 2, 2] });
  writeFileSync(stamp, lock);
}

/** Builds the page if it is not current. */
export function buildPage() {
  const stamp = path.join(UI, 'dist', '.sources');
  const sources = fingerprint(PAGE_SOURCES);
  if (stamped(stamp, sources)) return;
  console.error('Building the control room’s page …');
  installPage();
  run(process.execPath, [path.join(UI, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', UI, '--logLevel', 'warn'], { stdio: ['ignore', 2, 2] });
  writeFileSync(stamp, sources);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) buildPage();
