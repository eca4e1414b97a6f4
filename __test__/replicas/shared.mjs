// What concerns all replicas: once a change is acknowledged, whoever is asked next knows it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { LEASE, Redis, Replica, pair, until, way } from './servers.mjs';

/** Where a server has what belongs to no session. */
const WIDE = 'llemulator:shared';

/** A Redis and two replicas that hear of news so many milliseconds late. */
async function late(test, milliseconds) {
  const redis = await Redis.start(test);
  const ways = await Promise.all([0, 1].map(() => way(test, redis)));
  const [one, two] = await Promise.all(ways.map(({ url }) => Replica.ready(test, url)));
  for (const one of ways) one.late = ({ hears }) => (hears ? milliseconds : 0);
  return { redis, one, two, ways };
}

const queued = (text) => ({ reply: { text } });
const shared = (text) => ({ reset: true, rules: [{ match: 'all', text }] });
const done = async (asked) => assert.equal((await asked).status, 200);

test('what one acknowledges the next one knows, however late it hears of it', async (test) => {
  const { one, two } = await late(test, 200);
  for (const [writer, reader] of [[one, two], [two, one]]) {
    await done(writer.ask('POST', '/api/preset-queue/127.0.0.1', queued('of the queue')));
    assert.equal((await reader.ask('GET', '/api/preset-queue/127.0.0.1')).json.count, 1);
    assert.equal(await reader.says('sk-next', 'x'), 'of the queue');
    await done(writer.ask('POST', '/_emulator/shared-script', shared(`of ${writer.url}`)));
    assert.equal(await reader.says('sk-next', 'all'), `of ${writer.url}`);
    const { id } = (await writer.ask('POST', '/api/breakpoints', { match: 'never' })).json;
    assert.deepEqual((await reader.ask('GET', '/api/breakpoints')).json.data.map(({ id }) => id), [id]);
    await done(writer.ask('DELETE', '/api/breakpoints'));
    assert.deepEqual((await reader.ask('GET', '/api/breakpoints')).json.data, []);
    await done(writer.ask('PUT', '/api/bypass/config', { target_host: `${new URL(writer.url).port}.test` }));
    assert.equal((await reader.ask('GET', '/api/bypass/config')).json.target_host, `${new URL(writer.url).port}.test`);
  }
});

test('items are taken in the order they were added, whichever replicas are asked', async (test) => {
  const { one, two } = await late(test, 60);
  const texts = Array.from({ length: 12 }, (_, index) => `item ${index}`);
  for (const [index, text] of texts.entries()) {
    await done([one, two][index % 2].ask('POST', '/api/preset-queue/127.0.0.1', queued(text)));
  }
  const said = [];
  // Of sessions that belong to both.
  for (const index of texts.keys()) said.push(await [two, one][index % 2].says(`sk-order-${index % 5}`));
  assert.deepEqual(said, texts);
});

test('an item that another replica takes while it is edited stays taken', async (test) => {
  const { redis, one } = await late(test, 0);
  const queue = '/api/preset-queue/127.0.0.1';
  for (const change of [{ reply: { text: 'edited' } }, { position: 0 }, { queue: '127.0.0.2' }]) {
    await done(one.ask('POST', queue, queued('first')));
    await done(one.ask('POST', queue, queued('second')));
    const [, { id }] = (await one.ask('GET', queue)).json.items;
    // As another one takes it, of which the news are still under way.
    await redis.ask('HDEL', WIDE, `item/${id}`);
    assert.equal((await one.ask('PATCH', `${queue}/${id}`, change)).status, 503);
    assert.equal(await redis.ask('HEXISTS', WIDE, `item/${id}`), '0');
    await until(async () => (await one.ask('GET', queue)).json.count === 1, 'it knows');
    assert.equal((await one.ask('PATCH', `${queue}/${id}`, change)).status, 404);
    assert.equal(await one.says('sk-taken', 'x'), 'first');
  }
});

test('a replica that hears of no news finds them with its lease, and one that just began has them', async (test) => {
  const { redis, one, two, ways: [, deaf] } = await late(test, 0);
  deaf.late = ({ hears }) => (hears ? 1e9 : 0);
  const began = performance.now();
  await done(one.ask('POST', '/_emulator/shared-script', shared('found')));
  assert.ok(performance.now() - began < LEASE, 'with the next lease');
  assert.equal(await two.says('sk-deaf', 'all'), 'found');
  const slow = await way(test, redis);
  slow.late = ({ asked }) => (/HGETALL/i.test(asked) ? LEASE / 4 : 0);
  const three = await Replica.ready(test, slow.url);
  assert.equal(await three.says('sk-began', 'all'), 'found');
});

test('an empty shared script is one at every replica', async (test) => {
  const { redis, one, two } = await late(test, 0);
  assert.equal(await two.says('sk-empty', 'x'), 'Echo: x');
  await done(one.ask('POST', '/_emulator/shared-script', { reset: true, rules: [] }));
  const three = await Replica.ready(test, redis);
  for (const replica of [one, two, three]) {
    const refused = await replica.chat(`sk-empty-${replica.url}`, 'x');
    assert.equal(refused.json.error?.code, 'no_matching_rule', refused.text);
  }
});

test('script files that changed stay changed when another replica shares something', async (test) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'llemulator-watched-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'script.json');
  const write = (text) => writeFileSync(file, JSON.stringify({ rules: [{ match: 'file', text, times: 'unlimited' }] }));
  write('at first');
  const { one, two } = await pair(test, '--script', file, '--watch');
  assert.equal(await one.says('sk-files-0', 'file'), 'at first');
  write('and then');
  let asked = 0;
  for (const replica of [one, two]) await until(async () => (await replica.says(`sk-files-${(asked += 1)}`, 'file')) === 'and then', 'the new script');
  await done(two.ask('POST', '/_emulator/shared-script', { rules: [{ match: 'shared', text: 'behind it' }] }));
  assert.equal(await one.says('sk-files-shared', 'shared'), 'behind it');
  for (const replica of [one, two]) assert.equal(await replica.says(`sk-files-${(asked += 1)}`, 'file'), 'and then');
});

test('one that is held up is waited for until its lease ends, and answers nothing older then', async (test) => {
  const { one, two } = await late(test, 0);
  await done(one.ask('POST', '/_emulator/shared-script', shared('before')));
  assert.equal(await two.says('sk-held', 'all'), 'before');
  two.child.kill('SIGSTOP');
  const began = performance.now();
  await done(one.ask('POST', '/_emulator/shared-script', shared('after')));
  assert.ok(performance.now() - began < 2 * LEASE, 'not for long');
  two.child.kill('SIGCONT');
  const answer = await until(async () => {
    const answer = await two.chat('sk-held-anew', 'all');
    return answer.status === 200 && answer;
  }, 'an answer');
  assert.equal(answer.json.choices[0].message.content, 'after');
});
