// A network of machines that are network namespaces: each is on two switches, one where clients and the others are
// (10.77.0.*), one where Redis is (10.78.0.*), and a cable can be pulled. It ends with the process. Linux only.
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const INSIDE = 'LLEMULATOR_TEST_NETWORK';
const own = ['--map-root-user', '--net', '--mount', 'sh', '-euc', 'mount -t tmpfs none /run; exec "$@"', 'sh'];
const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'inherit'] });

/** Why there can be none here; '' = there can. */
export function hindrance() {
  if (process.env[INSIDE]) return '';
  const tried = spawnSync('unshare', [...own, 'ip', 'netns', 'add', 'probe'], { encoding: 'utf8' });
  return tried.status === 0 ? '' : `no network namespaces can be made here: ${tried.error?.message ?? tried.stderr.trim()}`;
}

/** Runs a program of Node's again where networks are its own, unless it is there already; ends with its code. */
export function enter(module) {
  if (process.env[INSIDE]) return;
  const again = [process.execPath, ...process.execArgv, fileURLToPath(module), ...process.argv.slice(2)];
  const { status } = spawnSync('unshare', [...own, ...again], { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } });
  process.exit(status ?? 1);
}

/** The switches by name: what their addresses begin with. */
const SWITCHES = { front: '10.77.0', back: '10.78.0' };

/** Makes both switches; this process is on them too, as number 1. */
export function network() {
  ip('link', 'set', 'lo', 'up');
  for (const [name, prefix] of Object.entries(SWITCHES)) {
    ip('link', 'add', name, 'type', 'bridge');
    ip('addr', 'add', `${prefix}.1/24`, 'dev', name);
    ip('link', 'set', name, 'up');
  }
  let last = 1;
  return {
    /** This process' own address on the switch of the clients. */
    address: `${SWITCHES.front}.1`,
    /** One more machine: its addresses, how a program is started there, and its cables. */
    machine(name) {
      const number = ++last;
      ip('netns', 'add', name);
      const inside = (...args) => ip('-n', name, ...args);
      inside('link', 'set', 'lo', 'up');
      for (const [one, prefix] of Object.entries(SWITCHES)) {
        ip('link', 'add', `${name}-${one}`, 'type', 'veth', 'peer', 'name', one, 'netns', name);
        ip('link', 'set', `${name}-${one}`, 'master', one, 'up');
        inside('addr', 'add', `${prefix}.${number}/24`, 'dev', one);
        inside('link', 'set', one, 'up');
      }
      return {
        name,
        front: `${SWITCHES.front}.${number}`,
        back: `${SWITCHES.back}.${number}`,
        command: (...words) => ['ip', 'netns', 'exec', name, ...words],
        /** What is sent is lost from now on, and nobody is told. */
        cut: (...switches) => switches.forEach((one) => ip('link', 'set', `${name}-${one}`, 'nomaster')),
        join: (...switches) => switches.forEach((one) => ip('link', 'set', `${name}-${one}`, 'master', one)),
      };
    },
  };
}
