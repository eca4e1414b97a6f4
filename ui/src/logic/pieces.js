// What a piece of a stream says, in a line: people look for the words, not for the envelope around them.
import { parsed } from './parsed.js';

/**
 * @param {string} text  a server-sent event, or a part of a body
 * @returns {{ kind: string, text: string }} `kind`: what of the answer it brings; empty where that is not known
 */
export function pieceOf(text) {
  const event = /^event: *(.*)$/m.exec(text)?.[1];
  const data = /^data: ?(.*)$/m.exec(text)?.[1];
  if (data === undefined) return { kind: '', text: text.trim() };
  if (data === '[DONE]') return { kind: 'done', text: '' };
  const value = parsed(data);
  const choice = value?.choices?.[0];
  if (choice) return { ...ofChoice(choice), ...(choice.finish_reason ? { kind: 'finish', text: choice.finish_reason } : {}) };
  if (value?.choices && value.usage) return { kind: 'usage', text: `${value.usage.prompt_tokens} → ${value.usage.completion_tokens}` };
  if (value?.error) return { kind: 'error', text: String(value.error.message ?? '') };
  const said = [value?.delta, value?.text, value?.arguments].find((one) => typeof one === 'string');
  return { kind: event ?? value?.type ?? '', text: said ?? (event ?? value?.type ? '' : data) };
}

function ofChoice({ delta = {}, text }) {
  const call = delta.tool_calls?.[0]?.function;
  if (call) return { kind: 'tool call', text: `${call.name ?? ''}${call.arguments ?? ''}` };
  if (delta.refusal) return { kind: 'refusal', text: delta.refusal };
  const said = delta.content ?? text ?? '';
  return said === '' && delta.role ? { kind: 'role', text: delta.role } : { kind: 'text', text: said };
}
