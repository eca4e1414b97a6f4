// Those who use it, well and badly. Each gives what ends it; what it saw stands in its fields.
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { ask, quantile } from '../measure.mjs';

/** Half of them, nearly all of them, and the longest. */
function spread(times) {
  const [p50, p99, longest] = [0.5, 0.99, 1].map((part) => quantile(times, part) ?? 0);
  return { p50, p99, longest };
}

const head = (port, key, length) =>
  `POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

/** A request for a stream, as it goes over the wire. */
export const chat = (port, key, content) => {
  const body = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content }], stream: true });
  return head(port, key, body.length) + body;
};

const dial = (port) => {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  return socket;
};

/** One answer: status, text, milliseconds. */
export const fetchOnce = (port, path, options) => ask(`http://127.0.0.1:${port}${path}`, options);

/** Of each thread of a process: how long it ran, and how long it was ready to run while others had the processors, in ms. */
export function times(pid) {
  const folder = `/proc/${pid}/task`;
  const of = (thread) => {
    try {
      return readFileSync(`${folder}/${thread}/schedstat`, 'utf8').split(' ').map((nanoseconds) => nanoseconds / 1e6);
    } catch {
      // It has ended.
      return [0, 0];
    }
  };
  return new Map(readdirSync(folder).map((thread) => [thread, of(thread)]));
}

const waits = (pid) => new Map([...times(pid)].map(([thread, [, waited]]) => [thread, waited]));

/** How long the one of them that waited longest has waited since. */
const waitedSince = (before, pid) => Math.max(...[...waits(pid)].map(([thread, ms]) => ms - (before.get(thread) ?? ms)));

/** Of each processor of a virtual machine: how long others than this machine have had it, in ms. */
const stolen = () => readFileSync('/proc/stat', 'utf8').match(/^cpu\d.*/gm).map((line) => (Number(line.split(' ')[8]) || 0) * 10);

/** How long those others have had the one since that they had longest. */
const stolenSince = (before) => Math.max(...stolen().map((ms, at) => ms - before[at]));

/**
 * Asks for something again and again and notes how long each answer took, apart from others while something is done to
 * the process. `own` is the longest without what this process and the one that is asked, `pid`, waited for a processor
 * that others had, here or on the machine that lends it to this one.
 */
export function probe(port, pid, path, every, counts) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const seen = { times: [], apart: [], failures: 0, worst: 0, at: 0, own: 0 };
  let running = true;
  const over = (async () => {
    while (running) {
      const counted = counts();
      const before = [process.pid, pid].map((one) => [one, waits(one)]);
      const lent = stolen();
      try {
        const { ms, status } = await fetchOnce(port, path, { agent });
        if (counted && counts()) {
          seen.times.push(ms);
          if (ms > seen.own) seen.own = Math.max(seen.own, before.reduce((left, [one, was]) => left - waitedSince(was, one), ms - stolenSince(lent)));
          if (ms > seen.worst) [seen.worst, seen.at] = [ms, performance.timeOrigin + performance.now()];
          seen.failures += status !== 200;
        } else seen.apart.push(ms);
      } catch {
        seen.failures += counted && counts();
      }
      await wait(every);
    }
  })();
  return {
    summary: () => ({ asked: seen.times.length, ...spread(seen.times), failures: seen.failures, at: seen.at, own: seen.own, apart: spread(seen.apart).longest }),
    end: () => ((running = false), agent.destroy(), over),
  };
}

/** Opens streams of an event every so many milliseconds, by what is sent for each, and watches that each event comes when it is due. */
export async function streams(port, request, count, events, every, counts) {
  const all = { open: 0, whole: 0, broken: 0, events: 0, lateness: [], finished: null };
  const ended = [];
  const watched = new Set();
  // Of many some are looked at.
  const looked = Math.max(1, Math.floor(count / 500));
  for (let i = 0; i < count; i++) {
    const socket = dial(port);
    const stream = { seen: 0, began: Infinity, tail: '' };
    if (i % looked === 0) watched.add(stream);
    socket.on('connect', () => socket.write(request));
    socket.on('data', (piece) => {
      const text = stream.tail + piece.latin1Slice();
      const now = performance.now();
      let at = -1;
      let rest = 0;
      while ((at = text.indexOf('"content":"l', rest)) >= 0) {
        rest = at + 12;
        all.events++;
        // The event that came earliest says when the schedule began.
        const due = stream.seen++ * every;
        stream.began = Math.min(stream.began, now - due);
        if (i % looked === 0 && counts()) all.lateness.push(now - stream.began - due);
      }
      if (text.includes('data: [DONE]')) {
        stream.done = true;
        socket.end();
      }
      stream.tail = text.slice(Math.max(rest, text.length - 16));
    });
    ended.push(
      once(socket, 'close').then(() => {
        all.open--;
        watched.delete(stream);
        stream.done && stream.seen === events ? all.whole++ : all.broken++;
      }),
    );
    all.open++;
    if (i % 100 === 99) await wait(20);
  }
  all.finished = Promise.all(ended);
  all.late = () => spread(all.lateness);
  /** How long the next event is due, of all but one in a hundred. */
  all.behind = () => Math.max(0, quantile([...watched].filter(({ seen }) => seen).map(({ seen, began }) => performance.now() - began - seen * every), 0.99) ?? 0);
  return all;
}

/**
 * Asks for much and reads nothing. They come one after the other: an answer of 600 kB costs some 14 ms of a processor before
 * its first byte, and fifty at once keep two of them busy for half a second, whoever else asks.
 */
export async function slowReaders(port, count) {
  const sockets = [];
  for (let i = 0; i < count; i++) {
    const socket = dial(port).pause();
    socket.write(chat(port, 'sk-slow', 'soak-long'));
    sockets.push(socket);
    await wait(100);
  }
  return () => sockets.forEach((socket) => socket.destroy());
}

/** Requests that begin and never end; whoever is cut off comes again. */
function endless(port, count, begin) {
  let running = true;
  const sockets = new Set();
  const open = () => {
    const socket = dial(port).resume();
    sockets.add(socket);
    begin(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      if (running) setTimeout(() => running && open(), 500);
    });
  };
  for (let i = 0; i < count; i++) open();
  return () => {
    running = false;
    sockets.forEach((socket) => socket.destroy());
  };
}

/** Sends half of a head and nothing more. */
export const halfOpen = (port, count) => endless(port, count, (socket) => socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-le'));

/** Sends a body byte by byte. */
export function drips(port, count) {
  return endless(port, count, (socket) => {
    socket.write(`${head(port, 'sk-drip', 100_000)}{`);
    const drip = setInterval(() => socket.write(' '), 500);
    socket.on('close', () => clearInterval(drip));
  });
}

/** Ordinary tests: short answers under many keys, each looked at. */
export function ordinary(port, workers) {
  const seen = { asked: 0, wrong: [] };
  const agent = new http.Agent({ keepAlive: true, maxSockets: workers });
  let running = true;
  const work = async (worker) => {
    for (let i = 0; running; i++) {
      const text = `${worker}-${i}`;
      const headers = { authorization: `Bearer sk-test-${worker}-${i % 50}`, 'content-type': 'application/json' };
      try {
        const body = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: text }] });
        const answer = await fetchOnce(port, '/v1/chat/completions', { agent, method: 'POST', headers, body });
        seen.asked++;
        if (answer.status !== 200 || !answer.text.includes(`Echo: ${text}`)) seen.wrong.push(`${answer.status} ${answer.text.slice(0, 200)}`);
      } catch (error) {
        if (running) seen.wrong.push(error.message);
      }
      await wait(20);
    }
  };
  const all = Array.from({ length: workers }, (_, worker) => work(worker));
  return { seen, end: () => ((running = false), Promise.all(all).then(() => agent.destroy())) };
}

/** Connections until there are no descriptors left for them; gives those that were made. */
export async function crowd(port, count) {
  const sockets = Array.from({ length: count }, () => dial(port).resume());
  await wait(3000);
  return sockets;
}

/** Uploads a file of so many bytes. */
export function upload(port, bytes) {
  const edge = 'soak-soak-soak';
  const part = (name, value, file = '') => `--${edge}\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n${value}\r\n`;
  const body = part('purpose', 'user_data') + part('file', 'x'.repeat(bytes), '; filename="a.txt"') + `--${edge}--\r\n`;
  const headers = { authorization: 'Bearer sk-files', 'content-type': `multipart/form-data; boundary=${edge}`, 'content-length': body.length };
  return fetchOnce(port, '/v1/files', { method: 'POST', headers, body });
}
