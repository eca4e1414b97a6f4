// A request as somebody would send it again: for a shell, Python or JavaScript. Keys never reach the page, so the
// variable that official clients read stands for it.

/** Headers that every client sends by itself, or that were redacted. */
const OWN = /^(host|connection|content-length|content-type|accept|accept-encoding|accept-language|user-agent|authorization|api-key|cookie|x-stainless-.*|sec-.*|origin|referer|transfer-encoding|traceparent|tracestate|keep-alive)$/i;

const quoteShell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const headersOf = (exchange) => Object.entries(exchange.headers ?? {}).filter(([name]) => !OWN.test(name)).map(([name, value]) => [name, [value].flat().join(', ')]);

const bodyOf = ({ body }) => (body == null || body === '' ? null : typeof body === 'string' ? body : JSON.stringify(body, null, 2));

const addressOf = (exchange, base) => new URL(exchange.path.replace(/^\//, ''), base).href;

/**
 * @param {{ method: string, path: string, headers?: Record<string, string>, body?: unknown }} exchange
 * @param {string} base  the emulator's address
 */
export function curl(exchange, base) {
  const body = bodyOf(exchange);
  const lines = [`curl ${exchange.stream ? '-N ' : ''}${quoteShell(addressOf(exchange, base))}`, '-H "Authorization: Bearer $OPENAI_API_KEY"'];
  if (exchange.method !== 'GET' && (exchange.method !== 'POST' || !body)) lines.splice(1, 0, `-X ${exchange.method}`);
  if (body) lines.push("-H 'Content-Type: application/json'");
  lines.push(...headersOf(exchange).map(([name, value]) => `-H ${quoteShell(`${name}: ${value}`)}`));
  if (body) lines.push(`-d ${quoteShell(body)}`);
  return `${lines.join(' \\\n  ')}\n`;
}

/** Operations that the official clients offer as a method of the same name, with the body as its arguments. */
const METHODS = new Set(['chat.completions.create', 'responses.create', 'completions.create', 'embeddings.create', 'moderations.create', 'images.generate']);

const isMethod = (exchange) => METHODS.has(exchange.operation) && isObject(exchange.body);
const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const apiOf = (base) => new URL('v1', base).href;

export function python(exchange, base) {
  if (!isMethod(exchange)) {
    const body = bodyOf(exchange);
    const content = body ? `,\n    content=${pythonOf(body)}` : '';
    return `import os\nimport httpx\n\nanswer = httpx.request(\n    ${pythonOf(exchange.method)}, ${pythonOf(addressOf(exchange, base))},\n    headers={"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"${body ? ', "Content-Type": "application/json"' : ''}}${content},\n)\nprint(answer.text)\n`;
  }
  const args = Object.entries(exchange.body).map(([name, value]) => `    ${name}=${pythonOf(value, 4)},\n`).join('');
  const show = exchange.body.stream ? `for event in answer:\n    print(event)\n` : 'print(answer)\n';
  return `from openai import OpenAI\n\nclient = OpenAI(base_url=${pythonOf(apiOf(base))})\nanswer = client.${exchange.operation}(\n${args})\n${show}`;
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
  if (!isMethod(exchange)) {
    const body = bodyOf(exchange);
    const type = body ? `, 'content-type': 'application/json'` : '';
    return `const answer = await fetch(${JSON.stringify(addressOf(exchange, base))}, {\n  method: ${JSON.stringify(exchange.method)},\n  headers: { authorization: \`Bearer \${process.env.OPENAI_API_KEY}\`${type} },\n${body ? `  body: ${JSON.stringify(body)},\n` : ''}});\nconsole.log(await answer.text());\n`;
  }
  const show = exchange.body.stream ? 'for await (const event of answer) console.log(event);\n' : 'console.log(answer);\n';
  return `import OpenAI from 'openai';\n\nconst client = new OpenAI({ baseURL: ${JSON.stringify(apiOf(base))} });\nconst answer = await client.${exchange.operation}(${JSON.stringify(exchange.body, null, 2)});\n${show}`;
}
