'use strict';
// What a request asks of the model, in llama.cpp's terms.
const { isPlainObject } = require('../errors.js');

/** @typedef {Record<string, any>} Json */

/**
 * @typedef {object} LocalPrompt
 * @property {Json[]} [history]  the conversation, as `node-llama-cpp` has it; ends with the answer that is to come
 * @property {string} [text]  instead of a conversation: a text to go on with
 * @property {Record<string, { description?: string, params?: Json }>} [functions]  the model may call these
 * @property {Json} [schema]  the answer is JSON of this schema
 * @property {boolean} [json]  the answer is any JSON object
 * @property {string} [forced]  the answer is the arguments of this function
 * @property {string[]} [anyOf]  the answer is a call of one of these
 * @property {boolean} parallel  it may call several at a time
 * @property {string[]} stop
 * @property {number} [maxTokens]
 * @property {number} [temperature]
 * @property {number} [topP]
 * @property {number} [seed]
 * @property {number} [frequencyPenalty]
 * @property {number} [presencePenalty]
 * @property {number} choices
 */

/**
 * @param {Json} request  as a reply function gets it
 * @returns {LocalPrompt}
 */
function promptOf(request) {
  const body = request.body ?? {};
  const number = (/** @type {unknown[]} */ ...values) => values.find((value) => typeof value === 'number');
  const completes = request.operation === 'completions.create';
  /** @type {LocalPrompt} */
  const prompt = {
    parallel: body.parallel_tool_calls !== false,
    stop: [body.stop ?? []].flat(),
    maxTokens: number(body.max_completion_tokens, body.max_output_tokens, body.max_tokens, completes ? 16 : undefined),
    temperature: number(body.temperature),
    topP: number(body.top_p),
    seed: number(body.seed),
    frequencyPenalty: number(body.frequency_penalty),
    presencePenalty: number(body.presence_penalty),
    choices: number(body.n) ?? 1,
  };
  if (completes) return { ...prompt, text: (request.messages ?? []).map((/** @type {Json} */ message) => message.text).join('') };
  prompt.history = historyOf(request.messages ?? []);
  const tools = new Map((request.tools ?? []).map((/** @type {Json} */ tool) => [tool.name, tool]));
  const choice = chosen(body.tool_choice);
  if (tools.size && choice !== 'none') {
    const described = [...(body.tools ?? [])].map((tool) => tool.function ?? tool);
    const functions = [...tools.values()].map(({ name, parameters }) => {
      const description = described.find((tool) => tool.name === name)?.description;
      return [name, { ...(description ? { description } : {}), params: grammarSchema(parameters ?? { type: 'object', properties: {} }) }];
    });
    prompt.functions = Object.fromEntries(functions);
    // After a tool's result the model may say something at last.
    if (choice === 'required') prompt.anyOf = [...tools.keys()];
    else if (tools.has(choice)) prompt.forced = choice;
    if (prompt.anyOf?.length === 1) [prompt.forced, prompt.anyOf] = [prompt.anyOf[0], undefined];
    return prompt;
  }
  const format = body.response_format ?? body.text?.format;
  if (format?.type === 'json_schema') prompt.schema = grammarSchema(format.json_schema?.schema ?? format.schema ?? format.json_schema ?? {});
  if (format?.type === 'json_object') prompt.json = true;
  return prompt;
}

/**
 * `auto`, `none`, `required`, or a function's name.
 * @param {unknown} choice
 */
function chosen(choice) {
  if (!isPlainObject(choice)) return /** @type {string} */ (choice ?? 'auto');
  const { type, name, function: named, mode } = /** @type {Json} */ (choice);
  return named?.name ?? name ?? (type === 'allowed_tools' ? mode : 'auto');
}

/**
 * The conversation: results of tools belong to the calls that they answer.
 * @param {Json[]} messages
 */
function historyOf(messages) {
  /** @type {Json[]} */
  const history = [];
  /** @type {Map<string, Json>} */
  const calls = new Map();
  const answer = () => {
    if (history.at(-1)?.type !== 'model') history.push({ type: 'model', response: [] });
    return /** @type {Json} */ (history.at(-1)).response;
  };
  for (const { role, text, toolCalls, toolCallId } of messages) {
    if (role === 'tool' || role === 'function') {
      const call = calls.get(toolCallId) ?? { type: 'functionCall', name: 'tool', params: {}, result: text };
      if (!calls.has(toolCallId)) answer().push(call);
      call.result = parsed(text) ?? text;
    } else if (role === 'assistant') {
      const response = answer();
      if (text) response.push(text);
      for (const { id, name, arguments: given } of toolCalls ?? []) {
        const call = { type: 'functionCall', name, params: parsed(given) ?? {}, result: '' };
        calls.set(id, call);
        response.push(call);
      }
    } else if (role === 'user') history.push({ type: 'user', text });
    else history.push({ type: 'system', text });
  }
  answer();
  return history;
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What any JSON value is, as far as a grammar can say it. */
const ANYTHING = { type: ['string', 'number', 'boolean', 'null'] };

/** What a grammar can say of a value; other conditions are left to the check of the answer. */
const KEPT = ['type', 'const', 'enum', 'description', 'minLength', 'maxLength', 'format', 'required', 'minItems', 'maxItems', '$ref', 'minProperties', 'maxProperties'];
const FORMATS = ['date-time', 'time', 'date'];

/**
 * A JSON schema as llama.cpp's grammar takes it.
 * @param {any} schema
 * @returns {any}
 */
function grammarSchema(schema) {
  if (!isPlainObject(schema)) return ANYTHING;
  const given = /** @type {Json} */ (schema);
  const defs = given.$defs ?? given.definitions;
  const more = defs ? { $defs: mapped(defs) } : {};
  const some = given.oneOf ?? given.anyOf ?? (given.allOf?.length === 1 ? given.allOf : undefined);
  if (some) return { oneOf: some.map(grammarSchema), ...more };
  if (given.allOf) return { ...grammarSchema(given.allOf.filter(isPlainObject).reduce((/** @type {Json} */ all, /** @type {Json} */ one) => ({ ...all, ...one, properties: { ...all.properties, ...one.properties } }), {})), ...more };
  const kept = Object.fromEntries(KEPT.filter((key) => given[key] !== undefined).map((key) => [key, given[key]]));
  if (kept.$ref) return { $ref: kept.$ref.replace('#/definitions/', '#/$defs/'), ...more };
  if (kept.format && !FORMATS.includes(kept.format)) delete kept.format;
  if (given.properties) kept.properties = mapped(given.properties);
  if (given.items) kept.items = grammarSchema(given.items);
  if (given.prefixItems) kept.prefixItems = given.prefixItems.map(grammarSchema);
  if (isPlainObject(given.additionalProperties)) kept.additionalProperties = grammarSchema(given.additionalProperties);
  if (!kept.type && kept.const === undefined && !kept.enum) {
    if (kept.properties) kept.type = 'object';
    else if (kept.items || kept.prefixItems) kept.type = 'array';
    else return { ...ANYTHING, ...more };
  }
  return { ...kept, ...more };
}

/** @param {Json} schemas */
const mapped = (schemas) => Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, grammarSchema(schema)]));

module.exports = { grammarSchema, promptOf };
