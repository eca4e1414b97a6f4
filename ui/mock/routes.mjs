// The routes below /api, as the contract has them.
import { randomUUID } from 'node:crypto';
import { refuse } from './world.mjs';

const value = (of) => ({ value: of });

export function routes(world, method, [area, ...rest], body, query) {
  const route = AREAS[area];
  if (!route) throw refuse(404, `There is no ${area}.`);
  return route(world, method, rest, body, query);
}

const AREAS = {
  settings: () => value({ version: 'mock', fallback: 'echo', loopback: true, upstream: null }),
  models: () => value({ data: [] }),
  pending: (world, method, [id, action], body) => (id ? (world.act(id, action, body, 'api'), value({ success: true, id })) : value({ data: [...world.pending.values()].map((card) => world.card(card)) })),
  'preset-queue': queue,
  bypass,
  exchanges,
  sessions,
  'shared-script': (world, method, rest, body) => value({ status: 'loaded', rules: (body.rules ?? [body.responses]).length }),
  statistics,
  breakpoints,
};

function breakpoints({ breakpoints: own }, method, [id], body) {
  if (method === 'POST') return value(own.add(body));
  if (method === 'DELETE') return own.remove(id), value({ success: true });
  return value({ object: 'list', data: own.list });
}

function exchanges(world, method, [id, action], body, query) {
  if (method === 'DELETE') return (world.exchanges = []), value({ success: true });
  if (!id) {
    const before = query.get('before');
    const end = before ? world.exchanges.findIndex((one) => one.id === before) : world.exchanges.length;
    const limit = Number(query.get('limit') ?? 100);
    return value({ object: 'list', data: world.exchanges.slice(Math.max(0, end - limit), end).reverse().map((one) => world.summary(one)), has_more: end > limit });
  }
  const found = world.exchanges.find((one) => one.id === id);
  if (!found) throw refuse(404, 'No longer kept.');
  if (action === 'why') {
    const rules = (world.scripts.get(found.session_id) ?? []).map(({ path, rule, left }, index) => {
      const matches = new RegExp(typeof rule.match === 'string' ? rule.match : rule.match?.user ?? '').test(found.asked);
      return { index, rule: path, matches, used_up: left === 0, why: matches ? null : `user: ${JSON.stringify(found.asked)} does not match`, mismatches: matches ? [] : [{ key: 'user', wanted: rule.match.user ?? rule.match, got: found.asked }] };
    });
    return value({ rules, explanation: found.explanation });
  }
  if (action === 'again') {
    const sent = world.begin(body.body ?? found.body, found.session);
    world.respond(sent, null, { reply: { text: `Echo: ${sent.asked}` }, by: 'echo', outcome: 'fallback' });
    return value({ id: sent.id, status: 200, text: 'x' });
  }
  return value(found);
}

function sessions(world, method, [id, route], body) {
  if (!id && method === 'POST') return world.session(body.name, body.clock), world.tell('sessions_changed', {}), value({ name: body.name, api_key: body.name });
  if (!id) return value({ data: [...world.sessions.values()] });
  const session = [...world.sessions.values()].find((one) => one.id === id);
  if (!session) throw refuse(404, 'There is no such session.');
  if (method === 'DELETE') return world.sessions.delete(session.name), value({ status: 'deleted' });
  if (route === 'script') return value(world.load(session, body));
  if (route === 'reset') return world.scripts.delete(id), Object.assign(session, { rules: 0, has_script: false }), value({ status: 'reset' });
  if (route === 'clock' && method === 'PUT') session.clock.elapsed_ms += body.advance_ms;
  if (route === 'clock') return value(session.clock);
  return value({ rules: world.scripts.get(id) ?? [], models: [], clock: session.clock });
}

function queue(world, method, [address, id, action], body) {
  const changed = (ip) => world.tell('queue_updated', { ip });
  const show = ({ items }) => ({ count: items.length, items });
  if (!address) {
    if (method === 'DELETE') return (world.queues = {}), world.tell('all_queues_updated', {}), value({ success: true });
    return value({ queues: Object.fromEntries(Object.entries(world.queues).map(([ip, one]) => [ip, show(one)])) });
  }
  if (address === 'export') return { file: 'queue_all.json', value: Object.fromEntries(Object.entries(world.queues).map(([ip, { items }]) => [ip, items])) };
  const item = (fields) => {
    if (fields.reply && fields.status_code != null) throw refuse(400, 'status_code: goes with response; a reply has error or raw for it', { param: 'status_code' });
    return made(fields);
  };
  const made = (fields) => ({ id: randomUUID(), created_at: Date.now() / 1000, ...(fields.response ? { status_code: 200 } : {}), ...fields });
  if (address === 'import') {
    for (const [ip, items] of Object.entries(body)) (world.queues[ip] ??= { items: [] }).items.push(...items.map(item));
    world.tell('all_queues_updated', {});
    const total = Object.values(body).flat().length;
    return value({ success: true, total, added_count: total, failed_count: 0, errors: [] });
  }
  const own = (world.queues[address] ??= { items: [] });
  const at = own.items.findIndex((one) => one.id === id);
  if (method === 'GET' && id === 'export') return { file: `queue_${address}.json`, value: own.items };
  if (method === 'GET') return value({ ip: address, ...show(own) });
  if (id === 'import') {
    const listed = Array.isArray(body) ? body : [];
    own.items.push(...listed.map((one) => item(one.response || one.reply ? one : { response: one })));
    changed(address);
    return value({ success: true, total: listed.length, added_count: listed.length, failed_count: 0, errors: [] });
  }
  if (method === 'POST' && !id) {
    const { position = own.items.length, ...fields } = body;
    own.items.splice(position, 0, item(fields));
  } else if (action === 'duplicate') own.items.splice(at + 1, 0, item({ ...own.items[at], id: randomUUID() }));
  else if (method === 'PATCH') {
    const { position, ...fields } = body;
    const [found] = own.items.splice(at, 1);
    if ('reply' in fields && fields.status_code != null) throw refuse(400, 'status_code: goes with response', { param: 'status_code' });
    Object.assign(found, fields);
    for (const [key, one] of Object.entries(found)) if (one === null) delete found[key];
    if ('reply' in fields) delete found.response;
    if ('response' in fields) delete found.reply;
    own.items.splice(position ?? at, 0, found);
  } else if (method === 'DELETE' && id) own.items.splice(at, 1);
  else if (method === 'DELETE') own.items = [];
  changed(address);
  return value({ success: true, queue_length: own.items.length });
}

function bypass(world, method, [what], body) {
  if (what === 'history') return value({ data: world.history });
  if (what === 'enable' || what === 'disable') return (world.bypass.enabled = what === 'enable'), world.tell('bypass_config_updated', {}), value({ enabled: world.bypass.enabled });
  if (method === 'PUT') {
    if (body.target_host !== undefined && !/^[\w.-]+$/.test(body.target_host)) throw refuse(400, 'target_host must be a host name.', { param: 'target_host' });
    const { api_key: key, ...fields } = body;
    Object.assign(world.bypass, fields, key === undefined ? {} : { api_key_configured: key !== '' });
  }
  return value(world.bypass);
}

function statistics(world, method, rest, body, query) {
  const all = world.exchanges.filter((one) => !query.get('model') || one.model === query.get('model'));
  const rows = all.filter((one) => !query.get('session') || one.session_id === query.get('session'));
  const count = (of, key) => of.reduce((found, row) => ({ ...found, [row[key]]: (found[row[key]] ?? 0) + 1 }), {});
  const parts = (of, key) => {
    const sorted = of.map((row) => row[key]).filter((one) => one !== null).sort((one, other) => one - other);
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
    return sorted.length ? { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: sorted.at(-1) } : null;
  };
  const group = (of) => ({ requests: of.length, errors: of.filter(({ status }) => status >= 400).length, outcomes: count(of, 'outcome'), total_ms: parts(of, 'total_ms'), first_ms: parts(of, 'first_ms'), tokens: { input: of.length * 12, output: of.length * 17 } });
  const groups = (of, key) => Object.keys(count(of, key)).map((name) => ({ id: name, name, ...group(of.filter((row) => String(row[key]) === name)) }));
  const slots = new Map();
  for (const { arrived, status } of rows) {
    const at = Math.floor(arrived / 10_000) * 10_000;
    const slot = slots.get(at) ?? { at, requests: 0, errors: 0 };
    slots.set(at, { at, requests: slot.requests + 1, errors: slot.errors + (status >= 400 ? 1 : 0) });
  }
  return value({ ...group(rows), in_flight: world.pending.size, statuses: count(rows, 'status'), models: groups(rows, 'model'), sessions: groups(all, 'session'), timeline: [...slots.values()] });
}
