// The recordings: which of them can be replayed, and the request as it can be sent again.
import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { isRefused } from './before.mjs';

/** What is replayed. Other endpoints have no scripted answer, or need objects the recording does not hold. */
export const ENDPOINTS = [
  'POST /v1/chat/completions',
  'POST /v1/completions',
  'POST /v1/responses',
  'POST /v1/embeddings',
  'GET /v1/models',
];

/** Recorded exchanges of {@link ENDPOINTS}, refusals of others, and those with Azure; null when the folder holds none. */
export async function readCorpus(folder) {
  const paths = ['exchanges.jsonl', 'azure.jsonl'].map((name) => join(folder, name)).filter(existsSync);
  if (!paths.length) return null;
  const recordings = [];
  for (const path of paths) {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      const recording = named(JSON.parse(line));
      const replayed = isAzure(recording) || ENDPOINTS.includes(recording.endpoint) || isRefused(recording);
      if (replayed && !unusable(recording)) recordings.push(recording);
    }
  }
  return recordings;
}

/** Whether a recording is of Azure's. */
export const isAzure = ({ provider }) => provider === 'azure';

/** Azure's recordings have no endpoint of their own. */
const named = (recording) =>
  isAzure(recording) ? { ...recording, endpoint: `${recording.request.method} azure/${recording.request.path.split('?')[0].split('/').slice(4).join('/')}` } : recording;

/** What only chance or a slip of the recorder can explain; no script can ask for it. */
const UNSCRIPTABLE = {
  '662784466186b38f': 'its request asks for usage, its stream was made by one that did not',
  '89408b3e30b242ea': 'the model wrote one call in the form of several (multi_tool_use); its pieces and its count show it',
  '898670d15ed33300': 'the same',
  '714e5c0ccb5a20a2': 'recordings are divided: dall-e-3 answers in others',
  '75eb4299b609daf5': 'of two faults it reports the other one than 2aee12fd8c1a4b6d does',
  f7e1cbbf82bca1a0: 'the host is Azure’s, the path is none of its',
};
/** Answered once, refused today with OpenAI's own 404 (real-traffic §3). */
const RETIRED = /^gpt-4-vision-preview|^gpt-4\.5-preview|^codex-mini/;

/** Why a recording cannot be replayed; undefined when it can. */
export function unusable({ id, endpoint, model, request, response, fidelity }) {
  if (UNSCRIPTABLE[id]) return UNSCRIPTABLE[id];
  if (Array.isArray(request.body?.input) && request.body.input.some((item) => item.type === 'item_reference')) return 'it refers to items stored before';
  if (RETIRED.test(model)) return 'the model is gone';
  if (fidelity.response_only) return 'the request was not recorded';
  if (isRefused({ endpoint, response })) return undefined;
  if (endpoint.startsWith('POST') && !isObject(request.body)) return 'the request body is no JSON object';
  if (endpoint.startsWith('POST') && request.body._text !== undefined) return 'the request body is no JSON object';
  if (request.body?.prompt && isObject(request.body.prompt)) return 'a prompt template that only its owner has';
  if (response.status >= 400 && /"file_id"/.test(JSON.stringify(request.body))) return 'what was refused is in a file that only its owner has';
  if (!response.sse && !isObject(response.body)) return 'the answer is no JSON object';
  return undefined;
}

const TRUNCATED = /…<truncated \d+ (chars|numbers)>/;

/** Whether a recorded value was cut by the corpus. */
export const isTruncated = (value) => typeof value === 'string' && TRUNCATED.test(value);

/** Whether the recording's request or response was cut: `req` or `res`. */
export const truncated = (recording, side) => (recording.truncated_paths ?? []).some((path) => path.startsWith(side));

/**
 * The recorded request body with cut values made well-formed again: base64 ends at a whole group of four, a cut list
 * of numbers just ends.
 */
export function repaired(value) {
  if (isTruncated(value)) {
    const kept = value.replace(/…<truncated .*$/s, '');
    const data = /^data:[^,]*;base64,/.exec(kept)?.[0] ?? '';
    const rest = kept.slice(data.length);
    if (!/^[A-Za-z0-9+/]+$/.test(rest)) return kept;
    return data + rest.slice(0, rest.length - (rest.length % 4));
  }
  if (Array.isArray(value)) return value.filter((item) => !(isTruncated(item) && item.includes('numbers'))).map(repaired);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, repaired(item)]));
  return value;
}

/** A JSON object, not a list. */
export const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The date a recording is judged by; what has none was recorded in 2026 (the corpus names models of that year). */
export const dateOf = (recording) => recording.recorded_date ?? '2026-06';
