// Asking the emulator over HTTP. Bound beyond loopback it wants the control token: the page asks for it once.
import { signal } from '@preact/signals';

/** The token of this tab; a tab that is closed forgets it. */
let token = read();

/** Who waits for a token to be typed in; null when none is needed. */
export const tokenAsked = signal(null);

function read() {
  try {
    return sessionStorage.getItem('llemulator.token') ?? '';
  } catch {
    return '';
  }
}

/** The token, for the socket's handshake. */
export const controlToken = () => token;

/** Takes the token somebody typed, and lets what waited for it go on. */
export function giveToken(given) {
  token = given.trim();
  try {
    sessionStorage.setItem('llemulator.token', token);
  } catch {
    // It is asked for again after a reload.
  }
  tokenAsked.value?.resolve();
  tokenAsked.value = null;
}

function askForToken(wrong) {
  if (!tokenAsked.value) {
    let resolve;
    const given = new Promise((done) => (resolve = done));
    tokenAsked.value = { resolve, given, wrong };
  }
  return tokenAsked.value.given;
}

/** What the emulator refused, with its reason and place. */
export class Refused extends Error {
  constructor(status, body) {
    const error = body?.error ?? {};
    super(error.message ?? body?.detail ?? (typeof body === 'string' && body ? body : `HTTP ${status}`));
    this.status = status;
    this.param = error.param ?? null;
    this.code = error.code ?? null;
    this.body = body;
  }
}

/** An address below the page's own, so that it also works behind a proxy that serves it under a path. */
export const address = (path) => new URL(path.replace(/^\//, ''), document.baseURI);

/**
 * Calls a route of the control room.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]  JSON, or a form
 * @returns {Promise<any>} the answer's JSON
 */
export async function call(method, path, body) {
  for (;;) {
    const answer = await send(method, path, body);
    const told = await answer.text();
    let value = told;
    try {
      value = told === '' ? null : JSON.parse(told);
    } catch {
      // A proxy's page, say: shown as it is.
    }
    if (answer.ok) return value;
    if (value?.error?.code !== 'control_token_required') throw new Refused(answer.status, value);
    await askForToken(token !== '');
  }
}

function send(method, path, body) {
  const headers = {};
  if (token) headers['x-llemulator-control-token'] = token;
  const form = body instanceof FormData;
  if (body !== undefined && !form) headers['content-type'] = 'application/json';
  return fetch(address(path), { method, headers, body: form || body === undefined ? body : JSON.stringify(body) });
}

/** Fetches a file and hands it to the browser to keep: a link could not carry the token. */
export async function download(path) {
  const answer = await send('GET', path);
  if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => null));
  const named = /filename="?([^";]+)/.exec(answer.headers.get('content-disposition') ?? '')?.[1];
  save(named ?? path.split('/').pop(), await answer.blob());
}

/** Hands a file to the browser to keep. */
export function save(name, blob) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}
