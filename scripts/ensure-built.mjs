// Builds the control room's page and the addon that embeds it, each if its sources changed since the last build.
// `npm start` and `npm test` run it first.
// There is no postinstall: npm no longer runs those of dependencies, and nobody who edits a text should wait for a build.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { addonPath, buildAddon } from './addon.mjs';
import { PAGE_SOURCES, buildPage, fingerprint } from './page.mjs';
import { hostPlatform } from './platforms.mjs';

/** Everything that decides what the addon contains. */
const SOURCES = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'src', ...PAGE_SOURCES];

try {
  buildPage();
  const platform = hostPlatform();
  const addon = addonPath(platform);
  const stamp = `${addon}.sources`;
  const now = fingerprint(SOURCES);
  if (!existsSync(addon) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== now) {
    console.error('Building the addon (two to six minutes the first time, by the speed of its processors) …');
    buildAddon(platform);
    writeFileSync(stamp, now);
  }
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
