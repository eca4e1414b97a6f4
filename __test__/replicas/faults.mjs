// Redis gone, slow, full, loading, no primary, failing over: refusals in time, nothing acknowledged is lost.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { LEASE, Redis, Replica, pair, saysInTurn, steps, until, way } from './servers.mjs';

const again = (replica) => until(async () => (await fetch(`${replica.url}/readyz`)).ok, 'ready again');

/** A refusal as clients know how to come again by: in time, with the whole envelope. */
async function refused(asked, what) {
  const began = performance.now();
  const { status, headers, json, text } = await asked;
  assert.ok(performance.now() - began < 2 * LEASE, `${what}: in time`);
  assert.deepEqual([status, json?.error?.code], [503, 'store_unavailable'], `${what}: ${text}`);
  assert.deepEqual(Object.keys(json.error), ['message', 'type', 'param', 'code'], what);
  for (const name of ['retry-after-ms', 'retry-after']) assert.match(headers.get(name) ?? '', /^\d+$/, `${what}: ${name}`);
}

test('without the store nothing is acknowledged and nothing hangs; with it all goes on', async (test) => {
  const { redis, one, two } = await pair(test);
  await one.script('sk-gone', steps(3));
  assert.equal(await two.says('sk-gone'), 'step 0');
  await redis.kill();
  for (const replica of [one, two]) {
    const began = performance.now();
    const refused = await replica.chat('sk-gone');
    assert.equal(refused.status, 503, refused.text);
    assert.equal(refused.json.error.code, 'store_unavailable');
    assert.match(refused.headers.get('retry-after-ms'), /^\d+$/);
    assert.match(refused.headers.get('retry-after'), /^\d+$/);
    assert.ok(performance.now() - began < 2 * LEASE);
    await until(async () => (await fetch(`${replica.url}/readyz`)).status === 503, 'not ready');
    assert.match(await (await fetch(`${replica.url}/readyz`)).text(), /store/);
    assert.equal((await fetch(`${replica.url}/healthz`)).status, 200);
  }
  await redis.again();
  for (const replica of [one, two]) await until(async () => (await fetch(`${replica.url}/readyz`)).ok, 'ready again');
  const said = [await two.says('sk-gone'), await one.says('sk-gone')];
  assert.deepEqual(said, ['step 1', 'step 2']);
});

test('a store that was not there when a replica began is told of, and when it comes', async (test) => {
  const redis = await Redis.start(test);
  await redis.kill();
  const replica = await Replica.start(test, redis);
  const told = (words) => replica.child.said.split(words).length - 1;
  await until(() => told('the store cannot be used'), 'a warning');
  await refused(replica.chat('sk-begun'), 'nothing is there');
  await redis.again();
  await again(replica);
  await until(() => told('the store can be used again'), 'the end of the warning');
  assert.equal(told('the store cannot be used'), 1, replica.child.said);
});

test('a store that is slow, full or no primary is one that cannot be used', async (test) => {
  const { redis, one } = await pair(test);
  await one.script('sk-faults', steps(4));
  const refused = async (what) => {
    const answer = await until(async () => {
      const answer = await one.chat('sk-faults');
      return answer.status === 503 && answer;
    }, what);
    assert.equal(answer.json.error.code, 'store_unavailable', answer.text);
  };
  const again = async () => until(async () => (await fetch(`${one.url}/readyz`)).ok, 'ready again');
  assert.equal(await one.says('sk-faults'), 'step 0');
  redis.child.kill('SIGSTOP');
  await refused('a refusal by a slow store');
  redis.child.kill('SIGCONT');
  await again();
  await redis.ask('CONFIG', 'SET', 'maxmemory', '1');
  await refused('a refusal by a full store');
  await redis.ask('CONFIG', 'SET', 'maxmemory', '0');
  await again();
  await redis.ask('REPLICAOF', '127.0.0.1', '1');
  await refused('a refusal by a store that is no primary');
  await redis.ask('REPLICAOF', 'NO', 'ONE');
  await again();
  // What was refused before it was written took nothing.
  const { json } = await one.ask('GET', '/_emulator/state', undefined, 'sk-faults');
  const taken = json.rules.filter(({ left }) => left === 0).length;
  assert.equal(await one.says('sk-faults'), `step ${taken}`);
});

test('what was refused because the store broke is not as if it were there, not for a moment', async (test) => {
  const redis = await Redis.start(test);
  const broken = await way(test, redis);
  const one = await Replica.ready(test, broken.url);
  assert.equal(await one.says('sk-vain', 'all'), 'Echo: all');
  // What is kept comes late, so that there is time to ask before.
  broken.late = ({ asked }) => (/HGETALL/.test(asked) ? LEASE / 4 : 0);
  for (const [method, target, body] of [
    ['POST', '/_emulator/shared-script', { reset: true, rules: [{ match: 'all', text: 'in-vain' }] }],
    ['POST', '/api/preset-queue/127.0.0.1', { reply: { text: 'in-vain' } }],
    ['POST', '/api/breakpoints', { match: 'in-vain' }],
    ['PUT', '/api/bypass/config', { target_host: 'in-vain.test' }],
  ]) {
    broken.cuts = ({ asked }) => /in-vain/.test(asked) && ((broken.cuts = () => false), true);
    await refused(one.ask(method, target, body), target);
    const answer = await until(async () => {
      const answer = await one.chat('sk-vain', 'all');
      return answer.status === 200 && answer;
    }, 'an answer');
    assert.equal(answer.json.choices[0].message.content, 'Echo: all', target);
    assert.equal((await one.ask('GET', '/api/preset-queue/127.0.0.1')).json.count, 0);
    assert.deepEqual((await one.ask('GET', '/api/breakpoints')).json.data, []);
    assert.equal((await one.ask('GET', '/api/bypass/config')).json.target_host, 'api.openai.com', target);
  }
});

test('a step whose request was refused because it could not be written is there again', async (test) => {
  const redis = await Redis.start(test);
  const broken = await way(test, redis);
  const one = await Replica.ready(test, broken.url);
  await one.script('sk-again', steps(4));
  assert.equal(await one.says('sk-again'), 'step 0');
  await redis.ask('CONFIG', 'SET', 'maxmemory', '1');
  await refused(one.chat('sk-again'), 'a full store');
  await redis.ask('CONFIG', 'SET', 'maxmemory', '0');
  await again(one);
  assert.equal(await one.says('sk-again'), 'step 1');
  // Redis never hears of it.
  broken.cuts = ({ asked }) => /step 2/.test(asked) && ((broken.cuts = () => false), true);
  await refused(one.chat('sk-again'), 'a store that breaks');
  await again(one);
  assert.deepEqual([await one.says('sk-again'), await one.says('sk-again')], ['step 2', 'step 3']);
});

test('whatever needs a store that does not answer is refused in time, and acknowledges nothing', async (test) => {
  const { redis, one, two } = await pair(test);
  await one.script('sk-doors', steps(3));
  assert.equal(await one.says('sk-doors'), 'step 0');
  const file = () => {
    const form = new FormData();
    form.append('purpose', 'batch');
    form.append('file', new Blob(['of the file']), 'a.jsonl');
    return form;
  };
  redis.child.kill('SIGSTOP');
  for (const replica of [one, two]) {
    const doors = {
      chat: replica.chat('sk-doors'),
      stream: replica.chat('sk-doors', 'x', { stream: true }),
      'a new session': replica.chat('sk-never-seen'),
      upload: replica.ask('POST', '/v1/files', file(), 'sk-doors'),
      reading: replica.ask('GET', '/v1/files', undefined, 'sk-doors'),
      script: replica.script('sk-doors', steps(9)),
      journal: replica.ask('GET', '/_emulator/requests', undefined, 'sk-doors'),
      'a session': replica.ask('POST', '/_emulator/sessions', { name: 'refused' }),
      'the page\'s session': replica.ask('POST', '/api/sessions', { name: 'refused' }),
      'all sessions': replica.ask('DELETE', '/_emulator/sessions'),
      'shared script': replica.ask('POST', '/_emulator/shared-script', { rules: [{ match: 'shared', text: 'shared' }] }),
      queue: replica.ask('POST', '/api/preset-queue/9.9.9.9', { reply: { text: 'queued' } }),
      breakpoint: replica.ask('POST', '/api/breakpoints', { match: 'never' }),
      bypass: replica.ask('PUT', '/api/bypass/config', { target_host: 'refused.test' }),
      statistics: replica.ask('GET', '/api/statistics'),
    };
    await Promise.all(Object.entries(doors).map(([what, asked]) => refused(asked, what)));
    const { status, text } = await replica.ask('GET', '/readyz');
    assert.deepEqual([status, /store/.test(text)], [503, true], text);
    assert.equal((await replica.ask('GET', '/healthz')).status, 200);
  }
  redis.child.kill('SIGCONT');
  for (const replica of [one, two]) await again(replica);
  // What was refused is not there; what was acknowledged is. A commit that Redis had heard already may have been taken.
  for (const replica of [one, two]) {
    const { json } = await replica.ask('GET', '/_emulator/requests', undefined, 'sk-doors');
    assert.equal(json.data[0].said, '"step 0"');
    const shown = async (path) => (await replica.ask('GET', path)).json;
    await until(async () => JSON.stringify(await shown('/api/breakpoints')) === JSON.stringify(await (await one.ask('GET', '/api/breakpoints')).json), 'the same everywhere');
  }
});

test('a store that still reads what it has is one that cannot be used', async (test) => {
  const { redis, one, two } = await pair(test);
  await one.script('sk-loading', steps(2));
  assert.equal(await two.says('sk-loading'), 'step 0');
  // Random: Redis looks at its sockets once per so many bytes of the file, and packs what repeats into nearly none.
  for (let index = 0; index < 60; index += 1) await redis.ask('SET', `filler:${index}`, randomBytes(3_000).toString('base64'));
  // What it has rewritten is read thing by thing.
  await redis.ask('BGREWRITEAOF');
  await until(async () => /aof_rewrite_in_progress:0\s[^]*aof_last_bgrewrite_status:ok/.test(await redis.ask('INFO', 'persistence')) && !/aof_rewrite_scheduled:1/.test(await redis.ask('INFO', 'persistence')), 'it is rewritten');
  await redis.kill();
  // Each thing that it reads takes a while, until it is told otherwise, and it answers meanwhile.
  redis.begins('--key-load-delay', '200000', '--loading-process-events-interval-bytes', '1024');
  await until(async () => /LOADING|loading/.test((await one.ask('GET', '/readyz')).text), 'readiness says that it loads');
  await refused(one.chat('sk-loading'), 'loading');
  assert.equal(await redis.ask('CONFIG', 'SET', 'key-load-delay', '0'), 'OK');
  for (const replica of [one, two]) await again(replica);
  assert.equal(await one.says('sk-loading'), 'step 1');
});

test('when another Redis takes over, nothing that was acknowledged is lost', async (test) => {
  const redis = await Redis.start(test);
  const follower = await Redis.start(test, '--replicaof', '127.0.0.1', String(redis.port));
  // What has one address leads to the primary, whichever it is.
  let primary = redis.port;
  const open = new Set();
  const address = net.createServer((socket) => {
    const there = net.connect(primary, '127.0.0.1');
    for (const [from, to] of [[socket, there], [there, socket]]) {
      open.add(from);
      from.on('error', () => {}).on('close', () => (open.delete(from), to.destroy())).pipe(to);
    }
  });
  address.listen(0, '127.0.0.1');
  await once(address, 'listening');
  test.after(() => (address.close(), open.forEach((socket) => socket.destroy())));
  const [one, two] = await Promise.all([0, 1].map(() => Replica.ready(test, `redis://127.0.0.1:${address.address().port}/0`)));
  await one.script('sk-over', steps(30));
  const said = [];
  for (let index = 0; index < 10; index += 1) said.push(await [one, two][index % 2].says('sk-over'));
  const offset = async (port) => Number(/master_repl_offset:(\d+)/.exec(await Redis.prototype.ask.call({ port }, 'INFO', 'replication'))[1]);
  await until(async () => (await offset(follower.port)) >= (await offset(redis.port)), 'the other one has it all');
  await redis.kill();
  await follower.ask('REPLICAOF', 'NO', 'ONE');
  primary = follower.port;
  for (const replica of [one, two]) await again(replica);
  said.push(...(await saysInTurn([one, two], 'sk-over', 10)));
  assert.equal(new Set(said).size, said.length, said.join());
  const { json } = await two.ask('GET', '/_emulator/requests', undefined, 'sk-over');
  for (const text of said) assert.ok(json.data.some((exchange) => exchange.said === JSON.stringify(text)), `${text} is in the journal`);
});
