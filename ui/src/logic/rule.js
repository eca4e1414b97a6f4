// From one request to the condition that knows the next equal one.

/** Text that is looked for at most; a longer one is known by its beginning. */
const LONGEST = 200;

/** Whether an operation's answer is text, which any Reply can say; of another, a rule has to name it. */
export const isText = (operation) => !operation || /^(chat\.completions|responses|completions)\.create$/.test(operation);

/** A text as a pattern that finds exactly it. */
export const escaped = (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/**
 * The condition that is proposed for a request: what was said last in it, by its user or by a tool.
 * @param {{ asked?: string, conversation?: { messages: { role: string, text?: string, tool_call_id?: string }[] } | null, operation?: string, body?: any }} request
 */
export function proposedMatch(request) {
  const messages = request.conversation?.messages ?? [];
  const last = messages.at(-1);
  if (last?.role === 'tool') {
    const asked = messages.flatMap((message) => message.tool_calls ?? []).find((call) => call.id === last.tool_call_id);
    const name = asked?.name ?? asked?.function?.name;
    if (name) return { tool_result: name, ...user(request) };
  }
  const found = user(request);
  return isText(request.operation) && Object.keys(found).length ? found : { operation: request.operation, ...found };
}

function user({ asked = '', conversation }) {
  const text = conversation?.messages.findLast((message) => message.role === 'user')?.text ?? asked;
  if (!text.trim()) return {};
  // An opening slash would make it a pattern with flags.
  return { user: text.length <= LONGEST ? `^${escaped(text)}$` : `^${escaped(text.slice(0, LONGEST))}` };
}

/** An exchange and its answer as a rule of a script. */
export function ruleOf(request, reply, times = 1) {
  return { match: proposedMatch(request), response: reply ?? '', ...(times === 1 ? {} : { times }) };
}
