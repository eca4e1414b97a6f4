// What an answer said, read back from the bytes that left: the Reply that would say it again.
import { parsed } from './parsed.js';

/** What a list shows as said: a text stands there in quotes, several with commas between them, perhaps cut off. */
export function plain(said) {
  if (!said?.startsWith('"')) return said ?? '';
  const texts = parsed(`[${said}]`) ?? parsed(`[${said}"]`);
  return texts?.join(' · ') ?? said.replace(/^"|"$/g, '');
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
  // What is no text, such as vectors, is said again as it is.
  if (whole) return ofBody(whole) ?? (text.trimStart().startsWith('{') ? { raw: tidy({ status: exchange.status, body: whole }) } : said(exchange));
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
  const choices = body.choices?.map((choice) => reply({ ...choice.message, content: choice.message?.content ?? choice.text, finish: choice.finish_reason }));
  if (choices?.length) return several(choices);
  if (!Array.isArray(body.output)) return null;
  const parts = body.output.filter((item) => item.type === 'message').flatMap((item) => item.content ?? []);
  const calls = body.output.filter((item) => item.type === 'function_call');
  return reply({
    content: parts.map((part) => part.text ?? '').join(''),
    refusal: parts.map((part) => part.refusal ?? '').join(''),
    tool_calls: calls.map((call) => ({ function: call })),
    finish: body.incomplete_details?.reason === 'max_output_tokens' ? 'length' : body.incomplete_details?.reason,
  });
}

const several = (choices) => (choices.length > 1 ? { choices } : choices[0]);

function ofChunks(chunks) {
  const all = [];
  for (const choice of chunks.flatMap((chunk) => chunk.choices ?? [])) {
    const { index = 0, delta = {}, text, finish_reason: finish } = choice;
    const one = (all[index] ??= { content: '', refusal: '', tool_calls: [] });
    one.content += delta.content ?? text ?? '';
    one.refusal += delta.refusal ?? '';
    one.finish = finish ?? one.finish;
    for (const { index: place = 0, function: piece = {} } of delta.tool_calls ?? []) {
      const { function: call } = (one.tool_calls[place] ??= { function: { name: '', arguments: '' } });
      call.name += piece.name ?? '';
      call.arguments += piece.arguments ?? '';
    }
  }
  const choices = all.filter(Boolean).map((one) => reply({ ...one, tool_calls: one.tool_calls.filter(Boolean) }));
  return choices.length ? several(choices) : null;
}

/** Ends of an answer that a Reply has to say: any other follows from what is said. */
const ENDS = ['length', 'content_filter'];

function reply({ content, refusal, tool_calls: calls, finish }) {
  const made = tidy({
    text: typeof content === 'string' && content ? content : undefined,
    refusal: refusal || undefined,
    tool_calls: calls?.length ? calls.map(({ function: { name, arguments: text } }) => ({ name, arguments: parsed(text) ?? text })) : undefined,
    finish_reason: ENDS.includes(finish) ? finish : undefined,
  });
  return made.text ?? made.refusal ?? made.tool_calls ? made : { text: '', ...made };
}

const tidy = (value) => Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined && one !== null));
