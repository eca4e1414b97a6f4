// Starts the emulator as a user would: a program that says on its first line where it listens.
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { start } from '../scripts/start.mjs';

/** Where the command is run. */
export const repository = fileURLToPath(new URL('..', import.meta.url));

/** What starts the emulator: the variable LLEMULATOR_COMMAND, words separated by spaces, or the package's own command. */
export const command = (process.env.LLEMULATOR_COMMAND ?? 'node js/cli.js').split(' ').filter(Boolean);

/**
 * Starts an emulator on a free port.
 * @param {string[]} [args] more arguments of the command line
 * @returns {Promise<{url: string, baseURL: string, stop: () => Promise<number | null>}>} where it listens; `stop`
 *   resolves with the exit code
 */
export async function startServer(args = []) {
  const [program, ...words] = command;
  const { line, child, stop: end } = await start(program, [...words, '--port', '0', ...args], { cwd: repository });
  const url = /^LLEmulator listening on (http:\/\/\S+)$/.exec(line)?.[1];
  if (!url) {
    child.kill();
    throw new Error(`first line of ${command.join(' ')}: expected "LLEmulator listening on http://…", got ${JSON.stringify(line)}`);
  }
  child.unref();
  child.stdout.unref?.();
  const stop = async () => {
    child.ref();
    child.stdout.ref?.();
    return (await end())[0];
  };
  return { url, baseURL: `${url}/v1`, stop };
}

/** A key of its own, hence a session of its own. */
export const newKey = () => `sk-test-${randomUUID()}`;

/**
 * A request to a control route of a session; fails the test when the emulator refuses it.
 * @param {string} url where the emulator listens
 * @param {string} key the session
 * @param {string} path e.g. `/_emulator/requests`
 * @param {unknown} [body] POST this JSON; without it, GET
 * @returns {Promise<any>} the answer's JSON
 */
export async function control(url, key, path, body) {
  const response = await fetch(url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}

/** Loads a script into a session, forgetting what was there. `script` may leave out everything but its responses. */
export const load = (url, key, responses, more = {}) =>
  control(url, key, '/_emulator/script', { reset: true, responses, ...more });
