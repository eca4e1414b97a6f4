// Headers: names, forms, and which answers have them today.
import { isAzure } from './corpus.mjs';

const DURATION = /^(\d+h)?(\d+m)?(\d+(\.\d+)?m?s)?$/;
/** The form of each header's value; what is not here is compared with the recorded value. */
const FORMS = {
  date: /GMT$/,
  'x-request-id': /^req_[0-9a-f]{32}$/,
  'openai-processing-ms': /^\d+$/,
  'openai-organization': /./,
  'openai-project': /^proj_[A-Za-z0-9]{24}$/,
  'openai-model': /./,
  'cf-ray': /^[0-9a-f]{16}-[A-Z]{3}$/,
  'access-control-expose-headers': /^X-Request-ID, CF-Ray, CF-Ray$/, // 2026-07
  'content-length': /^\d+$/,
  via: /^envoy-router-/,
  'x-ratelimit-limit-requests': /^\d+$/,
  'x-ratelimit-limit-tokens': /^\d+$/,
  'x-ratelimit-limit-input-images': /^\d+$/,
  'x-ratelimit-remaining-requests': /^\d+$/,
  'x-ratelimit-remaining-tokens': /^\d+$/,
  'x-ratelimit-remaining-input-images': /^\d+$/,
  'x-ratelimit-reset-requests': DURATION,
  'x-ratelimit-reset-tokens': DURATION,
  'x-ratelimit-reset-input-images': DURATION,
};
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** The same of Azure's. */
const AZURE = {
  date: /GMT$/,
  'apim-request-id': UUID,
  'x-request-id': UUID,
  'azureml-model-session': /^d\d{14}-/,
  'x-ms-region': /^[A-Z][a-z]+ [A-Z]/,
  ...Object.fromEntries(['limit', 'remaining', 'reset', 'renewalperiod'].flatMap((what) => ['requests', 'tokens'].map((of) => [`x-ratelimit-${what}-${of}`, /^\d+$/]))),
};
/** Today's value of headers whose value changed. */
const TODAY = {
  'strict-transport-security': () => 'max-age=31536000; includeSubDomains; preload', // 2024-06
  'content-type': (recorded, { endpoint }) => (endpoint === 'POST /v1/chat/completions' && recorded === 'text/event-stream' ? `${recorded}; charset=utf-8` : recorded), // 2024-05
};

/** Of the connection or the recorder, or no longer sent. */
const IGNORED = new Set([
  'connection', 'transfer-encoding', 'content-encoding', 'content-length', 'keep-alive', 'set-cookie', 'vary',
  'x-envoy-upstream-service-time', // until 2026-02
  'x-envoy-decorator-operation', // 2025 only
  'via', 'openai-model', 'access-control-allow-origin', // embeddings: until 2026-04 (3 of 3 later recordings have none)
  'cache-control',
]);
/** Sent by every model server; still in every recording of legacy completions. */
const COMPLETIONS = new Set(['via', 'openai-model', 'access-control-allow-origin', 'cache-control']);

/** Names an account or a request; many recorders remove them, so their absence proves nothing. */
const PERSONAL = new Set(['x-request-id', 'openai-organization', 'openai-project']);
/** Headers that would betray the emulator if no recording of the same kind of answer has them. */
const telling = (name, { response }) => /^(openai|x)-/.test(name) && !(PERSONAL.has(name) && response.status < 400);

/**
 * Headers that are there in the right form, of those recorded; an `openai-` or `x-` header that no recording of this
 * kind has counts as wrong.
 * @param {Set<string>} known names that recordings of 2025-02 and later of the same kind have
 */
export function compareHeaders(recording, got, known, note) {
  const completions = recording.endpoint === 'POST /v1/completions';
  const ignored = (name) => IGNORED.has(name) && !(completions && COMPLETIONS.has(name));
  let [same, all] = [0, 0];
  for (const [name, recorded] of Object.entries(recording.response.headers)) {
    if (ignored(name)) continue;
    all += 1;
    const value = got.get(name);
    const form = (isAzure(recording) ? AZURE : FORMS)[name];
    const right = value !== null && (form ? form.test(value) : value === (TODAY[name]?.(recorded, recording) ?? recorded));
    if (right) same += 1;
    else note(`${name}: ${recorded} ≠ ${value ?? 'nothing'}`);
  }
  for (const [name] of got) {
    if (!telling(name, recording) || ignored(name) || known.has(name)) continue;
    all += 1;
    note(`extra ${name}`);
  }
  return [same, all];
}

/** What kind of answer a recording is, for headers: endpoint, stream or status. */
export const kindOf = ({ endpoint, response }) => `${endpoint} ${response.sse ? 'stream' : response.status}`;

/** Header names per kind of answer. */
export function knownHeaders(recordings) {
  const known = new Map();
  for (const recording of recordings) {
    const kind = kindOf(recording);
    if (!known.has(kind)) known.set(kind, new Set());
    for (const name of Object.keys(recording.response.headers)) known.get(kind).add(name);
  }
  return (recording) => known.get(kindOf(recording)) ?? new Set(Object.keys(recording.response.headers));
}
