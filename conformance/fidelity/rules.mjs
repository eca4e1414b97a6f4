// The rules of token counts, by the recordings each one bears on: `prompt rule · …` and `answer rule · …` on the board.
// A rule that is lost shows as the fall of its own line.
import { isObject } from './corpus.mjs';

const THINKS = /^(o\d|gpt-5|codex)/;
const chat = ({ endpoint }) => endpoint === 'POST /v1/chat/completions';
const responses = ({ endpoint }) => endpoint === 'POST /v1/responses';
const functions = ({ request: { body } }) => [...(body.tools ?? []), ...(body.functions ?? [])].map((tool) => tool.function ?? tool);
const schemas = (recording) => functions(recording).map((tool) => tool.parameters).filter(isObject);
const list = (value) => (Array.isArray(value) ? value : []);
const isForced = ({ request: { body } }) =>
  isObject(body.tool_choice) ? Boolean(body.tool_choice.name ?? body.tool_choice.function) : body.tool_choice === 'required' && body.tools?.length === 1;
const asksSchema = ({ request: { body } }) => (body.response_format ?? body.text?.format)?.type === 'json_schema';

/** Objects of a schema that have properties, wherever they stand in it. */
function objects(schema) {
  if (Array.isArray(schema)) return schema.flatMap(objects);
  if (!isObject(schema)) return [];
  const own = isObject(schema.properties) && Object.keys(schema.properties).length ? [schema] : [];
  return [...own, ...Object.values(schema).flatMap(objects)];
}
const isPlain = ({ properties }) =>
  Object.values(properties).every((property) => !property.title && !property.description && !('default' in property));

/** Rules of prompts: name → whether it bears on a recording. */
export const PROMPT_RULES = {
  'calls and results in chat': (recording) => chat(recording) && list(recording.request.body.messages).some((message) => message.tool_calls),
  'returned function_call items': (recording) =>
    responses(recording) && list(recording.request.body.input).some((item) => item.type === 'function_call' && item.id && item.status),
  'references in place': (recording) => schemas(recording).some((schema) => JSON.stringify(schema).includes('"$ref"')),
  'objects on one line': (recording) => schemas(recording).some((schema) => objects(schema).some(isPlain)),
  'parameters described': (recording) => schemas(recording).some((schema) => schema.description),
  'descriptions of several lines': (recording) => functions(recording).some((tool) => tool.description?.trim().includes('\n')),
  'forced tool': isForced,
};

/** What was said, of either API: `{ calls, refused }`. */
function said(body) {
  const messages = list(body.choices).map((choice) => choice.message ?? {});
  const items = list(body.output);
  return {
    calls: items.length ? items.filter((item) => item.type === 'function_call').length : messages[0]?.tool_calls?.length ?? 0,
    refused: messages.some((message) => message.refusal) || items.some((item) => list(item.content).some((part) => part.type === 'refusal')),
  };
}

/** Rules of answers: name → whether it bears on a recording and what it said. */
export const ANSWER_RULES = {
  'output schema': (recording, { calls }) => asksSchema(recording) && !calls,
  'one call': (recording, { calls }) => calls === 1 && !isForced(recording),
  'parallel calls': (_, { calls }) => calls > 1,
  'forced call': (recording, { calls }) => calls === 1 && isForced(recording),
  'call of gpt-4': (recording, { calls }) => calls > 0 && /^gpt-4(-0613)?$/.test(recording.request.body.model),
  refusal: (_, { refused }) => refused,
  'chat without thinking': (recording, { calls }) => chat(recording) && !calls && THINKS.test(recording.request.body.model),
};

/** The names of the rules that bear on a recording. */
export const bearing = {
  prompt: (recording) => Object.keys(PROMPT_RULES).filter((name) => PROMPT_RULES[name](recording)),
  answer: (recording, body) => Object.keys(ANSWER_RULES).filter((name) => ANSWER_RULES[name](recording, said(body))),
};
