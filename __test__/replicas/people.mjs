// What people and tests see of all sessions is the same whichever replica they ask.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import WebSocket from 'ws';
import { Redis, Replica, pair, until } from './servers.mjs';

const named = async (replica, name) => (await replica.ask('POST', '/_emulator/sessions', { name })).json.api_key;
const ids = ({ json }) => json.data.map(({ id }) => id);

/** Somebody who watches: what was heard, in order. */
async function operator(test, replica) {
  const socket = new WebSocket(`${replica.url.replace('http', 'ws')}/ws`);
  test.after(() => socket.terminate());
  socket.heard = [];
  socket.on('message', (data) => socket.heard.push(JSON.parse(data)));
  socket.told = (type, holds = () => true) =>
    until(() => socket.heard.find((event) => event.type === type && holds(event.data)), `${type} at ${replica.url}`);
  socket.events = () => socket.heard.filter(({ seq }) => seq !== undefined);
  await once(socket, 'open');
  socket.hello = (await socket.told('hello')).data;
  return socket;
}

test('lists, searches, counts and what is done to one are those of all replicas', async (test) => {
  const { one, two } = await pair(test);
  const keys = [await named(one, 'first'), await named(two, 'second')];
  // By the page's route too: whoever is asked, one replica owns it.
  assert.equal((await one.ask('POST', '/api/sessions', { name: 'second' })).status, 200);
  await one.script(keys[0], { responses: ['of one', 'again'] });
  await two.script(keys[1], { responses: ['of two'] });
  assert.deepEqual([await one.says(keys[0], 'a'), await two.says(keys[1], 'b')], ['of one', 'of two']);
  for (const replica of [one, two]) {
    const sessions = (await replica.ask('GET', '/_emulator/sessions')).json.data;
    assert.deepEqual(sessions.map(({ name, requests }) => [name, requests]), [['first', 1], ['second', 1]]);
    const shown = await replica.ask('GET', '/api/sessions');
    assert.deepEqual(shown.json.data.map(({ name, rules }) => [name, rules]), [['first', 2], ['second', 1]]);
    const [first, second] = ids(shown);
    assert.equal((await replica.ask('GET', `/api/sessions/${first}/state`)).json.rules.length, 2);
    const exchanges = await replica.ask('GET', '/api/exchanges');
    assert.deepEqual(exchanges.json.data.map(({ session }) => session), ['second', 'first'], 'newest first');
    const page = await replica.ask('GET', `/api/exchanges?limit=1&before=${ids(exchanges)[0]}`);
    assert.deepEqual([ids(page), page.json.has_more], [ids(exchanges).slice(1), false]);
    assert.equal((await replica.ask('GET', '/api/exchanges?limit=1')).json.has_more, true);
    assert.equal((await replica.ask('GET', `/api/exchanges?session=${second}`)).json.data.length, 1);
    for (const id of ids(exchanges)) {
      assert.equal((await replica.ask('GET', `/api/exchanges/${id}`)).json.id, id);
      assert.equal((await replica.ask('GET', `/api/exchanges/${id}/why`)).status, 200);
    }
    const statistics = (await replica.ask('GET', '/api/statistics')).json;
    assert.deepEqual([statistics.requests, statistics.outcomes.scripted, statistics.sessions.length], [2, 2, 2]);
    assert.deepEqual(statistics.models.map(({ name, requests }) => [name, requests]), [['gpt-4o', 2]]);
    assert.equal((await replica.ask('GET', '/api/exchanges/1')).status, 404);
  }
  // What is done to a session, or asked again, is done where it is.
  const [second, first] = ids(await two.ask('GET', '/api/exchanges'));
  const again = (await two.ask('POST', `/api/exchanges/${first}/again`)).json;
  assert.match(again.text, /again/);
  assert.equal((await two.ask('GET', `/api/exchanges/${again.id}`)).json.session, 'first');
  assert.ok(Number(again.id) > Number(second), 'what is newer has the higher id');
  const [firstId] = ids(await one.ask('GET', '/api/sessions'));
  assert.equal((await two.ask('POST', `/api/sessions/${firstId}/reset`, {})).status, 200);
  assert.equal((await two.ask('DELETE', '/api/exchanges')).status, 200);
  assert.deepEqual((await one.ask('GET', '/api/exchanges')).json.data, []);
  const [, secondId] = ids(await one.ask('GET', '/api/sessions'));
  assert.equal((await one.ask('DELETE', `/api/sessions/${secondId}`)).status, 200);
  assert.deepEqual((await two.ask('GET', '/api/sessions')).json.data.map(({ name }) => name), ['first']);
  // The ids of sessions and exchanges stay when they move.
  assert.equal(await one.says(keys[0], 'x'), 'Echo: x');
  const before = [ids(await two.ask('GET', '/api/sessions')), ids(await two.ask('GET', '/api/exchanges'))];
  await one.kill();
  await until(async () => (await two.ask('GET', '/_emulator/requests', undefined, keys[0])).status === 200, 'a takeover');
  assert.deepEqual([ids(await two.ask('GET', '/api/sessions')), ids(await two.ask('GET', '/api/exchanges'))], before);
});

test('all sessions are deleted at every replica, and those that nobody owns', async (test) => {
  const { redis, one, two } = await pair(test);
  const three = await Replica.ready(test, redis);
  for (const [index, replica] of [one, two, three].entries()) await replica.script(`sk-all-${index}`, { responses: ['kept'] });
  await three.kill('SIGTERM');
  assert.equal((await one.ask('DELETE', '/_emulator/sessions')).status, 200);
  for (const replica of [one, two]) {
    assert.deepEqual((await replica.ask('GET', '/_emulator/sessions')).json.data, []);
  }
  for (const index of [0, 1, 2]) assert.equal(await two.says(`sk-all-${index}`, 'x'), 'Echo: x');
  // One that lives and cannot be asked is not passed over.
  one.child.kill('SIGSTOP');
  const refused = await two.ask('GET', '/_emulator/sessions');
  assert.deepEqual([refused.status, refused.json.error.code], [503, 'store_unavailable']);
  assert.match(refused.headers.get('retry-after-ms'), /^\d+$/);
});

test('breakpoints and the bypass are set for all replicas, its key is told and never kept', async (test) => {
  const { redis, one, two } = await pair(test);
  await one.script('sk-stops', { responses: ['a', 'b', 'c'] });
  await two.script('sk-goes', { responses: ['d', 'e', 'f'] });
  const made = await two.ask('POST', '/api/breakpoints', { times: 2 });
  const listed = async (replica) => (await replica.ask('GET', '/api/breakpoints')).json.data;
  assert.deepEqual(ids({ json: { data: await listed(one) } }), [made.json.id]);
  // It stops two answers in all, wherever they are.
  const said = [one.says('sk-stops'), two.says('sk-goes')];
  for (const replica of [two, one]) {
    const waiting = await until(async () => {
      const { data } = (await replica.ask('GET', '/api/pending')).json;
      return data.length > 0 && data;
    }, 'an answer that has stopped');
    assert.equal((await replica.ask('POST', `/api/pending/${waiting[0].id}/go`, {})).status, 200);
    await until(async () => !(await replica.ask('GET', '/api/pending')).json.data.some(({ id }) => id === waiting[0].id), 'it goes on');
  }
  assert.deepEqual(await Promise.all(said), ['a', 'd']);
  assert.deepEqual([await one.says('sk-stops'), await two.says('sk-goes')], ['b', 'e']);
  await until(async () => (await listed(one))[0].hits === 2 && (await listed(one))[0].times === 0, 'hits of both');
  await one.ask('DELETE', '/api/breakpoints');
  assert.deepEqual(await listed(two), []);

  const config = async (replica) => (await replica.ask('GET', '/api/bypass/config')).json;
  await one.ask('PUT', '/api/bypass/config', { target_host: 'other.test', api_key: 'sk-upstream-of-all' });
  assert.equal((await config(two)).api_key_configured, true);
  const three = await Replica.ready(test, redis);
  await until(async () => (await config(three)).api_key_configured && (await config(three)).target_host === 'other.test', 'the key');
  assert.equal((await two.ask('GET', '/api/bypass/key')).status, 404, 'for replicas alone');
  assert.ok(!(await redis.ask('HGETALL', 'llemulator:shared')).includes('sk-upstream-of-all'));
  await two.ask('PUT', '/api/bypass/config', { api_key: '' });
  for (const replica of [one, three]) assert.equal((await config(replica)).api_key_configured, false);
});

test('what was sent upstream is listed whoever sent it', async (test) => {
  const { one, two } = await pair(test);
  const upstream = await Replica.start(test, undefined);
  const port = Number(new URL(upstream.url).port);
  await one.ask('PUT', '/api/bypass/config', { target_host: '127.0.0.1', target_port: port, use_https: false });
  await one.ask('POST', '/api/bypass/enable', {});
  assert.equal((await two.ask('GET', '/api/bypass/config')).json.enabled, true);
  assert.deepEqual([await one.says('sk-up-one', 'a'), await two.says('sk-up-two', 'b')], ['Echo: a', 'Echo: b']);
  for (const replica of [one, two]) {
    const { data } = (await replica.ask('GET', '/api/bypass/history')).json;
    assert.equal(data.length, 2, 'of both replicas');
    assert.ok(Number(data[0].id) > Number(data[1].id), 'newest first');
  }
});

test('whoever comes back at another replica has missed nothing, and hears nothing twice', async (test) => {
  const redis = await Redis.start(test);
  const replicas = await Promise.all([0, 1, 2].map(() => Replica.ready(test, redis, '--fallback', 'manual')));
  const [one, two, three] = replicas;
  const [lost, other] = [await operator(test, one), await operator(test, two)];
  assert.equal(lost.hello.epoch, other.hello.epoch, 'one counting');
  const answered = [];
  const asks = async (key, text) => {
    const asked = three.says(key, text);
    const { data } = await other.told('new_request', ({ asked }) => asked === text);
    other.send(JSON.stringify({ type: 'claim', id: data.id }));
    other.send(JSON.stringify({ type: 'answer', id: data.id, reply: { text: 'well' } }));
    assert.equal(await asked, 'well');
    await other.told('exchange_ended', ({ asked }) => asked === text);
    answered.push(data.id);
  };
  await asks('sk-events', 'before');
  await lost.told('exchange_ended', ({ asked }) => asked === 'before');
  const since = lost.events().at(-1).seq;
  await one.kill();
  await asks('sk-events', 'while nobody of one was there');
  // Three has served nobody who watches.
  const back = await operator(test, three);
  assert.equal(back.hello.epoch, lost.hello.epoch);
  back.send(JSON.stringify({ type: 'resume', since, epoch: lost.hello.epoch, ref: 'r' }));
  assert.equal((await back.told('ack', ({ ref }) => ref === 'r')).data.complete, true);
  await asks('sk-events', 'after');
  await back.told('exchange_ended', ({ asked }) => asked === 'after');
  await until(() => back.events().at(-1).seq === other.events().at(-1).seq, 'all events');
  const whole = [...lost.events().filter(({ seq }) => seq <= since), ...back.events()];
  // Numbers are without gaps, and each is the same event everywhere.
  assert.deepEqual(whole.map(({ seq }) => seq), whole.map((_, index) => whole[0].seq + index));
  const elsewhere = new Map(other.events().map((event) => [event.seq, event]));
  for (const event of whole) if (elsewhere.has(event.seq)) assert.deepEqual(event, elsewhere.get(event.seq));
  for (const type of ['new_request', 'claimed_request', 'answered_by']) {
    assert.deepEqual(whole.filter((event) => event.type === type).map(({ data }) => data.id), answered, `each ${type} once`);
  }
  // What is too long ago is said to be.
  back.send(JSON.stringify({ type: 'resume', since, epoch: 'another', ref: 'x' }));
  assert.equal((await back.told('ack', ({ ref }) => ref === 'x')).data.complete, false);
});

test('what waits is listed and told once, and ends for all when its replica is killed', async (test) => {
  const redis = await Redis.start(test);
  const [one, two] = await Promise.all([0, 1].map(() => Replica.ready(test, redis, '--fallback', 'manual')));
  const asked = one.chat('sk-waits', 'is anybody there?').catch(() => 'cut');
  const waiting = await until(async () => (await two.ask('GET', '/api/pending')).json.data[0], 'a request that waits');
  // One that comes later is greeted with it; what happens then is told.
  const [first, second] = [await operator(test, one), await operator(test, two)];
  for (const socket of [first, second]) {
    const { seq, data } = await socket.told('new_request');
    assert.deepEqual([seq, data.id], [undefined, waiting.id]);
  }
  second.send(JSON.stringify({ type: 'claim', id: waiting.id }));
  await first.told('claimed_request');
  first.send(JSON.stringify({ type: 'answer', id: waiting.id, reply: { text: 'mine' }, ref: 'late' }));
  assert.equal((await first.told('error', ({ ref }) => ref === 'late')).data.code, 'claimed');
  // Who holds it and leaves gives it back, whichever replica he was at.
  second.terminate();
  await first.told('released_request');
  const third = await operator(test, two);
  assert.equal((await third.told('new_request')).data.claimed, null);
  await one.kill();
  assert.equal(await asked, 'cut');
  assert.equal((await third.told('cancelled_request')).data.id, waiting.id);
  assert.deepEqual((await two.ask('GET', '/api/pending')).json.data, []);
  assert.equal(third.heard.filter(({ type }) => type === 'new_request').length, 1);
  assert.equal(third.heard.filter(({ type }) => type === 'cancelled_request').length, 1);
});

test('more events than are kept, and bytes of them, are bounded in the store', async (test) => {
  const { redis, one, two } = await pair(test);
  const watcher = await operator(test, two);
  const since = watcher.hello.seq;
  // Each clears the queue: an event.
  const clears = async () => {
    for (let count = 0; count < 150; count += 1) await one.ask('DELETE', '/api/preset-queue');
  };
  await Promise.all(Array.from({ length: 14 }, clears));
  await until(() => watcher.events().length >= 2_100, 'all events');
  assert.equal(Number(await redis.ask('XLEN', 'llemulator:events')), 2_000);
  watcher.send(JSON.stringify({ type: 'resume', since, epoch: watcher.hello.epoch, ref: 'r' }));
  assert.equal((await watcher.told('ack', ({ ref }) => ref === 'r')).data.complete, false);
});
