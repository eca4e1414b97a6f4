// The packages the surface is read from: their versions, once, and where they are unpacked.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the surface is the union of. */
export const NPM = '7.57.0';
export const PYPI = '3.57.0';

/**
 * Older releases, oldest first, that tell when a field came: all that npm has since 5. What is older than these has no
 * version. Python's are asked only for what npm does not have.
 */
export const OLDER_NPM = [
  '5.0.0', '5.0.1', '5.0.2', '5.1.0', '5.1.1', '5.2.0', '5.3.0', '5.4.0', '5.5.0', '5.5.1', '5.6.0', '5.7.0',
  '5.8.0', '5.8.1', '5.8.2', '5.8.3', '5.8.4', '5.9.0', '5.9.1', '5.9.2', '5.10.0', '5.10.1', '5.10.2', '5.10.3',
  '5.11.0', '5.12.0', '5.12.1', '5.12.2', '5.13.1', '5.15.0', '5.16.0', '5.17.0', '5.18.0', '5.18.1', '5.19.0',
  '5.19.1', '5.20.0', '5.20.1', '5.20.2', '5.20.3', '5.21.0', '5.22.0', '5.22.1', '5.23.0', '5.23.1', '5.23.2',
  '6.0.0', '6.0.1', '6.1.0', '6.2.0', '6.3.0', '6.4.0', '6.5.0', '6.6.0', '6.7.0', '6.8.0', '6.8.1', '6.9.0',
  '6.9.1', '6.10.0', '6.13.0', '6.14.0', '6.15.0', '6.16.0', '6.17.0', '6.18.0', '6.19.0', '6.20.0', '6.21.0',
  '6.22.0', '6.23.0', '6.24.0', '6.25.0', '6.26.0', '6.27.0', '6.28.0', '6.29.0', '6.30.1', '6.31.0', '6.32.0',
  '6.33.0', '6.34.0', '6.35.0', '6.36.0', '6.37.0', '6.38.0', '6.39.0', '6.39.1', '6.40.0', '6.41.0', '6.42.0',
  '6.43.0', '6.44.0', '6.45.0', '6.46.0', '6.47.0', '6.48.0', '6.49.0', '7.0.0', '7.1.0', '7.2.0', '7.3.0', '7.4.0',
  '7.5.0', '7.6.0', '7.7.0', '7.8.0', '7.9.0', '7.10.0', '7.12.1', '7.13.0', '7.14.0', '7.15.0', '7.16.0', '7.17.0',
  '7.18.0', '7.19.0', '7.20.0', '7.21.0', '7.22.0', '7.23.0', '7.24.0', '7.25.0', '7.26.0', '7.27.0', '7.28.0',
  '7.30.0', '7.30.1', '7.31.0', '7.32.0', '7.33.0', '7.34.0', '7.35.0', '7.36.0', '7.37.0', '7.38.0', '7.39.0',
  '7.41.0', '7.43.0', '7.45.1', '7.47.0', '7.48.0', '7.51.0', '7.52.0', '7.53.0', '7.55.0',
];
export const OLDER_PYPI = ['3.52.0', '3.53.0', '3.54.0', '3.55.0', '3.55.1', '3.56.0'];

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
