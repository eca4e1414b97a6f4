// What the API sends today. Recordings span years; each is brought to today's form before it is compared, so that the
// newest recording decides what is right. Every row says since when, as the recordings show it.
import { isObject } from './corpus.mjs';

/** Keys of the Response object in today's order. */
export const RESPONSE_KEYS = [
  'id', 'object', 'created_at', 'status', 'background', 'billing', 'completed_at', 'error', 'frequency_penalty',
  'incomplete_details', 'instructions', 'max_output_tokens', 'max_tool_calls', 'model', 'moderation', 'output',
  'parallel_tool_calls', 'presence_penalty', 'previous_response_id', 'prompt', 'prompt_cache_key', 'prompt_cache_retention',
  'reasoning', 'safety_identifier', 'service_tier', 'store', 'temperature', 'text', 'tool_choice', 'tool_usage', 'tools',
  'top_logprobs', 'top_p', 'truncation', 'usage', 'user', 'metadata',
];

/** Keys of an output item in today's order, by type: before 2025-08 items came in another order. */
const ITEM_KEYS = {
  message: ['id', 'type', 'status', 'content', 'phase', 'role'],
  function_call: ['id', 'type', 'status', 'arguments', 'call_id', 'name', 'namespace'],
  reasoning: ['id', 'type', 'content', 'encrypted_content', 'summary'],
  image_generation_call: ['id', 'type', 'status', 'action'],
};

const noImages = () => ({ image_tokens: 0, text_tokens: 0 });
const toolUsage = () => ({
  image_gen: { input_tokens: 0, input_tokens_details: noImages(), output_tokens: 0, output_tokens_details: noImages(), total_tokens: 0 },
  web_search: { num_requests: 0 },
});

const gpt5 = (model) => Number(/^gpt-(5(?:\.\d+)?)/.exec(model)?.[1] ?? 0);

/** How long prompts are cached, by model (recordings of 2026-07 and 2026-08). */
const retention = (model) => ([5.2, 5.4, 5.5, 5.6].includes(gpt5(model)) ? '24h' : 'in_memory');

/** `summary` was `generate_summary` until 2025-04. Since 2026-07 `reasoning` begins with `context`, of models that reason also `mode`; those that do not have no effort. */
function reasoning(model, { effort = null, summary = null, generate_summary: _, ...rest }) {
  const reasons = effort === null ? { context: null } : { context: gpt5(model) >= 5.6 ? 'all_turns' : 'current_turn', mode: 'standard' };
  return ordered({ ...reasons, effort, summary, ...rest }, ['context', 'effort', 'mode', 'summary']);
}

/** Keys that came after the recording, with the value they have when nothing was asked. */
function responseDefaults(response, streamed) {
  return {
    background: false, // 2025-06
    ...(streamed ? {} : { billing: { payer: 'developer' } }), // 2025-09; never in events
    completed_at: response.status === 'completed' ? 0 : null, // 2026-01
    frequency_penalty: 0, // 2026-01
    presence_penalty: 0, // 2026-01
    max_tool_calls: null, // 2025-07
    moderation: null, // 2026-04
    prompt_cache_key: null, // 2025-07
    prompt_cache_retention: retention(response.model), // 2025-11
    safety_identifier: null, // 2025-07
    service_tier: response.usage ? 'default' : 'auto', // 2025-04
    tool_usage: toolUsage(), // 2026-06
    top_logprobs: 0, // 2025-07
  };
}

const ordered = (object, keys) =>
  Object.fromEntries([...keys, ...Object.keys(object).filter((key) => !keys.includes(key))].filter((key) => key in object).map((key) => [key, object[key]]));

function item(value, model) {
  const upgraded = { ...value };
  if (value.type === 'reasoning') {
    // 2026-06: 23 of 23 since, asked for or not
    upgraded.content ??= [];
    upgraded.encrypted_content ??= '';
  }
  if (value.type === 'image_generation_call') upgraded.action ??= 'generate'; // 2026-03
  if (value.type === 'message') {
    // `logprobs` since 2025-06; `phase` on GPT-5.4 and later since 2026-03.
    upgraded.content = value.content?.map((part) => (part.type === 'output_text' ? ordered({ logprobs: [], ...part }, ['type', 'annotations', 'logprobs', 'text']) : part));
    if (gpt5(model) >= 5.4) upgraded.phase ??= 'final_answer';
  }
  return ITEM_KEYS[value.type] ? ordered(upgraded, ITEM_KEYS[value.type]) : upgraded;
}

/** `type` first, the rest in the order of the alphabet. */
const sorted = (object) => ordered(object, ['type', ...Object.keys(object).filter((key) => key !== 'type').sort()]);

/** Tools as they come back. */
function tool(value) {
  if (value.type === 'web_search') {
    const { filters, ...rest } = value; // 2026-07: no `filters` unless given
    return sorted({ return_token_budget: 'default', search_content_types: ['text'], ...rest, ...(filters ? { filters } : {}) });
  }
  if (value.type === 'image_generation') return sorted({ model: 'gpt-image-1', ...value }); // 2026-03
  return value;
}

/** A Response object of any year as it would be sent today. */
export function todaysResponse(response, streamed) {
  const today = { ...responseDefaults(response, streamed), ...response };
  today.prompt_cache_retention = retention(response.model);
  today.reasoning = reasoning(response.model, response.reasoning ?? {});
  today.text = { ...response.text, verbosity: response.text?.verbosity ?? 'medium' }; // 2025-08
  today.tools = response.tools?.map(tool);
  today.output = response.output?.map((value) => item(value, response.model));
  if (response.usage) {
    const { input_tokens_details: details, ...rest } = response.usage;
    today.usage = ordered({ ...rest, input_tokens_details: { cache_write_tokens: 0, ...details } }, ['input_tokens', 'input_tokens_details']); // 2026-07
  }
  return ordered(today, RESPONSE_KEYS);
}

/** An event of a Responses stream: since 2026-01 `type` stands first and the rest is alphabetical. */
export function todaysEvent(event) {
  const { type } = event;
  const today = { ...event };
  if (isObject(today.response)) today.response = todaysResponse(today.response, true);
  if (isObject(today.item)) today.item = item(today.item);
  if (isObject(today.part) && today.part.type === 'output_text') today.part = ordered({ logprobs: [], ...today.part }, ['type', 'annotations', 'logprobs', 'text']);
  const padded = /\.delta$/.test(type) && !/refusal|annotation/.test(type); // 2025-08
  if (padded) today.obfuscation ??= '';
  if (/^response\.output_text\.(delta|done)$/.test(type)) today.logprobs ??= []; // 2025-06
  return sorted(today);
}

const chatUsage = (usage) => usage && ({
  ...usage,
  prompt_tokens_details: usage.prompt_tokens_details ?? { cached_tokens: 0, audio_tokens: 0 }, // 2024-10
  completion_tokens_details: {
    reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0,
    ...usage.completion_tokens_details,
  }, // 2024-11
});

/** A chat completion of any year. */
export function todaysChat(body) {
  const { usage, choices, ...rest } = body;
  return ordered(
    {
      service_tier: 'default', // 2024-11
      system_fingerprint: null, // 2023-11
      ...rest,
      usage: chatUsage(usage),
      choices: choices.map((choice) => ({
        ...choice,
        message: ordered({ refusal: null, annotations: [], ...choice.message }, ['role', 'content', 'tool_calls', 'function_call', 'refusal', 'annotations']), // 2024-08, 2025-03
      })),
    },
    ['id', 'object', 'created', 'model', 'choices', 'usage', 'service_tier', 'system_fingerprint'],
  );
}

/** A chat chunk of any year. */
export function todaysChunk(chunk, { obfuscated, model }) {
  if (chunk === '[DONE]' || chunk.error) return chunk;
  const choices = chunk.choices.map((choice) => {
    const { delta } = choice;
    const opening = delta.role && !('refusal' in delta) && (typeof delta.content === 'string' || delta.tool_calls);
    return opening ? { ...choice, delta: { ...delta, refusal: null } } : choice; // 2024-08
  });
  const today = { service_tier: 'default', ...chunk, model, choices };
  if (today.usage) today.usage = chatUsage(today.usage);
  if (obfuscated) today.obfuscation ??= ''; // 2025-08
  return ordered(today, ['id', 'object', 'created', 'model', 'service_tier', 'system_fingerprint', 'choices', 'usage', 'obfuscation']);
}

/** The dated model that the newest recording answered with, per model asked. */
export function snapshots(recordings) {
  const newest = new Map();
  for (const { request, response, recorded_date: date = '' } of recordings) {
    const asked = request.body?.model;
    const answered = response.body?.model ?? response.sse?.map(({ data }) => data.response?.model ?? data.model).find(Boolean);
    if (!asked || !answered) continue;
    if (!newest.has(asked) || newest.get(asked).date <= date) newest.set(asked, { date, answered });
  }
  return (asked, recorded) => newest.get(asked)?.answered ?? recorded;
}
