// The emulator under soak: a process with few descriptors, a small folder of its own, and a clock that can be set.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from '../../scripts/start.mjs';
import { times } from './clients.mjs';

/** Debian's package `libfaketime`; the wall clock alone is moved, as a daemon or a person does. */
const FAKETIME = ['/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1', '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1'].find(existsSync);

const command = process.env.LLEMULATOR_BINARY ? [process.env.LLEMULATOR_BINARY] : [process.execPath, fileURLToPath(new URL('../../js/cli.js', import.meta.url))];

/** Whether this machine lets us mount a folder of our own. */
function canMount() {
  try {
    execFileSync('unshare', ['--map-root-user', '--mount', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Starts one that has so many descriptors, and the folder `tmp` of so many megabytes for what is temporary.
 * @param {{ descriptors: number, megabytes: number }} bounds
 * @param {(tmp: string) => string[]} flags
 */
export async function startServer({ descriptors, megabytes }, flags) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'llemulator-soak-'));
  const clock = path.join(folder, 'clock');
  writeFileSync(clock, '+0');
  const preload = FAKETIME ? { LD_PRELOAD: FAKETIME, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_CACHE_DURATION: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', FAKETIME_DONT_RESET: '1' } : {};
  const small = canMount();
  // The last `exec` makes the process that is asked for this very one.
  const mounted = small ? `mount -t tmpfs -o size=${megabytes}m tmpfs ${folder}/tmp && ` : '';
  const script = `mkdir ${folder}/tmp && ${mounted}ulimit -n ${descriptors} && exec env "$@"`;
  // In CI nothing is recorded, and here a disk is filled by it.
  const variables = Object.entries({ ...preload, CI: '', TMPDIR: `${folder}/tmp` }).map(([name, value]) => `${name}=${value}`);
  const shell = ['sh', '-c', script, 'sh', ...variables, ...command, '--port', '0', '--log-level', 'warn', ...flags(`${folder}/tmp`)];
  const [program, ...args] = small ? ['unshare', '--map-root-user', '--mount', ...shell] : shell;
  const { line, printed, child, stop } = await start(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  process.on('exit', () => child.kill('SIGKILL'));
  if (!line.includes('listening on')) throw new Error(`the emulator did not start: ${line}`);
  const url = line.split(' ').at(-1);
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  return {
    url,
    pid: child.pid,
    port: Number(new URL(url).port),
    complaints: () => printed.err.split('\n').filter(Boolean),
    small,
    /** Its small folder, as everybody else can reach it. */
    tmp: () => `/proc/${child.pid}/root${folder}/tmp`,
    clock: FAKETIME && ((shift) => writeFileSync(clock, shift)),
    /** In MB; one that has ended has none. */
    memory: () => (hasEnded() ? 0 : Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) / 1024),
    /** Seconds that all its threads have had a processor, also those that have ended. */
    cpu: () => readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).reduce((sum, ticks) => sum + ticks / 100, 0),
    /** The part of the time in which its threads could have run that others had the processors. */
    waited() {
      const sums = [...times(child.pid).values()].reduce(([ran, waited], [mine, others]) => [ran + mine, waited + others], [0, 0]);
      return sums[1] / (sums[0] + sums[1]);
    },
    descriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
    signal: (name) => child.kill(name),
    stop: async (signal) => (await stop(signal))[0],
  };
}
