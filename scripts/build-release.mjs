// Builds the addon that is published: node scripts/build-release.mjs [PLATFORM] [--untrained]   (default: this machine's)
//
// It is built twice: what the first one was seen to do in training makes the second one fast (scripts/profile.mjs).
// `--untrained` is the second one alone; a platform that is not this machine's is never trained.
// Linux is linked with zig (cargo-zigbuild), against glibc 2.17 or musl: a plain build on this year's distributions
// asks for glibc 2.34 and would not load on RHEL 8 or Debian 11. Both tools come from PyPI:
// `pip install cargo-zigbuild ziglang`. macOS and Windows are built with cargo on their own machines.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildAddon } from './addon.mjs';
import { isNewer, newestGlibc } from './glibc.mjs';
import { buildPage } from './page.mjs';
import { GLIBC, hostPlatform, platformNamed } from './platforms.mjs';
import { trainable, trained } from './profile.mjs';

/** The largest addons we publish, in bytes: what `npm install` takes is part of the product (bench/README.md). They may only fall. */
const BUDGETS = { trained: 20e6, untrained: 24e6 };

const { values: options, positionals: [name] } = parseArgs({ allowPositionals: true, options: { untrained: { type: 'boolean', default: false } } });
const platform = name ? platformNamed(name) : hostPlatform();
const zig = platform.os === 'linux';
const target = platform.libc === 'glibc' ? `${platform.target}.${GLIBC}` : platform.target;
process.env.MACOSX_DEPLOYMENT_TARGET = '11.0';
buildPage();
// musl: a shared library needs the dynamic C runtime. Windows: users need not have Microsoft's.
const flags = { musl: '-C target-feature=-crt-static', win32: '-C target-feature=+crt-static' }[platform.libc ?? platform.os] ?? '';
const isTrained = trainable(platform) && !options.untrained;
const command = [zig ? 'cargo-zigbuild' : 'cargo', 'rustc', '--crate-type', 'cdylib', '--locked', '--target', target];
const RUSTFLAGS = isTrained ? trained(platform, command, flags) : flags;
const addon = buildAddon(platform, isTrained ? 'trained' : 'release', command, { ...process.env, ...(RUSTFLAGS && { RUSTFLAGS }) });

const size = readFileSync(addon).length;
const budget = BUDGETS[isTrained ? 'trained' : 'untrained'];
if (size > budget) throw new Error(`${addon} has ${size} bytes; the budget is ${budget}`);
const glibc = platform.libc === 'glibc' ? newestGlibc(addon) : undefined;
if (platform.libc === 'glibc' && !glibc) throw new Error(`${addon} names no glibc version: is it linked against glibc at all?`);
if (glibc && isNewer(glibc, GLIBC)) throw new Error(`${addon} needs glibc ${glibc}; the limit is ${GLIBC}`);
console.log(`${addon}: ${(size / 1e6).toFixed(1)} MB${glibc ? `, glibc ${glibc} or newer` : ''}`);
