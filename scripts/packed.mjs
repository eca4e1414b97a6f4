// The packages as a user has them: packed, and installed from the tarballs in an empty folder that is removed at the end.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hostPlatform } from './platforms.mjs';
import { manifest, packPlatform, packRoot } from './packages.mjs';
import { capture, run } from './run.mjs';
import { start } from './start.mjs';

const temporary = mkdtempSync(path.join(tmpdir(), 'llemulator-'));
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));

/**
 * The tarballs of the root and of this machine's platform package.
 * @param {string} [folder]  take them from here; without it they are built and packed now
 * @returns {{ root: string, platform: string }}
 */
export function tarballs(folder) {
  const platform = hostPlatform();
  if (!folder) {
    run(process.execPath, ['scripts/ensure-built.mjs']);
    return { root: packRoot(temporary), platform: packPlatform(platform, temporary) };
  }
  const find = (name) => {
    const file = `${name}-${manifest.version}.tgz`;
    assert.ok(readdirSync(folder).includes(file), `no ${file} in ${folder}`);
    return path.resolve(folder, file);
  };
  return { root: find('llemulator'), platform: find(`llemulator-${platform.name}`) };
}

/** A new folder with an empty package.json. */
export function emptyProject(name) {
  const folder = path.join(temporary, name);
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  return folder;
}

/** Installs `what` (tarballs, or names of our own devDependencies, which get our versions) in `folder`. */
export function install(folder, what) {
  const pinned = what.map((name) => (manifest.devDependencies[name] ? `${name}@${manifest.devDependencies[name]}` : name));
  capture('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...pinned], { cwd: folder });
}

/**
 * Starts the installed command on a free port, as soon as its first line names the address.
 * @returns {Promise<{ url: string, stop(): Promise<[number | null, string | null]> }>}  `stop` gives exit code and signal
 */
export async function serve(folder) {
  const command = path.join('node_modules', 'llemulator', manifest.bin.llemulator);
  const { line, stop } = await start(process.execPath, [command, '--port', '0'], { cwd: folder });
  const url = /^LLEmulator listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1];
  assert.ok(url, `the first line must name the address, got ${line}`);
  return { url, stop };
}
