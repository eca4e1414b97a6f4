// The packages the surface is read from: their versions, once, and where they are unpacked.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the surface is the union of. */
export const NPM = '7.57.0';
export const PYPI = '3.57.0';

/**
 * Older releases, oldest first, that tell when a field came: all that npm has since 4, the first whose types were made
 * from the API's description; of 4 only those whose types are not those of the one before. What is older than these has
 * no version. Python's are asked only for what npm does not have.
 */
export const OLDER_NPM = [
  '4.0.0', '4.0.1', '4.1.0', '4.2.0', '4.3.0', '4.4.0', '4.5.0', '4.6.0', '4.7.0', '4.9.0', '4.10.0', '4.11.0',
  '4.12.0', '4.12.1', '4.12.3', '4.13.0', '4.15.0', '4.16.0', '4.16.1', '4.16.2', '4.17.0', '4.17.1', '4.18.0',
  '4.19.0', '4.21.0', '4.22.0', '4.23.0', '4.24.0', '4.24.2', '4.24.3', '4.24.5', '4.25.0', '4.26.0', '4.26.1',
  '4.27.0', '4.28.0', '4.28.4', '4.28.5', '4.29.0', '4.29.2', '4.31.0', '4.32.0', '4.33.0', '4.34.0', '4.36.0',
  '4.37.0', '4.37.1', '4.38.0', '4.38.1', '4.38.2', '4.38.3', '4.38.4', '4.39.0', '4.40.0', '4.40.1', '4.40.2',
  '4.41.0', '4.41.1', '4.42.0', '4.43.0', '4.44.0', '4.45.0', '4.46.0', '4.46.1', '4.47.0', '4.47.3', '4.48.1',
  '4.49.0', '4.49.1', '4.51.0', '4.52.0', '4.52.1', '4.52.5', '4.53.0', '4.54.0', '4.55.0', '4.55.1', '4.55.3',
  '4.55.8', '4.55.9', '4.56.0', '4.56.1', '4.57.0', '4.58.0', '4.59.0', '4.60.0', '4.61.1', '4.62.0', '4.63.0',
  '4.64.0', '4.65.0', '4.66.1', '4.67.0', '4.68.0', '4.69.0', '4.70.0', '4.71.0', '4.73.0', '4.77.0', '4.78.0',
  '4.78.1', '4.79.0', '4.79.4', '4.80.0', '4.80.1', '4.81.0', '4.82.0', '4.83.0', '4.84.0', '4.85.0', '4.85.1',
  '4.85.3', '4.86.0', '4.87.0', '4.87.2', '4.87.3', '4.87.4', '4.88.0', '4.89.0', '4.89.1', '4.90.0', '4.91.0',
  '4.91.1', '4.93.0', '4.94.0', '4.95.0', '4.96.0', '4.97.0', '4.98.0', '4.99.0', '4.100.0', '4.101.0', '4.102.0',
  '4.103.0', '4.104.0',
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
