// What the measurements share: the package, one request, and what many numbers say together.
import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package: of the folder that BENCH_MODULES names, which holds node_modules, or of this checkout. */
export const load = () => createRequire(path.resolve(process.env.BENCH_MODULES ?? fileURLToPath(new URL('..', import.meta.url)), 'package.json'))('llemulator');

/** The value below which this part of them lies: 0.5 is the median, 1 the greatest. */
export const quantile = (values, part) => values.toSorted((one, other) => one - other)[Math.min(values.length - 1, Math.floor(values.length * part))];

/** Asks by node:http, whose cost is small, and reads the answer to its end: status, headers, text, and how many milliseconds it took. */
export async function ask(url, { body, ...options } = {}) {
  const began = performance.now();
  const request = http.request(url, options);
  request.end(body);
  const [response] = await once(request, 'response');
  const chunks = [];
  response.on('data', (chunk) => chunks.push(chunk));
  await once(response, 'end');
  const ms = performance.now() - began;
  return { status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString(), ms };
}

/** What a Redis has counted: commands that it ran, also those of scripts, and reads of its sockets. */
export async function redisCounts(host, port) {
  const socket = net.connect(port, host);
  socket.write('INFO stats\r\n');
  let text = '';
  while (!text.includes('total_writes_processed')) text += (await once(socket, 'data'))[0];
  socket.destroy();
  const number = (name) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)[1]);
  return { commands: number('total_commands_processed'), reads: number('total_reads_processed') };
}
