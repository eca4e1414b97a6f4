// Token counts: which of them can be reproduced at all, and whether they were.
import { dateOf, isObject, truncated } from './corpus.mjs';
import { gatherChunks } from './reply.mjs';
import { bearing } from './rules.mjs';

const numbers = (body) => {
  const usage = body?.usage;
  return usage && {
    prompt: usage.prompt_tokens ?? usage.input_tokens,
    completion: usage.completion_tokens ?? usage.output_tokens,
    reasoning: usage.completion_tokens_details?.reasoning_tokens ?? usage.output_tokens_details?.reasoning_tokens ?? 0,
  };
};

/** A part of a message that is no text: its tokens cannot be derived (real-traffic §4). */
function hasMedia(value) {
  if (Array.isArray(value)) return value.some(hasMedia);
  if (!isObject(value)) return false;
  if (/image|audio|file|item_reference|compaction|reasoning|_call$|_call_output|tool_search/.test(value.type ?? '') && !/^function_call/.test(value.type)) return true;
  return ['messages', 'input', 'content'].some((key) => hasMedia(value[key]));
}

/** Models whose prompts hold text nobody sees (real-traffic §4). */
const HIDDEN = /search|o1-mini|o1-preview|audio|deep-research|gpt-5\.6/;

/** The recorder wrote over a part of the prompt, so that it is not the one that was counted. */
const REWRITTEN = /Working directory: \.\\n/;

/** Which class the prompt count belongs to; undefined = not derivable. */
export function promptClass(recording) {
  const { body } = recording.request;
  // In its first weeks the Responses API counted nothing, or 216 tokens too many.
  if (recording.endpoint === 'POST /v1/responses' && dateOf(recording) < '2025-04') return undefined;
  if (REWRITTEN.test(JSON.stringify(body))) return undefined;
  if (recording.endpoint !== 'POST /v1/completions' && HIDDEN.test(body.model)) return undefined;
  if (truncated(recording, 'req') || body.previous_response_id || body.conversation || hasMedia(body)) return undefined;
  if (/json_schema/.test(JSON.stringify(body.response_format ?? body.text ?? ''))) return undefined;
  const tools = [...(body.tools ?? []), ...(body.functions ?? [])];
  if (tools.some((tool) => tool.type && tool.type !== 'function')) return undefined;
  return tools.length ? 'prompt tokens, tools' : 'prompt tokens, text';
}

/**
 * What a model wrote as far as all of it is shown. What hosted tools took is nowhere to be seen, nor what of a thought
 * is less than the 64 tokens that `reasoning_tokens` counts by.
 */
const SHOWN = /^(message|function_call)$/;

/** Whether the tokens of an answer can be derived from it. */
function isCountedAnswer(recording, body) {
  const { endpoint } = recording;
  if (truncated(recording, 'res') || HIDDEN.test(recording.request.body.model)) return false;
  // From 22 March to 12 May 2025 every answer of chat had one token more (real-traffic §4).
  const date = dateOf(recording);
  if (endpoint === 'POST /v1/chat/completions' && date >= '2025-03-20' && date < '2025-05-19') return false;
  return (body.output ?? []).every((item) => SHOWN.test(item.type));
}

/** Pairs [class, [same, all]] of one exchange. */
export function compareUsage(recording, recordedBody, gotBody, note) {
  const answer = recordedBody?.output || recordedBody?.choices?.[0]?.message ? recordedBody : gatherChunks(recording.response.sse ?? []);
  const [recorded, got] = [numbers(recordedBody), numbers(gotBody)];
  if (!recorded?.prompt || !got) return [];
  const results = [];
  const kind = promptClass(recording);
  if (kind) {
    if (recorded.prompt !== got.prompt) note(kind, `${recording.request.body.model}: recorded ${recorded.prompt}, got ${got.prompt}`);
    const pair = [recorded.prompt === got.prompt ? 1 : 0, 1];
    results.push([kind, pair], ...bearing.prompt(recording).map((rule) => [`prompt rule · ${rule}`, pair]));
  }
  if (recorded.completion !== undefined && !recorded.reasoning && isCountedAnswer(recording, answer)) {
    const same = recorded.completion === got.completion;
    if (!same) note('completion tokens', `${recording.request.body.model}: recorded ${recorded.completion}, got ${got.completion}`);
    const pair = [same ? 1 : 0, 1];
    results.push(['completion tokens', pair], ...bearing.answer(recording, answer).map((rule) => [`answer rule · ${rule}`, pair]));
  }
  return results;
}
