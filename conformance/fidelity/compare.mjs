// Two JSON values, the recorded one and the emulator's, by class: structure, key order, values, ids.
import { isObject, isTruncated } from './corpus.mjs';

/** Differs from call to call, or is judged elsewhere (usage, obfuscation, ids). */
const VOLATILE = new Set([
  'id', 'item_id', 'created', 'created_at', 'completed_at', 'system_fingerprint', 'obfuscation', 'encrypted_content',
  'sequence_number', 'delta', 'bytes', 'logprob', 'safety_identifier', 'prompt_cache_key', 'previous_response_id', 'embedding',
  'expires_at', 'tool_usage',
]);
/** Numbers judged by the usage class. */
const COUNTS = new Set(['usage']);
/** `output_schema` is on part of the traffic only (real-traffic §2.1). */
const SOMETIMES = new Set(['output_schema']);
/** What the caller wrote comes back as it was; its keys are no part of the API. */
const CALLERS = new Set(['metadata', 'schema', 'parameters']);

/** Names an element of a list by what it is, so that lists of different lengths compare. */
const label = (element) => (isObject(element) ? (element.type ?? element.object ?? '') : '');

const typeOf = (value) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);

/** Every path of a value with its type, e.g. `output[message].content[output_text].text:string`. */
export function shape(value, path = '', paths = new Set()) {
  paths.add(`${path}:${typeOf(value)}`);
  if (Array.isArray(value)) {
    for (const element of value) if (!isTruncated(element)) shape(element, `${path}[${label(element)}]`, paths);
  } else if (isObject(value)) {
    for (const [key, child] of Object.entries(value)) {
      if (SOMETIMES.has(key)) continue;
      if (CALLERS.has(key)) paths.add(`${path}.${key}:${typeOf(child)}`);
      else shape(child, `${path}.${key}`, paths);
    }
  }
  return paths;
}

/** Structure: paths in both of the paths in either. */
export function structure(recorded, got, note) {
  const [left, right] = [shape(recorded), shape(got)];
  const missing = [...left].filter((path) => !right.has(path));
  const extra = [...right].filter((path) => !left.has(path));
  for (const path of missing) note(`missing ${path}`);
  for (const path of extra) note(`extra ${path}`);
  return [left.size - missing.length, left.size + extra.length];
}

/** Key order: objects whose common keys come in the same order, of all objects. */
export function keyOrder(recorded, got, note, path = '') {
  if (Array.isArray(recorded) && Array.isArray(got)) {
    return sum(recorded.map((element, index) => (index < got.length ? keyOrder(element, got[index], note, `${path}[${label(element)}]`) : [0, 0])));
  }
  if (!isObject(recorded) || !isObject(got)) return [0, 0];
  const common = Object.keys(recorded).filter((key) => key in got);
  const theirs = Object.keys(got).filter((key) => key in recorded);
  const same = common.join() === theirs.join();
  if (!same) note(`${path || '(top)'}: ${common.join(' ')} ≠ ${theirs.join(' ')}`);
  const children = common.filter((key) => !CALLERS.has(key)).map((key) => keyOrder(recorded[key], got[key], note, `${path}.${key}`));
  return sum([[same ? 1 : 0, 1], ...children]);
}

/** Values: scalars that are the same, of the scalars both have. */
export function values(recorded, got, note, path = '', key = '') {
  if (VOLATILE.has(key) || COUNTS.has(key) || recorded === undefined || got === undefined) return [0, 0];
  if (isTruncated(recorded) || (typeof recorded === 'string' && /REDACTED|[sS]crubbed/.test(recorded))) return [0, 0];
  if (Array.isArray(recorded) && Array.isArray(got)) {
    return sum(recorded.map((element, index) => values(element, got[index], note, `${path}[${label(element)}]`)));
  }
  if (isObject(recorded) && isObject(got)) {
    return sum(Object.keys(recorded).map((name) => values(recorded[name], got[name], note, `${path}.${name}`, name)));
  }
  const same = recorded === got;
  if (!same) note(`${path}: ${brief(recorded)} ≠ ${brief(got)}`);
  return [same ? 1 : 0, 1];
}

/** Ids as they are minted today, by prefix (real-traffic §2.2). */
const FORMS = [
  [/^(chatcmpl|cmpl)-/, /^(chatcmpl|cmpl)-[A-Za-z0-9]{29}$/],
  [/^call_/, /^call_[A-Za-z0-9]{24}$/],
  [/^(resp|msg|rs|fc|ws|fs|ig|mcp|mcpl|cmp|tsc|tso|ci|ctc)_/, /^[a-z]+_0[0-9a-f]{15}00[0-9a-f]{32}$/],
  [/^fp_/, /^fp_[0-9a-f]{10}$/],
];

/** Ids: those that look like today's with the recorded prefix, of all recorded ids. */
export function ids(recorded, got, note, path = '', key = '') {
  if (Array.isArray(recorded) && Array.isArray(got)) {
    return sum(recorded.map((element, index) => ids(element, got[index], note, `${path}[${label(element)}]`)));
  }
  if (isObject(recorded) && isObject(got)) {
    return sum(Object.keys(recorded).map((name) => ids(recorded[name], got[name], note, `${path}.${name}`, name)));
  }
  if (!['id', 'item_id', 'system_fingerprint'].includes(key) || typeof recorded !== 'string') return [0, 0];
  const [prefix, form] = FORMS.find(([start]) => start.test(recorded)) ?? [];
  if (!form || got === recorded) return [0, 0];
  const same = typeof got === 'string' && form.test(got) && prefix.exec(got)?.[0] === prefix.exec(recorded)[0];
  if (!same) note(`${path}: ${brief(recorded)} ≠ ${brief(got)}`);
  return [same ? 1 : 0, 1];
}

/** Adds pairs of [same, all]. */
export const sum = (pairs) => pairs.reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);

const brief = (value) => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};
