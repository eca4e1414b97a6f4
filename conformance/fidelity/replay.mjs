// One recording, replayed: its step is scripted, its request is sent, and the two answers are compared by class.
import { load } from '../server.mjs';
import { isRefused, prepared, scripted } from './before.mjs';
import { dateOf, isAzure, isObject, repaired, truncated } from './corpus.mjs';
import { ids, keyOrder, shape, structure, values } from './compare.mjs';
import { compareHeaders } from './headers.mjs';
import { lastResponse, replyOf } from './reply.mjs';
import { parseSse, stepsOf } from './sse.mjs';
import { todaysChat, todaysChunk, todaysEvent, todaysResponse } from './today.mjs';
import { compareUsage } from './usage.mjs';

/**
 * Replays one recording.
 * @param {object} recording as the corpus has it
 * @param {{url: string, snapshot: (asked: string, recorded: string) => string, known: (recording: object) => Set<string>}} context
 * @returns {Promise<{scores: [string, [number, number]][], notes: [string, string][]}>} per class: what is right of
 *   what was compared; differences with their class
 */
export async function replay(recording, context) {
  const scores = [];
  const notes = [];
  const note = (kind) => (text) => notes.push([kind, text]);
  const score = (kind, compare, ...args) => scores.push([kind, compare(...args, note(kind))]);

  const got = await send(recording, context.url);
  const { response } = recording;
  scores.push(['status', [got.status === response.status ? 1 : 0, 1]]);
  if (got.status !== response.status) {
    notes.push(['status', `${response.status} ≠ ${got.status}: ${got.body?.error?.message ?? ''}`.slice(0, 200)]);
    // What was refused has nothing of what was recorded.
    if (response.status < 400) scores.push(['structure', [0, shape(response.body ?? {}).size]]);
    if (response.status >= 400) scores.push(['errors', [0, 1]]);
    return { scores, notes };
  }
  // Headers of the older refusals are of their year.
  if (recording.fidelity.headers_complete && !(isRefused(recording) && dateOf(recording) < '2025-05')) {
    scores.push(['headers', compareHeaders(recording, got.headers, context.known(recording), note('headers'))]);
  }
  if (response.status >= 400) {
    score('errors', sameError, response.body, got.body);
    score('structure', structure, response.body, got.body);
    return { scores, notes };
  }
  const today = todays(recording, context);
  if (recording.endpoint === 'GET /v1/models') {
    compareBodies(recording, ...sameModels(today, got.body), score);
  } else if (!response.sse) {
    compareBodies(recording, today, got.body, score);
  } else if (got.sse) {
    compareStreams(recording, today, got.sse, score, scores, note);
  } else {
    scores.push(['event sequence', [0, 1]]);
    notes.push(['event sequence', 'no stream']);
  }
  // Which model counts, the deployment does not say.
  if (isAzure(recording)) return { scores, notes };
  const [recordedBody, gotBody] = response.sse ? [finalOf(response.sse), got.sse && finalOf(got.sse)] : [response.body, got.body];
  scores.push(...compareUsage(recording, recordedBody, gotBody, (kind, text) => notes.push([kind, text])));
  return { scores, notes };
}

function compareBodies(recording, today, got, score) {
  score('structure', structure, today, got);
  if (recording.fidelity.json_key_order_original) score('key order', keyOrder, today, got);
  score('values', values, today, got);
  if (!recording.fidelity.ids_redacted_by_source) score('ids', ids, today, got);
}

/** Two lists of models, of the models that both have: which there are changes every month and with the account. */
function sameModels(recorded, got) {
  const lists = [recorded, got].map(({ data }) => new Map(data.map((model) => [model.id, model])));
  const common = [...lists[0].keys()].filter((id) => lists[1].has(id));
  return [recorded, got].map((body, side) => ({ ...body, data: common.map((id) => lists[side].get(id)) }));
}

function compareStreams(recording, today, got, score, scores, note) {
  const [left, right] = [stepsOf(today), stepsOf(got)];
  const same = left.steps.join() === right.steps.join();
  scores.push(['event sequence', [same ? 1 : 0, 1]]);
  if (!same) note('event sequence')(firstDifference(left.steps, right.steps));
  for (const [step, data] of left.firsts) {
    if (right.firsts.has(step)) compareBodies(recording, data, right.firsts.get(step), (kind, compare, a, b) =>
      score(kind, (x, y, tell) => compare(x, y, (text) => tell(`${step.replace(/#\d+$/, '')} ${text}`)), a, b));
  }
}

/** Where two sequences part, with one step of context. */
function firstDifference(left, right) {
  const at = left.findIndex((step, index) => step !== right[index]);
  const from = at < 0 ? left.length : at;
  return `after ${left[from - 1] ?? 'the start'}: ${left[from] ?? 'the end'} ≠ ${right[from] ?? 'the end'}`;
}

/** The recorded answer as it would be sent today. */
function todays(recording, { snapshot }) {
  const { endpoint, request, response } = recording;
  const model = (recorded) => snapshot(request.body?.model, recorded);
  const renamed = (body) => {
    if (!isObject(body)) return body;
    // Recorders hide the cache key; it is the request's.
    const key = /REDACTED/.test(body.prompt_cache_key) ? { prompt_cache_key: request.body.prompt_cache_key ?? null } : {};
    return body.model ? { ...body, ...key, model: model(body.model) } : body;
  };
  if (isAzure(recording)) return azures(recording, snapshot);
  if (endpoint === 'POST /v1/chat/completions') {
    if (!response.sse) return todaysChat(renamed(response.body));
    const obfuscated = request.body.stream_options?.include_obfuscation !== false;
    return response.sse.map(({ event, data }) => ({ event, data: data.model ? todaysChunk(data, { obfuscated, model: model(data.model) }) : data }));
  }
  if (endpoint === 'POST /v1/responses') {
    if (!response.sse) return todaysResponse(renamed(response.body), false);
    return response.sse.map(({ event, data }) => ({ event, data: todaysEvent(data.response ? { ...data, response: renamed(data.response) } : data) }));
  }
  return response.sse ? response.sse.map(({ event, data }) => ({ event, data: renamed(data) })) : renamed(response.body);
}

/** The name of Azure's deployment, which decides what model answers. */
const deploymentOf = ({ request }) => decodeURIComponent(request.path.split('/')[3]);

/** Ratings with their keys in one order: it is another in each region. */
function rated(value) {
  if (Array.isArray(value)) return value.map(rated);
  if (!isObject(value)) return value;
  const { filtered, detected } = value;
  return detected === undefined ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, rated(inner)])) : { detected, filtered };
}

/**
 * Azure's answers as they would be sent today: with the model that the deployment's name says, if it says one;
 * annotations came in 2025, and the last chunk is rated by chance.
 */
function azures(recording, snapshot) {
  const deployment = deploymentOf(recording);
  const choice = ({ message, delta, ...rest }) => {
    if (message) return { ...rest, message: { annotations: [], ...message } };
    return rest.finish_reason ? { ...rest, delta, content_filter_results: {} } : { ...rest, delta };
  };
  const today = (body) => {
    if (!body?.model) return rated(body);
    const choices = body.choices.map(choice).map((one) => Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))));
    return rated({ ...body, choices, model: snapshot(deployment, deployment) });
  };
  const { sse, body } = recording.response;
  return sse ? sse.map(({ event, data }) => ({ event, data: today(data) })) : today(body);
}

/** The object that carries a stream's usage, if one does. */
const finalOf = (sse) => lastResponse(sse) ?? sse.map(({ data }) => data).find((data) => data.usage);

async function send(recording, url) {
  const { request, response } = recording;
  const refused = isRefused(recording);
  // The same session name every time: what the emulator draws, it draws from it.
  const key = `sk-${response.status === 401 ? 'invalid' : 'replay'}-${recording.id}`;
  const reply = refused ? scripted(recording) : replyOf(recording);
  const body = request.body && { ...repaired(request.body), ...(isAzure(recording) ? { model: deploymentOf(recording) } : {}) };
  if (response.status !== 401) {
    // A cut answer need not satisfy the schema that the whole one did.
    // Where a deployment is missing there are others.
    const more = response.body?.error?.code === 'DeploymentNotFound' ? { models: ['gpt-4o'] } : {};
    await load(url, key, [...primer(body), ...(reply ? [truncated(recording, 'res') ? { ...reply, check: false } : reply] : [])], more);
  }
  if (refused) return sendRefused(recording, url, key);
  const post = (json) =>
    fetch(url + request.path, {
      method: request.method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'accept-encoding': 'identity' },
      body: json === undefined ? undefined : JSON.stringify(json),
    });
  if (body?.previous_response_id) await (await post({ model: body.model, input: 'before' })).text();
  const answer = await post(request.method === 'GET' ? undefined : body);
  const text = await answer.text();
  const streamed = answer.headers.get('content-type')?.startsWith('text/event-stream');
  return {
    status: answer.status,
    headers: answer.headers,
    ...(streamed ? { sse: parseSse(text) } : { body: parsed(text) }),
  };
}

/** What was refused, with all that it is about. */
async function sendRefused(recording, url, key) {
  const headers = { authorization: `Bearer ${key}`, 'accept-encoding': 'identity' };
  const json = { ...headers, 'content-type': 'application/json' };
  const ask = async (path, body) => (await fetch(url + path, { method: 'POST', headers: json, body: JSON.stringify(body) })).json();
  const { path, body } = await prepared(recording, ask);
  const answer = await fetch(url + path, { method: recording.request.method, headers: typeof body === 'string' ? json : headers, body });
  return { status: answer.status, headers: answer.headers, body: parsed(await answer.text()) };
}

/** The response a request continues, with the calls whose outputs it brings. */
function primer(body) {
  if (!body?.previous_response_id) return [];
  const outputs = (Array.isArray(body.input) ? body.input : []).filter((item) => /_call_output$/.test(item.type));
  const calls = outputs.map((item) => ({ id: item.call_id, name: 'before', ...(item.type === 'custom_tool_call_output' ? { input: '' } : { arguments: '{}' }) }));
  return [{ id: body.previous_response_id, text: 'before', ...(calls.length ? { tool_calls: calls } : {}), check: false }];
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { _text: text };
  }
}

/** Ids and keys in messages differ from call to call. */
const normalised = (message) =>
  message
    ?.replace(/provided: \S+?\. You/, 'provided: {key}. You')
    .replace(/\b(req|call|rs|fc|msg|resp)_[A-Za-z0-9]+/g, '$1_{id}')
    .replace(/\b(org|proj)[-_][A-Za-z0-9]+/g, '$1_{id}');

/** Errors: type, code, param and message are all the same. */
function sameError(recorded, got, note) {
  const fields = ['type', 'code', 'param', 'message'];
  const [left, right] = [recorded, got].map((body) => ({ ...body?.error, message: normalised(body?.error?.message) }));
  const wrong = fields.filter((field) => left[field] !== right[field]);
  for (const field of wrong) note(`${field}: ${left[field]} ≠ ${right[field]}`);
  return [wrong.length ? 0 : 1, 1];
}

