// The packages the surface is read from: their versions, once, and where they are unpacked.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the surface is the union of. */
export const NPM = '7.57.0';
export const PYPI = '3.57.0';

/**
 * Older releases, oldest first, that tell when a field came. Every tenth minor release or so brackets it; what is older
 * than the first of them has no version. Python's are asked only for what npm does not have.
 */
export const OLDER_NPM = ['5.0.1', '5.10.1', '5.20.0', '6.1.0', '6.10.0', '6.20.0', '6.30.1', '6.40.0', '7.0.0', '7.10.0', '7.20.0', '7.30.0', '7.41.0', '7.51.0', '7.55.0'];
export const OLDER_PYPI = ['3.52.0', '3.53.0', '3.54.0', '3.55.0', '3.56.0'];

const cache = fileURLToPath(new URL('../../target/surface/', import.meta.url));

/** Runs `fill` in a new folder unless the folder is there already; a run that was cut off leaves nothing behind. */
function once(name, fill) {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  const beside = `${folder}.part-${process.pid}`;
  mkdirSync(beside, { recursive: true });
  try {
    fill(beside);
    renameSync(beside, folder);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
  return folder;
}

const run = (cwd, program, ...args) => execFileSync(program, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });

/** Folder of a release of npm's `openai`. */
export const npm = (version) => join(once(`npm-${version}`, (folder) => {
  run(folder, 'npm', 'pack', '--silent', `openai@${version}`);
  run(folder, 'tar', 'xzf', `openai-${version}.tgz`);
}), 'package');

/** Folder of a release of PyPI's `openai`: the wheel's package. */
export const pypi = (version) => join(once(`pypi-${version}`, (folder) => {
  run(folder, 'python3', '-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps', '--no-binary', ':none:', `openai==${version}`);
  const wheel = readdirSync(folder).find((file) => file.endsWith('.whl'));
  run(folder, 'python3', '-m', 'zipfile', '-e', wheel, '.');
}), 'openai');
