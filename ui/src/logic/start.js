// What an answer's forms begin with: the smallest answer that is right, or the answer that is paused.
import { parsed } from './parsed.js';
import { smallest } from './schema.js';

/** OpenAI's own errors that applications meet. */
export const ERRORS = [
  { status: 429, type: 'rate_limit_exceeded', code: 'rate_limit_exceeded', message: 'Rate limit reached. Please try again later.' },
  { status: 429, type: 'insufficient_quota', code: 'insufficient_quota', message: 'You exceeded your current quota, please check your plan and billing details.' },
  { status: 400, type: 'invalid_request_error', code: 'context_length_exceeded', message: "This model's maximum context length is exceeded by your messages." },
  { status: 401, type: 'invalid_request_error', code: 'invalid_api_key', message: 'Incorrect API key provided.' },
  { status: 404, type: 'invalid_request_error', code: 'model_not_found', message: 'The model does not exist or you do not have access to it.' },
  { status: 500, type: 'server_error', code: null, message: 'The server had an error while processing your request.' },
  { status: 503, type: 'server_error', code: null, message: 'The server is overloaded or not ready yet.' },
];

/** A call of a tool, with the smallest arguments that are right. */
export const callOf = (tool) => ({ name: tool.name, arguments: smallest(tool.parameters ?? {}) ?? {} });

/** The schema that a request wants its answer to follow; null if it names none. */
export const schemaOf = (format) => (format && typeof format === 'object' ? format.schema ?? format.json_schema?.schema ?? null : null);

/**
 * @param {any} card  a waiting request
 * @returns all forms' values, and the `kind` that is open
 */
export function startOf(card) {
  const start = replyOf(card.paused ? card.paused.reply ?? card.paused.said : card.smallest);
  const tools = card.conversation?.tools ?? [];
  const schema = schemaOf(card.conversation?.format);
  const calls = start.tool_calls ?? tools.slice(0, 1).map(callOf);
  const text = start.text ?? '';
  return {
    tools, schema, kind: kindOf(start, schema, card.paused), text,
    calls: calls.map((call) => ({ ...call, arguments: parsed(call.arguments, call.arguments) ?? {} })),
    json: start.json ?? parsed(text) ?? (schema ? smallest(schema) : {}),
    refusal: start.refusal ?? '', error: typeof start.error === 'object' ? start.error : ERRORS[0],
    reply: JSON.stringify(start, null, 2), status: card.paused?.status ?? 200, verbatim: JSON.stringify(bodyOf(card, text), null, 2),
  };
}

const replyOf = (reply) => (typeof reply === 'string' ? { text: reply } : reply ?? {});

/** The keys that each form can show; a reply with others is shown as JSON. */
const SHOWN = { text: ['text'], tools: ['tool_calls'], json: ['json'], refusal: ['refusal'], error: ['error'] };

function kindOf(start, schema, paused) {
  const keys = Object.keys(start);
  const [kind] = Object.entries(SHOWN).find(([, [key]]) => keys.length === 1 && keys[0] === key && (key !== 'error' || typeof start.error === 'object')) ?? [];
  if (kind && (paused || kind !== 'text')) return kind;
  return paused ? 'reply' : schema ? 'json' : start.tool_calls ? 'tools' : 'text';
}

/** A verbatim body to begin with. */
const bodyOf = (card, content) => (card.operation.startsWith('chat')
  ? { id: 'chatcmpl-1', object: 'chat.completion', created: Math.floor(Date.now() / 1000), model: card.model, choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }
  : {});
