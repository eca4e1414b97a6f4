// The socket: events come in order with a number, and after a lost connection those that were missed come again.
import { signal } from '@preact/signals';
import { address, call, controlToken } from './api.js';

/** `connecting`, `open` or `lost`. */
export const connection = signal('connecting');

/** What the server said of itself and of us: version, our name. */
export const hello = signal(null);

/** Waits between attempts, in ms. */
const WAITS = [300, 700, 1500, 3000, 6000];

/** How long an action's answer is waited for, in ms. */
const PATIENCE = 15_000;

let socket;
let attempt = 0;
let timer;
let seen = 0;
let newest = 0;
let resuming = false;
let epoch;
let refs = 0;
const waiting = new Map();
let listener = { events() {}, reload: async () => {} };

/**
 * Connects, and stays connected.
 * @param {{ events: (events: any[]) => void, reload: () => Promise<void> }} told  `events`: some at once, in order;
 *   `reload`: too much was missed, everything is to be fetched again
 */
export function connect(told) {
  listener = told;
  addEventListener('online', retry);
  open();
}

/** Tries now, not when the next attempt is due. */
export function retry() {
  if (connection.value === 'open') return;
  clearTimeout(timer);
  open();
}

async function open() {
  clearTimeout(timer);
  try {
    // A refused handshake tells a page nothing; this does, and asks for the token.
    await call('GET', 'api/settings');
  } catch {
    return later();
  }
  const url = address('ws');
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const protocols = ['llemulator'];
  if (controlToken()) protocols.push(`llemulator-token.${controlToken()}`);
  socket?.close();
  const own = (socket = new WebSocket(url, protocols));
  own.onmessage = ({ data }) => own === socket && take(JSON.parse(data));
  own.onclose = () => own === socket && later();
}

function later() {
  connection.value = 'lost';
  for (const { reject } of waiting.values()) reject(new Error('The connection was lost.'));
  waiting.clear();
  timer = setTimeout(open, WAITS[Math.min(attempt, WAITS.length - 1)]);
  attempt += 1;
}

let batch = [];
let due = false;

/** While everything is fetched, what happens waits: else it would be told first and then undone by the older state. */
let held = false;

/** The least time between two changes by events, in ms: nobody reads faster, and frames between them stay free. */
const PACE = 50;

/** When events were told last. */
let told = 0;

/** Events are told together, the first at the next frame: a thousand a second are twenty changes of the page, not a thousand. */
function tell(event) {
  batch.push(event);
  if (!due) flush();
}

function flush() {
  due = true;
  const next = () => {
    due = false;
    if (held) return;
    const events = batch;
    batch = [];
    told = performance.now();
    listener.events(events);
  };
  // A page in the background has no frames.
  const frame = () => (document.hidden ? next() : requestAnimationFrame(next));
  const wait = told + PACE - performance.now();
  if (wait > 0) setTimeout(frame, wait);
  else if (document.hidden) setTimeout(next);
  else frame();
}

function take(message) {
  const { type, seq, data } = message;
  if (seq !== undefined) {
    newest = Math.max(newest, seq);
    // Those that are missing come first: a newer one that overtakes them comes again behind them.
    if (seq <= seen || (resuming && seq !== seen + 1)) return;
    seen = seq;
    return tell({ type, data });
  }
  if (type === 'hello') return greeted(data ?? message);
  if (type === 'new_request') return tell({ type, data });
  const { ref } = message.data ?? message;
  const told = message.data ?? message;
  const waits = waiting.get(ref ?? message.ref);
  if (!waits) return;
  waiting.delete(ref ?? message.ref);
  if (type === 'error') waits.reject(Object.assign(new Error(told.message), { code: told.code }));
  else waits.resolve(told);
}

async function greeted(data) {
  hello.value = data;
  attempt = 0;
  const known = epoch === data.epoch && seen >= (data.oldest ?? 0) - 1;
  const since = seen;
  const first = epoch === undefined;
  epoch = data.epoch;
  connection.value = 'open';
  newest = data.seq;
  if (known && !first) {
    resuming = true;
    const { complete } = await act('resume', { since, epoch }).catch(() => ({ complete: false }));
    resuming = false;
    if (complete) return;
  }
  seen = newest;
  held = true;
  await listener.reload();
  held = false;
  if (batch.length && !due) flush();
}

/**
 * Does something to a request that waits, over the socket: a claim belongs to this connection.
 * @param {string} type
 * @param {Record<string, unknown>} [fields]
 * @returns {Promise<any>}
 */
export function act(type, fields = {}) {
  if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(new Error('There is no connection just now.'));
  const ref = `p${(refs += 1)}`;
  return new Promise((resolve, reject) => {
    const patience = setTimeout(() => waiting.delete(ref) && reject(new Error('No answer came.')), PATIENCE);
    const done = (settle) => (value) => (clearTimeout(patience), settle(value));
    waiting.set(ref, { resolve: done(resolve), reject: done(reject) });
    socket.send(JSON.stringify({ type, ref, ...fields }));
  });
}
