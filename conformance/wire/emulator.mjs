// A server for the goldens, and raw requests to it.
import { request as httpRequest } from 'node:http';
import { after } from 'node:test';
import { load, newKey, startServer } from '../server.mjs';

const server = await startServer(['--profile', 'strict', '--log-level', 'warn']);
after(server.stop);

/**
 * Scripts a reply in a new session and sends a request, byte for byte as given.
 * @param {{method?: string, path: string, body?: unknown, reply?: unknown, headers?: object, key?: string}} exchange
 * @returns {Promise<{status: number, headers: Record<string, string>, raw: string[], text: string}>} `raw` = header
 *   names as sent
 */
export async function exchange({ method = 'POST', path, body, reply, headers = {}, key = newKey() }) {
  if (reply !== undefined) await load(server.url, key, [reply]);
  const payload = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = httpRequest(server.url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    });
    request.on('response', async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      const raw = response.rawHeaders.filter((_, index) => index % 2 === 0);
      resolve({ status: response.statusCode, headers: response.headers, raw, text: Buffer.concat(chunks).toString() });
    });
    request.on('error', reject);
    request.end(payload);
  });
}
