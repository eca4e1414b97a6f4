// What a session keeps in Redis is bounded and expires, and costs few round trips.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisCounts } from '../../bench/measure.mjs';
import { LEASE, Redis, Replica, pair, sessionKey, steps, until } from './servers.mjs';

const fields = async (redis, key) => (await redis.ask('HKEYS', sessionKey(key))).split('\n').filter(Boolean);

/** Bytes that Redis keeps of a session's files. */
async function bytesOfFiles(redis, key) {
  let sum = 0;
  for (const field of await fields(redis, key)) {
    if (field.includes('/bytes/')) sum += Number(await redis.ask('HSTRLEN', sessionKey(key), field));
  }
  return sum;
}

function upload(replica, key, bytes) {
  const form = new FormData();
  form.append('purpose', 'batch');
  form.append('file', new Blob([Buffer.alloc(bytes, 'x')]), 'large.jsonl');
  return replica.ask('POST', '/v1/files', form, key);
}

test('files are bounded in bytes, in Redis as here, large and small ones', async (test) => {
  const most = 4 << 20;
  const { redis, one, two } = await pair(test, '--max-session-bytes', String(3 * most));
  for (const [key, size] of [['sk-large', 1_500_000], ['sk-small', 700_000]]) {
    const kept = [];
    const refused = await until(async () => {
      const answer = await upload([one, two][kept.length % 2], key, size);
      if (answer.status !== 200) return answer;
      kept.push(answer.json.id);
      return undefined;
    }, 'a refusal');
    assert.deepEqual([refused.status, refused.json.error.code], [413, 'memory_exhausted'], refused.text);
    assert.equal(kept.length, Math.floor(most / size));
    assert.equal(await bytesOfFiles(redis, key), kept.length * size, 'what was refused is not there');
    // What is deleted makes room, there too.
    assert.equal((await two.ask('DELETE', `/v1/files/${kept[0]}`, undefined, key)).status, 200);
    assert.equal(await bytesOfFiles(redis, key), (kept.length - 1) * size);
    assert.equal((await upload(two, key, size)).status, 200);
  }
  await one.kill();
  const files = await until(async () => {
    const answer = await two.ask('GET', '/v1/files', undefined, 'sk-large');
    return answer.status === 200 && answer.json.data;
  }, 'a takeover');
  assert.equal((await two.ask('GET', `/v1/files/${files[0].id}/content`, undefined, 'sk-large')).text.length, 1_500_000);
  assert.equal((await upload(two, 'sk-large', 1_500_000)).status, 413, 'the bound goes along');
});

test('a file of more than one value of Redis may have is refused', async (test) => {
  const redis = await Redis.start(test);
  const one = await Replica.ready(test, redis);
  const refused = await upload(one, 'sk-huge', (64 << 20) + 1);
  assert.deepEqual([refused.status, refused.json.error.code], [413, 'memory_exhausted'], refused.text);
  assert.match(refused.json.error.message, /store/);
  assert.equal(await bytesOfFiles(redis, 'sk-huge'), 0);
});

test('the journal, its failures and what answers leave are bounded, in Redis as here', async (test) => {
  const { redis, one, two } = await pair(test, '--journal-size', '5', '--max-objects', '4');
  await one.script('sk-journal', steps(20));
  for (let index = 0; index < 25; index += 1) await [one, two][index % 2].chat('sk-journal', 'x', { store: true });
  const kept = await fields(redis, 'sk-journal');
  const count = (what) => kept.filter((field) => field.includes(`/${what}/`)).length;
  assert.equal(count('exchange'), 5);
  assert.ok(count('object') <= 4, `${count('object')} objects`);
  await one.kill();
  const journal = await until(async () => {
    const answer = await two.ask('GET', '/_emulator/requests', undefined, 'sk-journal');
    return answer.status === 200 && answer.json;
  }, 'a takeover');
  assert.deepEqual(journal.data.map(({ number }) => number), [20, 21, 22, 23, 24]);
  // Emptied is emptied there too.
  await two.ask('DELETE', '/_emulator/requests', undefined, 'sk-journal');
  assert.ok(!(await fields(redis, 'sk-journal')).some((field) => field.includes('/exchange/')));
});

test('what nobody uses expires, with its files, and nobody goes on with it', async (test) => {
  const TTL = 3_000;
  const { redis, one, two } = await pair(test, '--store-ttl-ms', String(TTL));
  await one.script('sk-expires', steps(3));
  assert.equal((await upload(one, 'sk-expires', 2_000_000)).status, 200);
  assert.equal(await one.says('sk-expires'), 'step 0');
  const left = Number(await redis.ask('PTTL', sessionKey('sk-expires')));
  assert.ok(left > 0 && left <= TTL, `${left} ms`);
  await until(async () => (await redis.ask('EXISTS', sessionKey('sk-expires'))) === '0', 'it expires', 4 * TTL / 1000);
  assert.deepEqual((await one.ask('GET', '/_emulator/sessions')).json.data, [], 'it left memory too');
  // It begins anew, at whichever replica, and at the first try.
  assert.equal(await two.says('sk-expires', 'anew'), 'Echo: anew');
  assert.deepEqual((await one.ask('GET', '/v1/files', undefined, 'sk-expires')).json.data, []);
  // One that is deleted leaves nothing but who owns it, and that not for long.
  await one.script('sk-deleted', steps(3));
  await one.ask('DELETE', '/_emulator/sessions');
  assert.deepEqual((await fields(redis, 'sk-deleted')).filter((field) => !/^#(owner|epoch)$/.test(field)), []);
  for (const key of ['sk-expires', 'sk-deleted']) {
    await until(async () => (await redis.ask('EXISTS', sessionKey(key))) === '0', 'it is gone', 4 * TTL / 1000);
  }
});

test('an idle session is given back, goes on elsewhere, and expires', async (test) => {
  const { redis, one, two } = await pair(test, '--session-idle-ms', '300', '--store-ttl-ms', '4000');
  await one.script('sk-idle', steps(3));
  assert.equal(await one.says('sk-idle'), 'step 0');
  await until(async () => {
    await one.ask('GET', '/_emulator/clock', undefined, 'sk-another');
    return (await redis.ask('HGET', sessionKey('sk-idle'), '#owner')) === '';
  }, 'it has no owner');
  assert.equal(await two.says('sk-idle'), 'step 1');
  await until(async () => (await redis.ask('EXISTS', sessionKey('sk-idle'))) === '0', 'it expires');
});

test('a scripted chat costs two round trips at most: one, and one more when its session is first seen', async (test) => {
  const redis = await Redis.start(test);
  const one = await Replica.ready(test, redis);
  const CHATS = 60;
  const counted = async (chat) => {
    const [began, before] = [performance.now(), await redisCounts('127.0.0.1', redis.port)];
    for (let count = 0; count < CHATS; count += 1) await chat(count);
    const { reads } = await redisCounts('127.0.0.1', redis.port);
    // What is asked for the lease, and to count.
    const beats = (performance.now() - began) / (LEASE / 4) + 4;
    return (reads - before.reads - beats) / CHATS;
  };
  // A machine that is held up commits what began before what ends: of several tries the best tells.
  const [again, first] = [[], []];
  for (let round = 0; round < 3; round += 1) {
    await one.script('sk-cost', { ...steps(CHATS), reset: true });
    again.push(await counted(async (step) => assert.equal(await one.says('sk-cost'), `step ${step}`)));
    first.push(await counted(async (session) => assert.equal((await one.chat(`sk-cost-${round}-${session}`)).status, 200)));
  }
  assert.ok(Math.min(...again) <= 1.1, `${again} round trips`);
  assert.ok(Math.min(...first) <= 2, `${first} round trips for a new session`);
});
