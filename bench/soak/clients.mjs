// Those who use it, well and badly. Each gives what ends it; what it saw stands in its fields.
import { once } from 'node:events';
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

const chat = (port, key, content) => {
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

/** Asks for something again and again and notes how long each answer took, but for the moments that do not count. */
export function probe(port, path, every, counts) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const seen = { times: [], failures: 0, worst: 0, at: 0 };
  let running = true;
  const over = (async () => {
    while (running) {
      const counted = counts();
      try {
        const { ms, status } = await fetchOnce(port, path, { agent });
        if (counted && counts()) {
          seen.times.push(ms);
          if (ms > seen.worst) [seen.worst, seen.at] = [ms, performance.timeOrigin + performance.now()];
          seen.failures += status !== 200;
        }
      } catch {
        seen.failures += counted && counts();
      }
      await wait(every);
    }
  })();
  return {
    summary: () => ({ asked: seen.times.length, ...spread(seen.times), failures: seen.failures, at: seen.at }),
    end: () => ((running = false), agent.destroy(), over),
  };
}

/** Opens streams of an event every so many milliseconds and watches that each event comes when it is due. */
export async function streams(port, count, events, every, counts) {
  const all = { open: 0, whole: 0, broken: 0, lateness: [], finished: null };
  const ended = [];
  for (let i = 0; i < count; i++) {
    const socket = dial(port);
    const stream = { seen: 0, began: 0, tail: '' };
    socket.on('connect', () => socket.write(chat(port, 'sk-streams', 'soak-paced')));
    socket.on('data', (piece) => {
      const text = stream.tail + piece.latin1Slice();
      const now = performance.now();
      let at = -1;
      let rest = 0;
      while ((at = text.indexOf('"content":"l', rest)) >= 0) {
        rest = at + 12;
        if (!stream.seen++) stream.began = now;
        else if (i % 20 === 0 && counts()) all.lateness.push(now - stream.began - (stream.seen - 1) * every);
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
        stream.done && stream.seen === events ? all.whole++ : all.broken++;
      }),
    );
    all.open++;
    if (i % 100 === 99) await wait(20);
  }
  all.finished = Promise.all(ended);
  all.late = () => spread(all.lateness);
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
