import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import WebSocket from 'ws';
import { LEASE, Redis, Replica, pair, saysInTurn, steps, until } from './servers.mjs';

test('every step is taken once, whichever replica is asked', async (test) => {
  const { one, two } = await pair(test);
  assert.equal((await one.script('sk-steps', steps(40))).status, 200);
  const said = await Promise.all(Array.from({ length: 40 }, (_, index) => [one, two][index % 2].says('sk-steps')));
  assert.deepEqual(said.sort(), steps(40).responses.sort());
  // Both show the one journal, and what nothing answers says so everywhere.
  for (const replica of [one, two]) {
    const { json } = await replica.ask('GET', '/_emulator/requests?limit=1000', undefined, 'sk-steps');
    assert.deepEqual(json.data.map(({ number }) => number), Array.from({ length: 40 }, (_, index) => index));
    assert.equal((await replica.ask('GET', '/_emulator/verify', undefined, 'sk-steps')).json.ok, true);
  }
});

test('what a session owns goes with it when its replica is killed', async (test) => {
  const { one, two } = await pair(test);
  const made = await one.ask('POST', '/_emulator/sessions', { name: 'moving', clock: 'manual', seed: 7 });
  const key = made.json.api_key;
  await one.script(key, { ...steps(3), defaults: { rate_limits: { 'gpt-4o': { rpm: 4 } } } });
  assert.equal(await one.says(key, 'a'), 'step 0');
  await one.ask('PUT', '/_emulator/clock', { advance_ms: 5 }, key);
  const form = new FormData();
  form.append('purpose', 'batch');
  form.append('file', new Blob(['of the file']), 'a.jsonl');
  const file = (await one.ask('POST', '/v1/files', form, key)).json;
  const stored = (await one.chat(key, 'b', { store: true })).json;
  const clock = await one.ask('GET', '/_emulator/clock', undefined, key);
  const before = (await one.ask('GET', '/_emulator/requests', undefined, key)).json;
  await one.kill();
  const answered = await until(async () => {
    const answer = await two.chat(key, 'c');
    if (answer.status !== 503) return answer;
    assert.match(answer.headers.get('retry-after-ms'), /^\d+$/);
    assert.deepEqual(Object.keys(answer.json.error), ['message', 'type', 'param', 'code']);
    return undefined;
  }, 'a takeover');
  assert.equal(answered.json.choices[0].message.content, 'step 2');
  assert.equal(answered.headers.get('x-ratelimit-remaining-requests'), '1');
  const after = (await two.ask('GET', '/_emulator/requests', undefined, key)).json;
  assert.deepEqual(after.data.slice(0, before.data.length), before.data);
  assert.equal(after.data.at(-1).number, before.data.length);
  assert.deepEqual((await two.ask('GET', '/_emulator/clock', undefined, key)).json, clock.json);
  assert.equal((await two.ask('GET', `/v1/files/${file.id}/content`, undefined, key)).text, 'of the file');
  assert.equal((await two.ask('GET', `/v1/chat/completions/${stored.id}`, undefined, key)).json.id, stored.id);
});

test('a replica that stops in order gives its sessions back at once', async (test) => {
  const { one, two } = await pair(test);
  await one.script('sk-orderly', steps(2));
  assert.equal(await one.says('sk-orderly'), 'step 0');
  await one.kill('SIGTERM');
  assert.equal(await two.says('sk-orderly'), 'step 1');
});

test('streams, faults and files pass as they are', async (test) => {
  const { one, two } = await pair(test);
  const script = { responses: ['a streamed text', { text: 'x', fault: { kind: 'disconnect' } }, 'the last'] };
  assert.equal((await one.script('sk-passing', script)).status, 200);
  const streamed = await two.chat('sk-passing', 'x', { stream: true });
  assert.equal(streamed.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  assert.ok(streamed.text.endsWith('data: [DONE]\n\n'));
  await assert.rejects(two.chat('sk-passing'), TypeError);
  assert.equal(await two.says('sk-passing'), 'the last');
  const large = new FormData();
  large.append('purpose', 'batch');
  large.append('file', new Blob([Buffer.alloc(3 << 20, 'x')]), 'large.jsonl');
  const file = await two.ask('POST', '/v1/files', large, 'sk-passing');
  assert.equal(file.json.bytes, 3 << 20);
  assert.equal((await one.ask('GET', `/v1/files/${file.json.id}/content`, undefined, 'sk-passing')).text.length, 3 << 20);
  // The journal has what the client sent, and nothing of what replicas say to each other.
  const { json } = await two.ask('GET', '/_emulator/requests', undefined, 'sk-passing');
  assert.ok(!JSON.stringify(json).includes('x-llemulator-'));
  // A client that claims to be a replica is a client.
  const forged = await two.ask('GET', '/v1/models', undefined, 'sk-passing', { 'x-llemulator-replica': '0'.repeat(32), 'x-llemulator-peer': '1.2.3.4:5' });
  assert.equal(forged.status, 200);
});

test('sockets pass as they are', async (test) => {
  const { one, two } = await pair(test);
  await one.script('sk-socket', { responses: ['over a socket'] });
  const socket = new WebSocket(`${two.url.replace('http', 'ws')}/v1/responses`, { headers: { authorization: 'Bearer sk-socket' } });
  test.after(() => socket.terminate());
  await once(socket, 'open');
  const heard = [];
  socket.on('message', (data) => heard.push(JSON.parse(data)));
  socket.send(JSON.stringify({ type: 'response.create', model: 'gpt-4o', input: 'hello' }));
  const done = await until(() => heard.find(({ type }) => type === 'response.completed'), 'the answer');
  assert.equal(done.response.output[0].content[0].text, 'over a socket');
});

test('a replica that was held up does not answer for what another owns by now', async (test) => {
  const { one, two } = await pair(test);
  await one.script('sk-fenced', steps(60));
  assert.equal(await one.says('sk-fenced'), 'step 0');
  one.child.kill('SIGSTOP');
  const taken = await until(async () => {
    const aborted = AbortSignal.timeout(LEASE);
    const body = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] });
    const headers = { authorization: 'Bearer sk-fenced', 'content-type': 'application/json' };
    const answer = await fetch(`${two.url}/v1/chat/completions`, { method: 'POST', body, headers, signal: aborted }).catch(() => undefined);
    return answer?.ok && (await answer.json()).choices[0].message.content;
  }, 'a takeover');
  one.child.kill('SIGCONT');
  const said = [taken, ...(await saysInTurn([one, two], 'sk-fenced', 4))];
  assert.equal(new Set(said).size, said.length, said.join());
});

test('a shared script and the bypass follow on every replica', async (test) => {
  const { redis, one, two } = await pair(test);
  await one.ask('POST', '/_emulator/shared-script', { rules: [{ match: 'all', text: 'shared' }] });
  assert.equal(await one.says('sk-a', 'all'), 'shared');
  assert.equal(await two.says('sk-b', 'all'), 'shared');
  await one.ask('PUT', '/api/bypass/config', { target_host: 'other.test' });
  assert.equal((await two.ask('GET', '/api/bypass/config')).json.target_host, 'other.test');
  // One that comes later, too.
  const three = await Replica.ready(test, redis);
  assert.equal(await three.says('sk-c', 'all'), 'shared');
});

test('an item of a queue goes to one request, whichever replica is asked', async (test) => {
  const { one, two } = await pair(test);
  const items = Array.from({ length: 30 }, (_, index) => ({ reply: { text: `item ${index}` } }));
  for (const [index, item] of items.entries()) {
    assert.equal((await [one, two][index % 2].ask('POST', '/api/preset-queue/127.0.0.1', item)).status, 200);
  }
  for (const replica of [one, two]) {
    assert.equal((await replica.ask('GET', '/api/preset-queue/127.0.0.1')).json.count, items.length);
  }
  // Of sessions that belong to both.
  const said = await Promise.all(items.map((_, index) => [one, two][index % 2].says(`sk-queue-${index % 7}`)));
  assert.deepEqual(said.sort(), items.map(({ reply }) => reply.text).sort());
  for (const replica of [one, two]) {
    await until(async () => (await replica.ask('GET', '/api/preset-queue/127.0.0.1')).json.count === 0, 'empty queues');
  }
  // A session's queue is its queue by its key too, whoever owns it.
  const { api_key: key } = (await one.ask('POST', '/_emulator/sessions', { name: 'queued' })).json;
  assert.equal((await two.ask('POST', `/api/preset-queue/session:${key}`, { reply: { text: 'by key' } })).status, 200);
  assert.equal((await one.ask('GET', '/api/preset-queue/session:queued')).json.count, 1);
  assert.equal(await two.says(key), 'by key');
});

test('people at every replica see what happens, and answer what waits', async (test) => {
  const redis = await Redis.start(test);
  const replicas = await Promise.all([0, 1].map(() => Replica.ready(test, redis, '--fallback', 'manual')));
  const [one, two] = replicas;
  const operator = async (replica) => {
    const socket = new WebSocket(`${replica.url.replace('http', 'ws')}/ws`);
    test.after(() => socket.terminate());
    socket.heard = [];
    socket.on('message', (data) => socket.heard.push(JSON.parse(data)));
    await once(socket, 'open');
    socket.told = (type, id) => until(() => socket.heard.find((event) => event.type === type && (!id || event.data.id === id)), `${type} at ${replica.url}`);
    return socket;
  };
  const [first, second] = await Promise.all(replicas.map(operator));
  // Over the socket of the other replica.
  const asked = one.says('sk-person', 'who are you?');
  const { data } = await second.told('new_request');
  assert.equal((await first.told('new_request')).data.id, data.id);
  assert.deepEqual((await two.ask('GET', '/api/pending')).json.data.map(({ id }) => id), [data.id]);
  second.send(JSON.stringify({ type: 'answer', id: data.id, reply: { text: 'a person' }, ref: 1 }));
  assert.equal(await asked, 'a person');
  assert.equal((await second.told('ack')).data.ref, 1);
  for (const socket of [first, second]) await socket.told('answered_by', data.id);
  // Over HTTP, and a second time in vain.
  const again = one.says('sk-person', 'and now?');
  const waiting = await until(async () => (await two.ask('GET', '/api/pending')).json.data[0], 'a request that waits');
  const answer = () => two.ask('POST', `/api/pending/${waiting.id}/answer`, { reply: { text: 'the same' } });
  assert.equal((await answer()).status, 200);
  assert.equal(await again, 'the same');
  await until(async () => (await answer()).status === 404, 'it waits no more');
  // What else happens is told as long as somebody watches.
  await until(async () => {
    await one.ask('GET', '/v1/models', undefined, 'sk-seen');
    return second.heard.some(({ type, data }) => type === 'exchange_ended' && JSON.stringify(data).includes('models'));
  }, 'an exchange of the other replica');
});

test('a session that is reset or deleted is so for all', async (test) => {
  const { one, two } = await pair(test);
  await one.script('sk-reset', steps(3));
  assert.equal(await two.says('sk-reset'), 'step 0');
  assert.equal((await two.ask('POST', '/_emulator/reset', {}, 'sk-reset')).status, 200);
  assert.equal((await one.ask('GET', '/_emulator/state', undefined, 'sk-reset')).json.rules.length, 0);
  await two.script('sk-reset', steps(1));
  await one.kill();
  await until(async () => (await two.chat('sk-reset')).status === 200, 'a takeover');
  const { json } = await two.ask('GET', '/_emulator/requests', undefined, 'sk-reset');
  assert.deepEqual(json.data.map(({ number, said }) => [number, said]), [[1, '"step 0"']]);
});

test('TLS and a password: what cannot be trusted is not used, and readiness says why', async (test) => {
  const redis = await Redis.start(test, '--tls');
  const trusting = await Replica.start(test, redis, { SSL_CERT_FILE: redis.authority });
  await until(async () => (await fetch(`${trusting.url}/readyz`)).ok, 'a replica that is ready');
  assert.equal((await trusting.chat('sk-tls')).status, 200);
  for (const [store, env, why] of [
    [redis.url, {}, /certificate/],
    [redis.url.replace('secret', 'wrong'), { SSL_CERT_FILE: redis.authority }, /password|WRONGPASS|auth/i],
  ]) {
    const replica = await Replica.start(test, store, env);
    await until(async () => why.test(await (await fetch(`${replica.url}/readyz`)).text()), `a reason like ${why}`);
    const refused = await replica.chat('sk-tls');
    assert.deepEqual([refused.status, refused.json.error.code], [503, 'store_unavailable']);
    assert.ok(!`${refused.text}${replica.child.said}`.includes('wrong'), 'no password is shown');
  }
});

test('what cannot be is refused at the start', async (test) => {
  const impatient = async (store, more, why) => {
    const { spawnSync } = await import('node:child_process');
    const ended = spawnSync(process.env.LLEMULATOR_BINARY, ['--port', '0', '--store', store, ...more], { encoding: 'utf8', timeout: 20_000 });
    assert.equal(ended.status, 1, ended.stderr);
    assert.match(ended.stderr, why);
    assert.ok(!ended.stderr.includes('secret'), ended.stderr);
  };
  await impatient('http://127.0.0.1:1', [], /store \(--store\) is no address of Redis/);
  await impatient('redis://:secret@127.0.0.1:1', ['--data-dir', 'x'], /--data-dir.*--store/);
  await impatient('redis://127.0.0.1:1', ['--host', '0.0.0.0'], /--advertise/);
  await impatient('redis://127.0.0.1:1', ['--advertise', 'ftp://x'], /advertise/);
});
