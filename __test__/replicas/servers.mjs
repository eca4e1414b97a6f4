// Redis servers and replicas for tests; all of them end with the test.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../../scripts/start.mjs';

/** A script of so many replies. */
export const steps = (count) => ({ responses: Array.from({ length: count }, (_, index) => `step ${index}`) });

/** A Redis and two replicas. */
export async function pair(test, ...flags) {
  const redis = await Redis.start(test);
  const [one, two] = await Promise.all([Replica.ready(test, redis, ...flags), Replica.ready(test, redis, ...flags)]);
  return { redis, one, two };
}

/** Milliseconds of a lease in tests. */
export const LEASE = 1500;

/** Waits until a look gives something. */
export async function until(look, what = 'something', seconds = 30) {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > end) throw new Error(`${what} did not happen within ${seconds} s`);
    await wait(20);
  }
}

/** What each of two replicas in turn says until there are so many answers, whatever they refuse meanwhile. */
export async function saysInTurn(replicas, key, count) {
  const said = [];
  for (let index = 0; index < count; index += 1) {
    said.push(await until(async () => {
      const answer = await replicas[index % replicas.length].chat(key);
      return answer.status === 200 && answer.json.choices[0].message.content;
    }, 'an answer'));
  }
  return said;
}

function started(program, args, test, env = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  child.said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (child.said += text));
  child.over = once(child, 'exit');
  test.after(async () => {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await child.over;
  });
  return child;
}

/** A server of Redis that syncs each write. */
export class Redis {
  static async start(test, ...more) {
    const redis = new Redis();
    redis.test = test;
    redis.more = more;
    redis.dir = mkdtempSync(path.join(tmpdir(), 'llemulator-redis-'));
    test.after(() => rmSync(redis.dir, { recursive: true, force: true }));
    redis.port = await freePort();
    redis.url = `redis://127.0.0.1:${redis.port}/0`;
    if (more.includes('--tls')) redis.encrypt();
    await redis.again();
    return redis;
  }

  /** It speaks TLS alone, with a certificate of an authority that nobody else knows, and asks for a password. */
  encrypt() {
    const file = (name) => path.join(this.dir, name);
    const openssl = (...args) => execFileSync('openssl', args, { stdio: 'ignore' });
    const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    openssl('req', '-x509', ...fresh, '-keyout', file('authority.key'), '-out', file('authority.pem'), '-days', '2', '-subj', '/CN=authority');
    openssl('req', ...fresh, '-keyout', file('key.pem'), '-out', file('asked.pem'), '-subj', '/CN=localhost');
    writeFileSync(file('names'), 'subjectAltName=IP:127.0.0.1\n');
    openssl('x509', '-req', '-in', file('asked.pem'), '-CA', file('authority.pem'), '-CAkey', file('authority.key'), '-CAcreateserial',
      '-out', file('certificate.pem'), '-days', '2', '-extfile', file('names'));
    this.authority = file('authority.pem');
    this.url = `rediss://:secret@127.0.0.1:${this.port}/0`;
    this.ports = ['--port', '0', '--tls-port', this.port];
    this.more = ['--tls-cert-file', file('certificate.pem'), '--tls-key-file', file('key.pem'), '--tls-ca-cert-file', this.authority,
      '--tls-auth-clients', 'no', '--requirepass', 'secret'];
  }

  /** Starts it, or starts it again with what it had. */
  async again(...more) {
    this.begins(...more);
    await until(() => this.child.said.includes('Ready to accept connections'), 'the start of Redis');
  }

  /** As `again`, without waiting until it has read what it had. */
  begins(...more) {
    const args = [...(this.ports ?? ['--port', this.port]), '--dir', this.dir, '--appendonly', 'yes', '--appendfsync', 'always', '--save', '', ...this.more, ...more];
    this.child = started('redis-server', args.map(String), this.test);
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.child.over;
  }

  /** What redis-cli says to a command. */
  async ask(...command) {
    const child = spawn('redis-cli', ['-p', String(this.port), ...command.map(String)]);
    let said = '';
    child.stdout.on('data', (text) => (said += text));
    await once(child, 'close');
    return said.trim();
  }
}

/**
 * A way to a Redis that may be slow or break: `late` says by how many milliseconds what a connection hears is late, `cuts`
 * whether what is asked breaks it and is not passed on. Both are told what was asked last, and whether it hears news.
 */
export async function way(test, redis) {
  const way = { late: () => 0, cuts: () => false };
  const open = new Set();
  const server = net.createServer((asks) => {
    const answers = net.connect(redis.port, '127.0.0.1');
    const connection = { hears: false, asked: '' };
    const close = () => [asks, answers].forEach((socket) => (open.delete(socket), socket.destroy()));
    for (const socket of [asks, answers]) open.add(socket.on('error', close).on('close', close));
    asks.on('data', (bytes) => {
      connection.asked = bytes.toString('latin1');
      connection.hears ||= /SUBSCRIBE/i.test(connection.asked);
      if (way.cuts(connection)) return close();
      answers.write(bytes);
    });
    // In order, however late.
    let before = Promise.resolve();
    answers.on('data', (bytes) => {
      const due = performance.now() + way.late(connection);
      before = before.then(() => wait(Math.max(0, due - performance.now()))).then(() => asks.write(bytes));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => (server.close(), open.forEach((socket) => socket.destroy())));
  way.url = `redis://127.0.0.1:${server.address().port}/0`;
  return way;
}

/** The key in Redis of a session. */
export const sessionKey = (key) => `llemulator:s:${createHash('sha256').update('llemulator data directory\0').update(key).digest('hex')}`;

/** A replica, or without a store an emulator that is alone. */
export class Replica {
  static async start(test, store, ...more) {
    const env = typeof more[0] === 'object' ? more.shift() : {};
    const replica = new Replica();
    const shared = store === undefined ? [] : ['--store', store.url ?? store, '--store-lease-ms', String(LEASE)];
    const args = ['--port', '0', '--clock', 'real', ...shared, '--log-level', 'warn', '--debug', 'true', ...more];
    replica.child = started(process.env.LLEMULATOR_BINARY, args, test, env);
    replica.url = await until(() => /listening on (\S+)/.exec(replica.child.said)?.[1], `the start of a replica: ${replica.child.said}`);
    return replica;
  }

  /** Started, and in touch with the store. */
  static async ready(...args) {
    const replica = await Replica.start(...args);
    await until(async () => (await fetch(`${replica.url}/readyz`)).ok, `a replica that is ready: ${replica.child.said}`);
    return replica;
  }

  /** An answer: its status, headers, and JSON. */
  async ask(method, target, body, key = 'sk-one', headers = {}) {
    const sent = body === undefined ? undefined : typeof body === 'string' || body instanceof FormData ? body : JSON.stringify(body);
    const type = typeof sent === 'string' ? { 'content-type': 'application/json' } : {};
    const answer = await fetch(this.url + target, { method, body: sent, headers: { authorization: `Bearer ${key}`, ...type, ...headers } });
    const text = await answer.text();
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: answer.status, headers: answer.headers, text, json };
  }

  chat(key, text = 'hello', more = {}) {
    return this.ask('POST', '/v1/chat/completions', { model: 'gpt-4o', messages: [{ role: 'user', content: text }], ...more }, key);
  }

  async says(key, text) {
    const { json, text: whole } = await this.chat(key, text);
    return json?.choices?.[0].message.content ?? whole;
  }

  script(key, script) {
    return this.ask('POST', '/_emulator/script', script, key);
  }

  async kill(signal = 'SIGKILL') {
    this.child.kill(signal);
    await this.child.over;
  }
}
