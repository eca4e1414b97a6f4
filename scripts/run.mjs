// Running commands the way every script here does.
import { spawnSync } from 'node:child_process';
import { ROOT } from './addon.mjs';

/**
 * Runs a command and shows what it prints; throws when it fails.
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} [options]  `cwd` is the repository's folder unless given
 */
export function run(command, args, options) {
  const done = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (done.status !== 0) throw new Error(`${[command, ...args].join(' ')}: ${ending(done)}`);
}

/** Runs a command and returns its stdout, trimmed; throws with all it printed when it fails. */
export function capture(command, args, options) {
  const done = spawn(command, args, { encoding: 'utf8', ...options });
  if (done.status !== 0) throw new Error(`${[command, ...args].join(' ')}: ${ending(done)}\n${done.stdout}${done.stderr}`);
  return done.stdout.trim();
}

// On Windows npm and npx are .cmd files, which only a shell starts; a shell would split the path of node itself.
function spawn(command, args, options) {
  const shell = process.platform === 'win32' && ['npm', 'npx'].includes(command);
  const done = spawnSync(command, args, { cwd: ROOT, shell, maxBuffer: 1 << 28, ...options });
  if (done.error) throw done.error;
  return done;
}

const ending = ({ status, signal }) => (signal ? `ended by ${signal}` : `exit code ${status}`);
