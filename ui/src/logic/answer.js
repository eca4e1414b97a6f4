// What an answer said, read back from the bytes that left: the Reply that would say it again.
import { parsed } from './parsed.js';

/** What a list shows as said: a text stands there in quotes, perhaps cut off. */
export function plain(said) {
  if (!said?.startsWith('"')) return said ?? '';
  return parsed(said) ?? parsed(`${said}"`) ?? said.replace(/^"|"$/g, '');
}

/** The text of all pieces of an answer; pieces that are no text are left out. */
export const textOf = (answer) => (answer?.events ?? []).map((event) => event.text ?? '').join('');

/** The data of server-sent events, as JSON where it is. */
export function dataOf(text) {
  return text.split(/\r?\n\r?\n/).map((event) => event.split(/\r?\n/).filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart()).join('\n'))
    .filter((data) => data && data !== '[DONE]').map((data) => parsed(data)).filter((data) => data !== undefined);
}

/**
 * The Reply that says what an exchange was answered with; null if nothing is known.
 * @param {{ status?: number | null, said?: string, answer?: { events?: { text?: string }[] } }} exchange
 */
export function replyOf(exchange) {
  const text = textOf(exchange.answer);
  const whole = parsed(text);
  if (whole?.error) return { error: errorOf(exchange, whole.error) };
  if (whole) return ofBody(whole) ?? said(exchange);
  const events = dataOf(text);
  const completed = events.findLast((event) => event.response?.output)?.response;
  if (completed) return ofBody(completed) ?? said(exchange);
  const failed = events.find((event) => event.error);
  if (failed && events.length === 1) return { error: errorOf(exchange, failed.error) };
  return ofChunks(events) ?? said(exchange);
}

const errorOf = ({ status }, { message, type, code, param }) => tidy({ status: status ?? 500, message, type, code, param });
const said = ({ said: text, status }) => (!text ? null : status >= 400 ? { error: { status, message: plain(text) } } : { text: plain(text) });

function ofBody(body) {
  const choice = body.choices?.[0];
  if (choice) return reply({ ...choice.message, content: choice.message?.content ?? choice.text });
  if (!Array.isArray(body.output)) return null;
  const parts = body.output.filter((item) => item.type === 'message').flatMap((item) => item.content ?? []);
  const calls = body.output.filter((item) => item.type === 'function_call');
  return reply({
    content: parts.map((part) => part.text ?? '').join(''),
    refusal: parts.map((part) => part.refusal ?? '').join(''),
    tool_calls: calls.map((call) => ({ function: call })),
  });
}

function ofChunks(chunks) {
  const deltas = chunks.map((chunk) => chunk.choices?.[0]).filter(Boolean);
  if (!deltas.length) return null;
  const calls = [];
  for (const { delta } of deltas) {
    for (const { index = 0, function: piece = {} } of delta?.tool_calls ?? []) {
      calls[index] ??= { function: { name: '', arguments: '' } };
      calls[index].function.name += piece.name ?? '';
      calls[index].function.arguments += piece.arguments ?? '';
    }
  }
  return reply({
    content: deltas.map(({ delta, text }) => delta?.content ?? text ?? '').join(''),
    refusal: deltas.map(({ delta }) => delta?.refusal ?? '').join(''),
    tool_calls: calls.filter(Boolean),
  });
}

function reply({ content, refusal, tool_calls: calls }) {
  const made = tidy({
    text: typeof content === 'string' && content ? content : undefined,
    refusal: refusal || undefined,
    tool_calls: calls?.length ? calls.map(({ function: { name, arguments: text } }) => ({ name, arguments: parsed(text) ?? text })) : undefined,
  });
  return Object.keys(made).length ? made : { text: '' };
}

const tidy = (value) => Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined && one !== null));
