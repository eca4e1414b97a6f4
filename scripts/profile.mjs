// What a released addon is trained with: how often each branch runs while tests of our users' kind run. The compiler then
// keeps what runs together, and what does not out of its way. What that gives stands in bench/README.md.
//   cargo builds it watched, scripts/training.mjs uses it, llvm-profdata adds up what was seen, cargo builds it again
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ROOT, buildAddon } from './addon.mjs';
import { hostPlatform } from './platforms.mjs';
import { capture, run } from './run.mjs';

/** Whether Node here can load what is built for `platform`, and so train it. @param {import('./platforms.mjs').Platform} platform */
export const trainable = (platform) => platform.name === hostPlatform().name;

/**
 * Builds the addon for the platform of this machine, trains it, and gives the flags that build what was learned.
 * Profile, command and linker must be those of the build that gets the flags: cargo makes of them the names by which
 * functions are known. Of flags it does not.
 * @param {import('./platforms.mjs').Platform} platform
 * @param {string[]} command  as `buildAddon` takes it
 * @param {string} [flags]  of every build for it
 * @returns {string} RUSTFLAGS
 */
export function trained(platform, command, flags = '') {
  const merge = profdata();
  const folder = path.join(ROOT, 'target', 'profile');
  const seen = path.join(folder, 'seen');
  // zig takes `-u`, with which rustc links what watches, for a file. The last linker that is named counts.
  const linker = command[0] === 'cargo-zigbuild' ? '-Clinker=cc' : '';
  buildAddon(platform, 'trained', command, { ...process.env, RUSTFLAGS: `${flags} -Cprofile-generate=${seen} ${linker}` });
  rmSync(seen, { recursive: true, force: true });
  run(process.execPath, ['scripts/training.mjs'], { env: { ...process.env, LLVM_PROFILE_FILE: path.join(seen, '%m.profraw') } });
  const merged = path.join(folder, 'release.profdata');
  run(merge, ['merge', '-o', merged, ...readdirSync(seen).map((file) => path.join(seen, file))]);
  // Cargo looks at flags, not at the file they name: another content is another name.
  const profile = path.join(folder, `${createHash('sha256').update(readFileSync(merged)).digest('hex').slice(0, 16)}.profdata`);
  renameSync(merged, profile);
  return `${flags} -Cprofile-use=${profile}`;
}

/** rustc's own llvm-profdata, or the one that `LLVM_PROFDATA` names; it must read what this rustc writes. */
function profdata() {
  const host = /^host: (.+)$/m.exec(capture('rustc', ['-vV']))[1];
  const own = path.join(capture('rustc', ['--print', 'sysroot']), 'lib', 'rustlib', host, 'bin', `llvm-profdata${process.platform === 'win32' ? '.exe' : ''}`);
  const program = process.env.LLVM_PROFDATA ?? (existsSync(own) ? own : undefined);
  if (program) return program;
  throw new Error('A release is trained, for which rustc\'s llvm-profdata is missing: `rustup component add llvm-tools`, or name one in LLVM_PROFDATA. `--untrained` builds without.');
}
