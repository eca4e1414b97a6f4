'use strict';
// The conversation that a request carries, in one form whatever the endpoint.

/** @typedef {{ role: string, text: string }} Message */

/**
 * The messages of a request's body. Stored responses and conversations it refers to are not in it.
 * @param {any} body
 * @returns {Message[]}
 */
function messagesOf(body) {
  if (Array.isArray(body?.messages)) return body.messages.map((/** @type {any} */ message) => ({ role: message.role, text: textOf(message.content) }));
  const instructions = typeof body?.instructions === 'string' ? [{ role: 'system', text: body.instructions }] : [];
  const input = body?.input ?? body?.prompt;
  if (input === undefined) return instructions;
  // Texts for embeddings or completions are a message each.
  const items = Array.isArray(input) ? input : [input];
  return [...instructions, ...items.flatMap(messageOf)];
}

/**
 * An item of the Responses API; reasoning, calls and references say nothing.
 * @param {any} item
 * @returns {Message[]}
 */
function messageOf(item) {
  if (typeof item === 'string') return [{ role: 'user', text: item }];
  if (typeof item?.role === 'string') return [{ role: item.role, text: textOf(item.content) }];
  if (typeof item?.type === 'string' && item.type.endsWith('_output')) return [{ role: 'tool', text: textOf(item.output) }];
  return [];
}

/**
 * The text of a content: it is one, or has parts.
 * @param {any} content
 * @returns {string}
 */
function textOf(content) {
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) return content.map((part) => (typeof part === 'string' ? part : (part?.text ?? part?.refusal ?? ''))).join('');
  return content === null || content === undefined ? '' : JSON.stringify(content);
}

module.exports = { messagesOf };
