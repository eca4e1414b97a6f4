// What every test needs: a server per test file, a session per test, and the official client aimed at it.
import { after } from 'node:test';
import OpenAI from 'openai';
import { control, load, newKey, startServer } from '../../server.mjs';

const server = await startServer(['--profile', 'strict', '--log-level', 'warn']);
after(server.stop);

/** Where the emulator listens, without `/v1`. */
export const url = server.url;

/**
 * A new session with these scripted replies, and the official client of it.
 * @param {unknown} [responses] the `responses` of a script; none = nothing loaded
 * @param {{script?: object, client?: object}} [more] other keys of the script; options of the client
 */
export async function session(responses, { script, client: options } = {}) {
  const key = newKey();
  if (responses !== undefined || script) await load(url, key, responses, script);
  const client = new OpenAI({ apiKey: key, baseURL: server.baseURL, ...options });
  /** What the session was asked, oldest first. */
  const requests = async () => (await control(url, key, '/_emulator/requests')).data;
  return { key, client, requests };
}

/** Everything an async iterable yields. */
export async function all(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** A chat request with one user message. */
export const ask = (text = 'hi', more = {}) => ({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: text }], ...more });

/** A function tool in chat's form. */
export const weatherTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
    strict: true,
  },
};

/** The same in the Responses form. */
export const weatherFunction = { type: 'function', ...weatherTool.function };
