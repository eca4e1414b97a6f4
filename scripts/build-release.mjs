// Builds the addon that is published: node scripts/build-release.mjs [PLATFORM]   (default: this machine's)
//
// Linux is linked with zig (cargo-zigbuild), against glibc 2.17 or musl: a plain build on this year's distributions
// asks for glibc 2.34 and would not load on RHEL 8 or Debian 11. Both tools come from PyPI:
// `pip install cargo-zigbuild ziglang`. macOS and Windows are built with cargo on their own machines.
import { readFileSync } from 'node:fs';
import { buildAddon } from './addon.mjs';
import { isNewer, newestGlibc } from './glibc.mjs';
import { buildPage } from './page.mjs';
import { GLIBC, hostPlatform, platformNamed } from './platforms.mjs';

/** The largest addon we publish, in bytes: what `npm install` takes is part of the product. The goal is 20 MB (bench/README.md); this may only fall. */
const BUDGET = 24e6;

const platform = process.argv[2] ? platformNamed(process.argv[2]) : hostPlatform();
const zig = platform.os === 'linux';
const target = platform.libc === 'glibc' ? `${platform.target}.${GLIBC}` : platform.target;
buildPage();
const addon = buildAddon(platform, 'release', [zig ? 'zigbuild' : 'build', '--locked', '--target', target], {
  ...process.env,
  MACOSX_DEPLOYMENT_TARGET: '11.0',
  // musl: a shared library needs the dynamic C runtime. Windows: users need not have Microsoft's.
  ...(platform.libc === 'musl' && { RUSTFLAGS: '-C target-feature=-crt-static' }),
  ...(platform.os === 'win32' && { RUSTFLAGS: '-C target-feature=+crt-static' }),
});

const size = readFileSync(addon).length;
if (size > BUDGET) throw new Error(`${addon} has ${size} bytes; the budget is ${BUDGET}`);
const glibc = platform.libc === 'glibc' ? newestGlibc(addon) : undefined;
if (platform.libc === 'glibc' && !glibc) throw new Error(`${addon} names no glibc version: is it linked against glibc at all?`);
if (glibc && isNewer(glibc, GLIBC)) throw new Error(`${addon} needs glibc ${glibc}; the limit is ${GLIBC}`);
console.log(`${addon}: ${(size / 1e6).toFixed(1)} MB${glibc ? `, glibc ${glibc} or newer` : ''}`);
