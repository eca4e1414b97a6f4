// What the tests of the package share.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { start } from '../scripts/start.mjs';

/** The repository's folder. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A client of a session that does not try again, so that a failure is seen at once. */
export const client = (api, options) => new OpenAI({ ...api, maxRetries: 0, ...options });

/** The text of a chat answer to one user message. */
export async function chat(api, content, more) {
  const answer = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content }], ...more });
  return answer.choices[0].message.content;
}

/** The pieces of a streamed chat answer, without the empty ones. */
export async function pieces(api, content, more) {
  const stream = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content }], stream: true, ...more });
  const out = [];
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) out.push(chunk.choices[0].delta.content);
  return out;
}

/** What a function throws. */
export function thrown(act) {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/**
 * Runs a program to its end.
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string }>}
 */
export function runProgram(command, args, { env, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env }, ...options });
    const out = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => (out[name] += text));
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, ...out }));
  });
}

/** Runs one of `programs/` with the Node that runs the tests, and flags for Node. */
export const program = (name, ...flags) => runProgram(process.execPath, [...flags, `__test__/programs/${name}`]);

/** A started command: its address, what it printed so far, and its end. */
export async function startCommand(args = ['--port', '0'], env = {}) {
  const { line, printed, stop } = await start(process.execPath, ['js/cli.js', ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const [, url] = /^(?:\{.*")?LLEmulator listening on (http:\/\/127\.0\.0\.1:\d+)(?:"|$)/.exec(line);
  return { url, printed, stop };
}
