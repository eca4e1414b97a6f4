// Starting a program that goes on, such as the emulator's command, the way every script and test here does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { ROOT } from './addon.mjs';

/**
 * Starts a program and waits for its first line; throws when it ends before that.
 * @param {string} program
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]  `cwd` is the repository's folder and stderr this process's
 *   unless given
 * @returns {Promise<{
 *   line: string, printed: { out: string, err: string }, child: import('node:child_process').ChildProcess,
 *   ended: Promise<[number | null, string | null]>, stop: (signal?: NodeJS.Signals) => Promise<[number | null, string | null]>,
 * }>}  what it has printed so far, and its end: exit code and signal
 */
export async function start(program, args, options) {
  const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'], ...options });
  const printed = { out: '', err: '' };
  const ended = /** @type {Promise<any>} */ (once(child, 'close'));
  child.stderr?.setEncoding('utf8').on('data', (text) => (printed.err += text));
  const line = await new Promise((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      printed.out += text;
      const end = printed.out.indexOf('\n');
      if (end >= 0) resolve(printed.out.slice(0, end));
    });
    ended.then((how) => reject(new Error(`${[program, ...args].join(' ')} ended (${how}) before its first line: ${printed.out}${printed.err}`)), reject);
  });
  const stop = (/** @type {NodeJS.Signals} */ signal = 'SIGTERM') => {
    child.kill(signal);
    return ended;
  };
  return { line, printed, child, ended, stop };
}

/** A port of loopback that is free now, for programs that do not say which one they took. */
export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address());
  probe.close();
  await once(probe, 'close');
  return port;
}
