// From a recorded answer to the step of a script that makes the emulator give it again.
import { isTruncated } from './corpus.mjs';

const compact = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
/** Derived by the emulator; scripting these would test nothing. */
const DERIVED = ['stop', 'tool_calls', 'function_call'];

/** The script step, or undefined for answers nobody scripts (embeddings, models, errors the emulator must find itself). */
export function replyOf(recording) {
  const { endpoint, response, request } = recording;
  if (response.status >= 400) return errorReply(recording);
  if (endpoint.endsWith('/chat/completions')) {
    return response.sse ? compact({ ...chatReply(gatherChunks(response.sse)), fault: faultOf(response.sse) }) : chatReply(response.body);
  }
  if (endpoint === 'POST /v1/completions') {
    return choicesReply((response.sse ? gatherTexts(response.sse) : response.body).choices, textChoice, request.body.echo);
  }
  if (endpoint === 'POST /v1/responses') return responseReply(response.sse ? lastResponse(response.sse) : response.body);
  return undefined;
}

/** Servers fail and limits are hit by chance: these are scripted. What the request itself causes, the emulator must find. */
function errorReply({ response }) {
  return response.status === 429 || response.status >= 500 ? { error: { status: response.status } } : undefined;
}

/** An error in the middle of a stream. */
function faultOf(sse) {
  const error = sse.map(({ data }) => data.error).find(Boolean);
  return error && { at: sse.filter(({ data }) => data.choices?.some(({ delta }) => delta.content)).length, kind: 'error', error };
}

function choicesReply(choices, each) {
  const replies = choices.map(each);
  return replies.length === 1 ? replies[0] : { choices: replies };
}

const textChoice = (choice) => compact({
  text: choice.text,
  finish_reason: DERIVED.includes(choice.finish_reason) ? undefined : choice.finish_reason ?? undefined,
});

const chatReply = (body) => choicesReply(body.choices, ({ message, finish_reason: finish, logprobs }) =>
  compact({
    text: message.content ?? undefined,
    refusal: message.refusal ?? undefined,
    audio: message.audio ? { data: isTruncated(message.audio.data) ? 'AAAA' : message.audio.data, transcript: message.audio.transcript } : undefined,
    tool_calls: message.tool_calls?.map(chatCall) ?? (message.function_call ? [message.function_call] : undefined),
    annotations: message.annotations?.length ? message.annotations.map(({ type, url_citation: url }) => ({ type, ...url })) : undefined,
    logprobs: logprobs?.content?.map(tokenLogprob),
    finish_reason: DERIVED.includes(finish) ? undefined : finish ?? undefined,
  }));

const chatCall = (call) =>
  call.type === 'custom'
    ? { id: call.id, name: call.custom.name, input: call.custom.input }
    : { id: call.id, name: call.function.name, arguments: call.function.arguments };

const tokenLogprob = ({ token, logprob, top_logprobs: top }) =>
  compact({ token, logprob, top_logprobs: top?.map(tokenLogprob) });

function responseReply(response) {
  const parts = (response.output ?? []).map(itemReply);
  const logprobs = response.output?.find((item) => item.type === 'message')?.content[0]?.logprobs;
  const reason = response.incomplete_details?.reason;
  return compact({
    output: parts,
    logprobs: logprobs?.length ? logprobs.map(tokenLogprob) : undefined,
    finish_reason: reason === 'max_output_tokens' ? 'length' : reason,
  });
}

function itemReply(item) {
  const { type } = item;
  if (type === 'message' && item.content.length === 1) {
    const [part] = item.content;
    const said = part.type === 'refusal' ? { refusal: part.refusal } : { text: part.text, annotations: part.annotations?.length ? part.annotations : undefined };
    return compact({ ...said, phase: item.phase ?? undefined });
  }
  if (type === 'reasoning' && !item.content?.length) return { reasoning: item.summary.map((part) => part.text) };
  if (type === 'function_call') {
    return { tool_calls: [{ id: item.call_id, name: item.name, arguments: item.arguments }] };
  }
  if (type === 'custom_tool_call') return { tool_calls: [{ id: item.call_id, name: item.name, input: item.input }] };
  const { id: _, ...rest } = item;
  return rest;
}

/** The response object of a stream's last lifecycle event. */
export function lastResponse(sse) {
  return sse.map(({ data }) => data.response).filter(Boolean).at(-1);
}

/** A stream of chat chunks put together into the answer it stands for. */
export function gatherChunks(sse) {
  const choices = [];
  for (const { data } of sse) {
    // Text completions have no delta; only how they end counts here.
    for (const { index, delta = {}, finish_reason: finish, logprobs } of data.choices ?? []) {
      const choice = (choices[index] ??= { index, message: { content: null }, finish_reason: null, logprobs: null });
      const { message } = choice;
      if (typeof delta.content === 'string') message.content = (message.content ?? '') + delta.content;
      if (typeof delta.refusal === 'string') message.refusal = (message.refusal ?? '') + delta.refusal;
      for (const call of delta.tool_calls ?? []) {
        message.tool_calls ??= [];
        const kept = (message.tool_calls[call.index] ??= { id: call.id, type: call.type, function: { name: '', arguments: '' } });
        kept.function.name += call.function?.name ?? '';
        kept.function.arguments += call.function?.arguments ?? '';
      }
      if (delta.function_call) {
        message.function_call ??= { name: '', arguments: '' };
        message.function_call.name += delta.function_call.name ?? '';
        message.function_call.arguments += delta.function_call.arguments ?? '';
      }
      if (logprobs?.content) (choice.logprobs ??= { content: [] }).content.push(...logprobs.content);
      if (finish) choice.finish_reason = finish;
    }
  }
  // A first delta has content "" whatever follows; an answer that only calls tools has none.
  for (const { message } of choices) if (!message.content && (message.tool_calls || message.refusal)) message.content = null;
  return { choices };
}

/** A stream of completions chunks put together. */
function gatherTexts(sse) {
  const choices = [];
  for (const { data } of sse) {
    for (const { index, text, finish_reason: finish } of data.choices ?? []) {
      const choice = (choices[index] ??= { index, text: '', finish_reason: null });
      choice.text += text;
      if (finish) choice.finish_reason = finish;
    }
  }
  return { choices };
}
