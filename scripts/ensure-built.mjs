// Builds the addon if its sources changed since the last build. `npm start` and `npm test` run it first.
// There is no postinstall: npm no longer runs those of dependencies, and nobody who edits a text should wait for a build.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT, addonPath, buildAddon } from './addon.mjs';
import { hostPlatform } from './platforms.mjs';

/** Everything that decides what the addon contains. */
const SOURCES = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'src', 'ui'];

/** A hash of the sources' names and contents: contents, because a git checkout changes times. */
function fingerprint() {
  const hash = createHash('sha256');
  const add = (name) => {
    const file = path.join(ROOT, name);
    if (!existsSync(file)) return;
    if (statSync(file).isDirectory()) for (const child of readdirSync(file).sort()) child === 'node_modules' || add(`${name}/${child}`);
    else hash.update(`${name}\0`).update(readFileSync(file)).update('\0');
  };
  SOURCES.forEach(add);
  return hash.digest('hex');
}

try {
  const platform = hostPlatform();
  const addon = addonPath(platform);
  const stamp = `${addon}.sources`;
  const now = fingerprint();
  if (!existsSync(addon) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== now) {
    console.error('Building the addon (a minute or two the first time) …');
    buildAddon(platform);
    writeFileSync(stamp, now);
  }
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
