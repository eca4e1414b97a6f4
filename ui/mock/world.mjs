// What the mock knows: exchanges, waiting requests, queues, sessions.
import { randomUUID } from 'node:crypto';
import { Breakpoints } from './breakpoints.mjs';

export const refuse = (status, message, fields = {}) => Object.assign(new Error(message), { status, ...fields });

const text = (content) => (typeof content === 'string' ? content : (content ?? []).map((part) => part.text ?? '').join(''));

export class World {
  epoch = randomUUID();
  events = [];
  watchers = new Set();
  exchanges = [];
  pending = new Map();
  queues = {};
  scripts = new Map();
  sessions = new Map();
  history = [];
  breakpoints = new Breakpoints(this);
  bypass = { enabled: false, target_host: 'api.openai.com', target_port: 443, target_uri: '/v1', use_https: true, timeout: 60, api_key_configured: false };

  watch(send) {
    this.watchers.add(send);
    return () => this.watchers.delete(send);
  }

  tell(type, data) {
    const event = { seq: this.events.length + 1, type, data };
    this.events.push(event);
    this.watchers.forEach((send) => send(event));
  }

  session(name, clock = 'real') {
    if (!this.sessions.has(name)) {
      this.sessions.set(name, { id: `s-${name}`, name, token: 'sk-…abcd', requests: 0, in_flight: 0, pending: 0, rules: 0, has_script: false, clock: { mode: clock, now: Date.now(), elapsed_ms: 0, pending: [] } });
    }
    return this.sessions.get(name);
  }

  begin(body, session = 'checkout', client = { ip: '127.0.0.1', port: 40000 }, headers = {}) {
    const own = this.session(session);
    const messages = (body.messages ?? []).map((message) => ({ role: message.role, text: text(message.content), ...(message.tool_calls ? { tool_calls: message.tool_calls } : {}), ...(message.tool_call_id ? { tool_call_id: message.tool_call_id } : {}) }));
    const exchange = {
      id: `ex_${this.exchanges.length + 1}`, session, session_id: own.id, number: own.requests++, state: 'in_flight', waiting_for: null, operation: 'chat.completions.create', method: 'POST', path: '/v1/chat/completions',
      model: body.model ?? null, stream: body.stream === true, asked: messages.findLast((one) => one.role === 'user')?.text ?? '', client, outcome: 'served', by: null, rule: null, status: null, said: '', failure: null, aborted: false,
      arrived: Date.now(), first_ms: null, total_ms: null, tokens: null, request_id: `req_${randomUUID().slice(0, 8)}`, retry_count: 0, headers, body, tool_results: [], explanation: null, warnings: [],
      conversation: { messages, tools: (body.tools ?? []).map(({ function: tool }) => ({ name: tool.name, parameters: tool.parameters })), format: body.response_format ?? null }, answer: null,
    };
    this.exchanges.push(exchange);
    this.tell('exchange_begun', this.summary(exchange));
    return exchange;
  }

  summary(exchange) {
    const { headers, body, tool_results, explanation, warnings, conversation, answer, ...summary } = exchange;
    return summary;
  }

  end(exchange, fields, pieces) {
    const took = Date.now() - exchange.arrived;
    Object.assign(exchange, { state: 'done', waiting_for: null, first_ms: pieces[0]?.at_ms ?? took, total_ms: took, tokens: { input: 12, output: Math.ceil(exchange.said.length / 4) } }, fields);
    exchange.answer = { status: exchange.status, headers: { 'content-type': exchange.stream ? 'text/event-stream' : 'application/json' }, events: pieces, bytes: pieces.reduce((sum, piece) => sum + piece.text.length, 0), truncated: false };
    this.tell('exchange_ended', this.summary(exchange));
  }

  /** A request over HTTP. */
  ask(body, request, response) {
    const exchange = this.begin(body, /Bearer (\S+)/.exec(request.headers.authorization ?? '')?.[1] ?? 'anonymous', { ip: '127.0.0.1', port: request.socket.remotePort }, { ...request.headers, authorization: 'Bearer …' });
    response.on('close', () => this.pending.delete(exchange.id) && (this.tell('cancelled_request', { id: exchange.id, reason: 'client_left' }), this.end(exchange, { aborted: true }, [])));
    const queue = this.queues['127.0.0.1']?.items;
    const item = queue?.shift();
    if (item) {
      this.tell('queue_updated', { ip: '127.0.0.1' });
      return this.respond(exchange, response, { body: item.response, reply: item.reply, status: item.status_code, by: 'queue', outcome: 'scripted' });
    }
    if (!/manual/.test(exchange.asked)) {
      const echo = { reply: { text: `Echo: ${exchange.asked}` }, status: 200, by: 'echo', outcome: 'fallback' };
      return this.breakpoints.meets(exchange, response, echo) || this.respond(exchange, response, echo);
    }
    exchange.waiting_for = { kind: 'operator' };
    const card = { exchange, response, typed: '', claimed: null, by: null };
    this.pending.set(exchange.id, card);
    this.tell('new_request', this.card(card));
  }

  card({ exchange, typed, claimed, paused = null }) {
    const { id, session, session_id, operation, model, stream, asked, conversation, arrived, method, path, headers, body, client } = exchange;
    return { id, ip: client.ip, port: client.port, method, path, headers, body, timestamp: new Date(arrived).toISOString(), status: 'pending', session, session_id, operation, model, stream, asked, conversation, arrived, timeout_ms: 300_000, left_ms: 300_000 - (Date.now() - arrived), claimed, typed, paused, smallest: { text: 'OK' } };
  }

  respond(exchange, response, { reply, body, status = 200, by, outcome }) {
    const said = typeof reply === 'string' ? reply : reply?.text ?? (reply?.json !== undefined ? JSON.stringify(reply.json) : reply?.refusal ?? reply?.tool_calls?.map((call) => `${call.name}(${JSON.stringify(call.arguments)})`).join(', ') ?? reply?.error?.message ?? '');
    const whole = body ?? (reply?.error ? { error: reply.error } : { id: 'chatcmpl-1', object: 'chat.completion', model: exchange.model, choices: [{ index: 0, message: { role: 'assistant', content: reply?.tool_calls ? null : said, ...(reply?.tool_calls ? { tool_calls: reply.tool_calls.map((call, n) => ({ id: `call_${n}`, type: 'function', function: { name: call.name, arguments: JSON.stringify(call.arguments) } })) } : {}) }, finish_reason: 'stop' }] });
    const code = reply?.error?.status ?? status;
    const pieces = exchange.stream && code < 400 ? [...said.match(/\S+\s*/g) ?? [], null].map((word, n) => ({ at_ms: 20 + n * 9, text: word === null ? 'data: [DONE]\n\n' : `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: word } }] })}\n\n` })) : [{ at_ms: 3, text: JSON.stringify(whole) }];
    Object.assign(exchange, { said, status: code });
    this.end(exchange, { by, outcome, rule: by === 'script' ? 'responses[0]' : null }, pieces);
    response?.writeHead(code, { 'content-type': exchange.stream && code < 400 ? 'text/event-stream' : 'application/json' });
    response?.end(pieces.map((piece) => piece.text).join(''));
  }

  /** An operator's connection is gone, and with it what it held. */
  leave(name) {
    for (const [id, card] of this.pending) if (card.claimed && card.owner === name) Object.assign(card, { claimed: null, owner: null, by: null }), this.tell('released_request', { id });
  }

  /** An operator's action. */
  act(id, type, fields, name) {
    const card = this.pending.get(id);
    if (!card) throw refuse(404, `Nothing waits under ${id}.`, { code: 'not_pending' });
    const by = fields.by ?? card.by ?? name;
    if (card.claimed && card.owner !== name && !fields.force && type !== 'release') throw refuse(409, `${card.claimed.by} is answering it.`, { code: 'claimed' });
    if (type === 'claim') {
      Object.assign(card, { claimed: { by, until: Date.now() + 90_000 }, owner: name, by });
      return this.tell('claimed_request', { id, ...card.claimed });
    }
    if (type === 'release') return card.owner === name && ((card.claimed = null), this.tell('released_request', { id }));
    if (type === 'type') {
      card.typed += fields.text;
      return this.tell('typed', { id, by, text: fields.text });
    }
    if (['go', 'step', 'edit', 'drop'].includes(type) || (type === 'cut' && card.paused)) {
      if (!card.paused) throw refuse(409, 'It is not paused.', { code: 'not_paused' });
      return this.breakpoints.act(card, type, fields, by);
    }
    const reply = { answer: () => ({ reply: fields.reply }), send_response: () => ({ body: fields.response, status: fields.status_code }), finish: () => ({ reply: { text: card.typed } }), fallback: () => ({ reply: { text: `Echo: ${card.exchange.asked}` } }), upstream: () => ({ reply: { text: 'From the real API.' } }), cut: () => null }[type];
    if (!reply) throw refuse(400, `There is no action ${type}.`);
    this.pending.delete(id);
    if (type === 'cut') {
      card.response.destroy();
      this.tell('answered_by', { id, by, how: 'cut' });
      return this.end(card.exchange, { aborted: true, by: 'operator' }, []);
    }
    if (fields.keep) this.load(this.session(card.exchange.session), { rules: [{ match: fields.keep.match, response: fields.reply, times: fields.keep.times }] });
    this.respond(card.exchange, card.response, { ...reply(), by: 'operator', outcome: 'served' });
    this.tell('answered_by', { id, by, how: { finish: 'typed' }[type] ?? type });
  }

  load(session, script) {
    if (script.rules && !Array.isArray(script.rules)) throw refuse(400, 'rules must be a list.', { param: 'rules' });
    const wrong = (script.rules ?? []).findIndex((rule) => rule.match?.nonsense);
    if (wrong >= 0) throw refuse(400, 'Unknown key "nonsense".', { param: `rules[${wrong}].match.nonsense` });
    const rules = [...(script.rules ?? []), ...[script.responses ?? []].flat()];
    const kept = script.reset ? [] : this.scripts.get(session.id) ?? [];
    this.scripts.set(session.id, [...kept, ...rules.map((rule, n) => ({ path: `rules[${n}]`, rule, left: rule.times === 'unlimited' ? null : rule.times ?? 1 }))]);
    Object.assign(session, { rules: this.scripts.get(session.id).length, has_script: true });
    this.tell('sessions_changed', {});
    return { status: 'loaded', rules: rules.length };
  }

  /** Plausible exchanges, to look at. */
  fill(count) {
    const asks = ['What is the weather in Paris?', 'Summarise this ticket in one line.', 'Translate “good morning” to Chinese: 早上好?', 'Which plan should I choose?', 'Write a haiku about tests.'];
    const ends = [[200, 'script'], [200, 'echo'], [200, 'generated'], [429, 'script'], [200, 'operator'], [500, 'script'], [200, 'queue']];
    for (let n = 0; n < count; n += 1) {
      const exchange = this.begin({ model: ['gpt-4o', 'gpt-5.1-mini', 'o3'][n % 3], stream: n % 2 === 0, messages: [{ role: 'system', content: 'You are a helpful travel agent.' }, { role: 'user', content: asks[n % 5] }] }, ['checkout', 'search', 'support'][n % 3]);
      exchange.arrived = Date.now() - (count - n) * 2100;
      const [status, by] = ends[n % 7];
      this.respond(exchange, null, { reply: status === 200 ? { text: `Answer ${n}: sunny, with a light breeze from the west and a few clouds.` } : { error: { status, message: status === 429 ? 'Rate limit reached.' : 'The server had an error.', type: 'x', code: null } }, status, by, outcome: by === 'script' ? 'scripted' : 'fallback' });
      exchange.total_ms = 20 + ((n * 97) % 900);
      exchange.first_ms = Math.min(exchange.total_ms, 8 + ((n * 31) % 200));
    }
  }
}
