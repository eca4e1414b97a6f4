// A request as somebody would send it again: for a shell, Python or JavaScript. Keys never reach the page, so the
// variable that official clients read stands for it; files of a form are named, and read from where it runs.

/** Headers that every client sends by itself, or that were redacted. */
const OWN = /^(host|connection|content-length|content-type|accept|accept-encoding|accept-language|user-agent|authorization|api-key|cookie|x-stainless-.*|sec-.*|origin|referer|transfer-encoding|traceparent|tracestate|keep-alive)$/i;

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

const quoteShell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const header = ({ headers = {} }, name) => [headers[name] ?? []].flat().join(', ');

const headersOf = (exchange) => Object.keys(exchange.headers ?? {}).filter((name) => !OWN.test(name)).map((name) => [name, header(exchange, name)]);

const addressOf = (exchange, base) => new URL(exchange.path.replace(/^\//, ''), base).href;

/** Whether a form was sent: its files are known by name alone. */
export const isForm = (exchange) => /^multipart\//i.test(header(exchange, 'content-type'));

/** What is sent: nothing, a text of some kind, or the fields of a form. */
function bodyOf(exchange) {
  const { body } = exchange;
  if (body == null || body === '') return {};
  const type = header(exchange, 'content-type');
  if (isForm(exchange) && isObject(body)) return { form: [...fieldsOf(body)] };
  return typeof body === 'string' ? { text: body, type: type || 'application/json' } : { text: JSON.stringify(body, null, 2), type: 'application/json' };
}

/** The fields of a form: a name, and a text or a file. */
function* fieldsOf(value, name = '') {
  if (isObject(value) && typeof value.filename === 'string' && 'sha256' in value) yield { name, file: value.filename, type: value.content_type };
  else if (Array.isArray(value)) for (const one of value) yield* fieldsOf(one, `${name}[]`);
  else if (isObject(value)) for (const [key, one] of Object.entries(value)) yield* fieldsOf(one, name ? `${name}[${key}]` : key);
  else yield { name, text: String(value) };
}

/**
 * @param {{ method: string, path: string, headers?: Record<string, string>, body?: unknown }} exchange
 * @param {string} base  the emulator's address
 */
export function curl(exchange, base) {
  const { text, type, form = [] } = bodyOf(exchange);
  const lines = [`curl ${exchange.stream ? '-N ' : ''}${quoteShell(addressOf(exchange, base))}`];
  const implied = text !== undefined || form.length ? 'POST' : 'GET';
  if (exchange.method !== implied) lines.push(`-X ${exchange.method}`);
  lines.push('-H "Authorization: Bearer $OPENAI_API_KEY"');
  if (text !== undefined) lines.push(`-H ${quoteShell(`Content-Type: ${type}`)}`);
  lines.push(...headersOf(exchange).map(([name, value]) => `-H ${quoteShell(`${name}: ${value}`)}`));
  for (const field of form) lines.push(field.file === undefined ? `--form-string ${quoteShell(`${field.name}=${field.text}`)}` : `-F ${quoteShell(`${field.name}=@"${field.file.replace(/["\\]/g, '\\$&')}"${field.type ? `;type=${field.type}` : ''}`)}`);
  if (text !== undefined) lines.push(`--data-raw ${quoteShell(text)}`);
  return `${lines.join(' \\\n  ')}\n`;
}

const words = (text) => text.split(' ');

/**
 * Operations that the official clients offer as a method of the same name with the body as its arguments, and the arguments
 * that Python's knows; others go into its `extra_body`, which says the same.
 */
const METHODS = {
  'chat.completions.create': words('messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens metadata modalities n parallel_tool_calls prediction presence_penalty prompt_cache_key reasoning_effort response_format safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity web_search_options'),
  'responses.create': words('background conversation include input instructions max_output_tokens max_tool_calls metadata model parallel_tool_calls previous_response_id prompt prompt_cache_key reasoning safety_identifier service_tier store stream stream_options temperature text tool_choice tools top_logprobs top_p truncation user'),
  'completions.create': words('model prompt best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stop stream stream_options suffix temperature top_p user'),
  'embeddings.create': words('input model dimensions encoding_format user'),
  'moderations.create': words('input model'),
  'images.generate': words('prompt background model moderation n output_compression output_format partial_images quality response_format size stream style user'),
};

/** What a client's method does not let one leave out. */
const REQUIRED = { 'chat.completions.create': ['messages', 'model'], 'completions.create': ['model', 'prompt'], 'embeddings.create': ['input', 'model'], 'moderations.create': ['input'], 'images.generate': ['prompt'] };

const isMethod = ({ operation, path, body }) => Object.hasOwn(METHODS, operation) && isObject(body) && /^\/v1\/[^?]*$/.test(path) && (REQUIRED[operation] ?? []).every((name) => name in body);
const apiOf = (base) => new URL('v1', base).href;

export function python(exchange, base) {
  const own = Object.fromEntries(headersOf(exchange));
  if (isMethod(exchange)) {
    const named = Object.entries(exchange.body).filter(([name]) => METHODS[exchange.operation].includes(name));
    const rest = Object.entries(exchange.body).filter(([name]) => !METHODS[exchange.operation].includes(name));
    if (rest.length) named.push(['extra_body', Object.fromEntries(rest)]);
    if (Object.keys(own).length) named.push(['extra_headers', own]);
    const args = named.map(([name, value]) => `    ${name}=${pythonOf(value, 4)},\n`).join('');
    const show = exchange.body.stream ? `for event in answer:\n    print(event)\n` : 'print(answer)\n';
    return `from openai import OpenAI\n\nclient = OpenAI(base_url=${pythonOf(apiOf(base))})\nanswer = client.${exchange.operation}(\n${args})\n${show}`;
  }
  const { text, type, form } = bodyOf(exchange);
  const headers = [`"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"`, ...Object.entries({ ...(type ? { 'Content-Type': type } : {}), ...own }).map(([name, value]) => `${pythonOf(name)}: ${pythonOf(value)}`)];
  const fields = (form ?? []).map(({ name, text: value, file, type: kind }) => (file === undefined ? `(${pythonOf(name)}, (None, ${pythonOf(value)}))` : `(${pythonOf(name)}, (${pythonOf(file)}, open(${pythonOf(file)}, "rb")${kind ? `, ${pythonOf(kind)}` : ''}))`));
  const sent = text !== undefined ? `    content=${pythonOf(text)}.encode(),\n` : form ? `    files=[\n${fields.map((field) => `        ${field},\n`).join('')}    ],\n` : '';
  return `import os\nimport httpx\n\nanswer = httpx.request(\n    ${pythonOf(exchange.method)}, ${pythonOf(addressOf(exchange, base))},\n    headers={${headers.join(', ')}},\n${sent})\nprint(answer.text)\n`;
}

/** A JSON value as Python writes it. */
export function pythonOf(value, indent = 0) {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  // JSON's escapes are Python's; surrogate pairs stay as they are, unescaped.
  if (typeof value !== 'object') return JSON.stringify(value);
  const pad = ' '.repeat(indent + 4);
  const items = Array.isArray(value) ? value.map((one) => pythonOf(one, indent + 4)) : Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${pythonOf(one, indent + 4)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const short = `${open}${items.join(', ')}${close}`;
  if (short.length + indent < 80 && !short.includes('\n')) return short;
  return `${open}\n${items.map((item) => `${pad}${item},\n`).join('')}${' '.repeat(indent)}${close}`;
}

export function javascript(exchange, base) {
  const own = Object.fromEntries(headersOf(exchange));
  if (isMethod(exchange)) {
    const options = Object.keys(own).length ? `, { headers: ${JSON.stringify(own)} }` : '';
    const show = exchange.body.stream ? 'for await (const event of answer) console.log(event);\n' : 'console.log(answer);\n';
    return `import OpenAI from 'openai';\n\nconst client = new OpenAI({ baseURL: ${JSON.stringify(apiOf(base))} });\nconst answer = await client.${exchange.operation}(${JSON.stringify(exchange.body, null, 2)}${options});\n${show}`;
  }
  const { text, type, form } = bodyOf(exchange);
  const headers = ['authorization: `Bearer ${process.env.OPENAI_API_KEY}`', ...Object.entries({ ...(type ? { 'content-type': type } : {}), ...own }).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`)];
  const file = (field) => `new File([readFileSync(${JSON.stringify(field.file)})], ${JSON.stringify(field.file)}${field.type ? `, { type: ${JSON.stringify(field.type)} }` : ''})`;
  const fields = (form ?? []).map((field) => `form.append(${JSON.stringify(field.name)}, ${field.file === undefined ? JSON.stringify(field.text) : file(field)});\n`);
  const before = form ? `import { readFileSync } from 'node:fs';\n\nconst form = new FormData();\n${fields.join('')}` : '';
  const sent = text !== undefined ? `  body: ${JSON.stringify(text)},\n` : form ? '  body: form,\n' : '';
  return `${before}const answer = await fetch(${JSON.stringify(addressOf(exchange, base))}, {\n  method: ${JSON.stringify(exchange.method)},\n  headers: { ${headers.join(', ')} },\n${sent}});\nconsole.log(await answer.text());\n`;
}
