// What the page knows of the emulator, as signals. Events change it; views only read.
import { batch, computed, signal } from '@preact/signals';
import { call } from './api.js';
import { connect } from './connection.js';
import { exchangeStore } from './exchanges.js';
import * as waiting from './pending.js';
import { attempt } from './toasts.js';

const store = exchangeStore();

/** Grows whenever an exchange changed. */
const version = signal(0);

/** All exchanges known, oldest first; read it for its changes too. */
export const exchanges = computed(() => (version.value, { rows: store.rows, version: version.value }));

/** One of them as it is now. */
export const exchange = (id) => (version.value, store.find(id));

/** Whether there are older ones than those known. */
export const hasOlder = signal(false);

/** Whether the emulator has said which exchanges there are: until then an empty list means nothing. */
export const loaded = signal(false);

export const pending = signal([]);
export const openPending = computed(() => pending.value.filter((card) => !card.gone));
export const sessions = signal([]);
export const queues = signal({});
export const settings = signal(null);
export const bypass = signal(null);

/** Where answers pause; null while it is not known. */
export const breakpoints = signal(null);

/** Grows whenever something went upstream, and when a script was loaded, a session made or reset: who shows it fetches again. */
export const upstreamChanged = signal(0);

const PAGE = 500;

/** Pages that are fetched at once after more happened than was told one by one. */
const MOST_PAGES = 40;

/** Everything that arrived before this moment is known, and over. */
let complete = 0;

/** Begins to follow the emulator. */
export function follow() {
  connect({ events, reload });
}

/** What some events in a row change, at once. */
function events(list) {
  batch(() => {
    const rows = list.filter(({ type }) => type === 'exchange_begun' || type === 'exchange_ended');
    if (rows.length) put(rows.map(({ data }) => data));
    let changed = false;
    for (const event of list) {
      const { type, data } = event;
      // Begun is told before it is known what was asked, and that a person is to answer.
      if (type === 'new_request') changed = store.change(data.id, { asked: (data.asked ?? '').slice(0, 300), model: data.model, waiting_for: { kind: 'operator' } }) || changed;
      else if (type === 'answered_by') changed = store.change(data.id, { waiting_for: null }) || changed;
      pending.value = waiting.reduce(pending.value, event, Date.now());
      if (type === 'queue_updated') soon('queue', () => fetchQueue(data.ip));
      else if (type === 'all_queues_updated') soon('queues', fetchQueues);
      else if (type === 'bypass_config_updated') soon('bypass', () => Promise.all([fetchBypass(), fetchSettings()]));
      else if (type === 'bypass_request' || type === 'bypass_response') upstreamChanged.value += 1;
      else if (type === 'breakpoints_changed') soon('breakpoints', fetchBreakpoints);
      else if (type === 'sessions_changed') soon('sessions', fetchSessions);
      else if (type === 'exchanges_changed') soon('exchanges', catchUp);
    }
    if (changed) version.value += 1;
    if (rows.length) soon('sessions', fetchSessions);
  });
}

function put(summaries) {
  store.put(summaries);
  version.value += 1;
}

/** Runs the last of what is asked for under a name, at most twice a second. */
const due = new Map();
function soon(name, run) {
  if (due.has(name)) return due.set(name, { again: run });
  due.set(name, {});
  run().catch(() => {}).finally(() =>
    setTimeout(() => {
      const { again } = due.get(name);
      due.delete(name);
      if (again) soon(name, again);
    }, 500),
  );
}

async function reload() {
  store.clear();
  loaded.value = false;
  version.value += 1;
  await attempt(async () => {
    const [page, open] = await Promise.all([
      call('GET', `api/exchanges?limit=${PAGE}`), call('GET', 'api/pending'), fetchSessions(), fetchQueues(), fetchBypass(), fetchSettings(), fetchBreakpoints(),
    ]);
    batch(() => {
      put(page.data);
      complete = page.data.find((row) => row.state !== 'done')?.arrived ?? Date.now() - 1000;
      hasOlder.value = page.has_more;
      loaded.value = true;
      pending.value = waiting.reload(pending.value, open.data, Date.now());
    });
  });
}

/** Fetches what happened untold: newest first, back to where nothing is missing. */
async function catchUp() {
  const began = Date.now() - 1000;
  const oldestOpen = store.rows.find((row) => row.state !== 'done' && row.arrived >= complete)?.arrived ?? began;
  let before;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const { data, has_more } = await call('GET', `api/exchanges?limit=${PAGE}${before ? `&before=${encodeURIComponent(before)}` : ''}`);
    put(data);
    if (!has_more || data.at(-1).arrived < complete) break;
    before = data.at(-1).id;
  }
  complete = Math.max(complete, Math.min(began, oldestOpen));
}

let fetchingOlder = false;

/** Fetches the page before the oldest exchange known. */
export async function fetchOlder() {
  const oldest = store.rows[0];
  if (fetchingOlder || !oldest || !hasOlder.value) return;
  fetchingOlder = true;
  try {
    const page = await call('GET', `api/exchanges?limit=${PAGE}&before=${encodeURIComponent(oldest.id)}`);
    batch(() => {
      put(page.data);
      hasOlder.value = page.has_more && page.data.length > 0;
    });
  } finally {
    fetchingOlder = false;
  }
}

/** Empties all journals, and the page's list. */
export async function clearExchanges() {
  await call('DELETE', 'api/exchanges');
  store.clear();
  batch(() => {
    version.value += 1;
    hasOlder.value = false;
  });
}

/** Puts the cards of requests that are over away. */
export function dismissGone() {
  pending.value = openPending.value;
}

export async function fetchSessions() {
  sessions.value = (await call('GET', 'api/sessions')).data;
}

export async function fetchQueues() {
  queues.value = (await call('GET', 'api/preset-queue')).queues;
}

async function fetchQueue(address) {
  const { ip, count, items } = await call('GET', `api/preset-queue/${encodeURIComponent(address)}`);
  queues.value = { ...queues.value, [ip]: { count, items } };
}

export async function fetchBypass() {
  bypass.value = await call('GET', 'api/bypass/config');
}

export async function fetchBreakpoints() {
  breakpoints.value = await call('GET', 'api/breakpoints').then(({ data }) => data, () => null);
}

async function fetchSettings() {
  settings.value = await call('GET', 'api/settings');
}
