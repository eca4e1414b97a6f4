// Three replicas, one Redis, a proxy that sends each request to the next one: every step is taken once and journals are
// whole, while a replica is cut off from Redis and comes back, Redis is killed and comes back, a replica is killed.
//   npm run replicas [-- --sessions 1000 --requests 100000]
// Machines are network namespaces; where there can be none, or no Redis, that is said. LLEMULATOR_BINARY names a
// stand-alone binary to try instead of this checkout's addon.
import assert from 'node:assert/strict';
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ask, redisCounts } from '../../bench/measure.mjs';
import { ROOT } from '../../scripts/addon.mjs';
import { start } from '../../scripts/start.mjs';
import { Load } from './load.mjs';
import { enter, hindrance, network } from './network.mjs';

const redisVersion = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
const why = process.platform !== 'linux' ? 'network namespaces are Linux’s' : redisVersion.status !== 0 ? 'there is no redis-server' : hindrance();
if (why) {
  console.log(`\n${'!'.repeat(80)}\nSKIPPED  three replicas: ${why}\n${'!'.repeat(80)}`);
  process.exit();
}
enter(import.meta.url);

const { values } = parseArgs({ options: { sessions: { type: 'string', default: '1000' }, requests: { type: 'string', default: '100000' } } });
const sessions = Number(values.sessions);
const steps = Math.round(Number(values.requests) / sessions);
const LEASE_MS = 3000;
const TOKEN = 'of-all-three';
const command = process.env.LLEMULATOR_BINARY ? [process.env.LLEMULATOR_BINARY] : [process.execPath, path.join(ROOT, 'js/cli.js')];
const folder = mkdtempSync(path.join(os.tmpdir(), 'llemulator-replicas-'));
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
const began = performance.now();
const say = (text) => console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`);

const net = network();
const store = net.machine('redis');
const machines = ['one', 'two', 'three'].map((name) => net.machine(name));

async function startRedis() {
  const flags = ['--bind', '0.0.0.0', '--protected-mode', 'no', '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--loglevel', 'warning'];
  const [program, ...args] = store.command('redis-server', ...flags);
  const redis = await start('sh', ['-c', 'echo started; exec "$@"', 'sh', program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(redis.child);
  return redis;
}

async function startReplica({ name, front, command: on }) {
  const flags = ['--host', '0.0.0.0', '--port', '8080', '--advertise', `http://${front}:8080`, '--store', `redis://${store.back}:6379/0`, '--store-lease-ms', String(LEASE_MS), '--control-token', TOKEN, '--journal-size', String(steps * 2), '--log-level', 'warn'];
  const [program, ...args] = on(...command, ...flags);
  const replica = await start(program, args);
  running.add(replica.child);
  assert.match(replica.line, /listening on/);
  return { ...replica, name, url: `http://${front}:8080` };
}

const health = async (url, route) => (await ask(`${url}${route}`, { timeout: 5000 })).status;

/** Waits for what becomes true soon. */
async function until(what, holds, seconds = 30) {
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await wait(50)) {
    if (await holds().catch(() => false)) return;
  }
  assert.fail(`not within ${seconds} s: ${what}`);
}

let redis = await startRedis();
const replicas = await Promise.all(machines.map(startReplica));
for (const { name, url } of replicas) await until(`${name} is ready`, async () => (await health(url, '/readyz')) === 200);
const proxy = fork(fileURLToPath(new URL('proxy.mjs', import.meta.url)), [net.address, ...machines.map(({ front }) => `${front}:8080`)]);
const [port] = await once(proxy, 'message');
const load = new Load(`http://${net.address}:${port}`, sessions, steps);
say(`three replicas, Redis ${/v=(\S+)/.exec(redisVersion.stdout)[1]} with appendfsync always, ${sessions} sessions of ${steps} steps`);
await load.script();
say('each session has its script');
const quiet = await redisCounts(store.front, 6379);

/** What is done to them, each when so large a part of the answers is there, one after the other. */
const faults = [
  [0.1, async () => {
    // Leases and what was asked for first are among them.
    const { reads } = await redisCounts(store.front, 6379);
    const each = (reads - quiet.reads) / load.answered;
    say(`${each.toFixed(2)} round trips to Redis for each answer`);
    assert.ok(each <= 2, `${each} round trips`);
  }],
  [0.2, async () => {
    const [, two] = machines;
    two.cut('back');
    say('two is cut off from Redis');
    const { url } = replicas[1];
    await until('it says that it is not ready', async () => (await health(url, '/readyz')) === 503);
    assert.equal(await health(url, '/healthz'), 200, 'it lives');
    // Longer than its lease: others take its sessions.
    await wait(2 * LEASE_MS);
    two.join('back');
    await until('it is ready again', async () => (await health(url, '/readyz')) === 200);
    say('two is back');
  }],
  [0.4, async () => {
    redis.child.kill('SIGKILL');
    await redis.ended;
    say('Redis is killed');
    for (const { name, url } of replicas) await until(`${name} says that it is not ready`, async () => (await health(url, '/readyz')) === 503);
    redis = await startRedis();
    for (const { name, url } of replicas) await until(`${name} is ready again`, async () => (await health(url, '/readyz')) === 200);
    say('Redis is back');
  }],
  [0.6, async () => {
    const [one] = replicas;
    one.child.kill('SIGKILL');
    await one.ended;
    say('one is killed');
    await wait(2 * LEASE_MS);
    replicas[0] = await startReplica(machines[0]);
    await until('another is ready in its place', async () => (await health(replicas[0].url, '/readyz')) === 200);
    say('another stands in its place');
  }],
  [0.8, async () => {
    const [, , three] = machines;
    three.cut('front', 'back');
    say('three is cut off from everybody');
    await wait(2 * LEASE_MS);
    three.join('front', 'back');
    await until('it is ready again', async () => (await health(replicas[2].url, '/readyz')) === 200);
    say('three is back');
  }],
];

let done = Promise.resolve();
let next = 0;
const before = performance.now();
await load.run(128, (answered) => {
  if (next < faults.length && answered >= faults[next][0] * sessions * steps) {
    const [, strike] = faults[next++];
    done = done.then(strike);
  }
});
await done;
const seconds = (performance.now() - before) / 1000;
say(load.summary());
assert.equal(next, faults.length, 'every fault struck');

const { wrong, lost } = await load.check();
for (const line of wrong.slice(0, 20)) console.error(line);
assert.equal(wrong.length, 0, `${wrong.length} things are wrong`);
say(`every step was taken once and every journal is whole; ${lost} steps were taken by requests whose clients heard nothing`);
// Each has been asked just now, so somebody owns it: whichever replica is asked, all are listed, and counted together.
for (const { name, url } of replicas) {
  const [listed, counted] = await Promise.all(['/_emulator/sessions', '/api/statistics'].map(async (route) => JSON.parse((await ask(`${url}${route}`, { headers: { 'x-llemulator-control-token': TOKEN } })).text)));
  assert.equal(listed.data.length, sessions, `${name} lists all sessions`);
  assert.equal(counted.requests, listed.data.reduce((sum, { requests }) => sum + requests, 0), `${name} counts all exchanges`);
}
say(`${Math.round(load.answered / seconds)} answers a second, faults included; ${os.cpus().length} cores, load average ${os.loadavg()[0].toFixed(1)}`);

proxy.disconnect();
for (const replica of replicas) assert.deepEqual(await replica.stop(), [0, null], `${replica.name} ends in order`);
await redis.stop();
running.clear();
load.agent.destroy();
process.exit();
