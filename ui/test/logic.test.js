import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { replyOf } from '../src/logic/answer.js';
import { complete } from '../src/logic/completion.js';
import { contextAt, lineOf } from '../src/logic/json-walk.js';
import { escaped, proposedMatch, ruleOf } from '../src/logic/rule.js';
import { curl, javascript, python, pythonOf } from '../src/logic/snippets.js';
import { countdown, duration } from '../src/logic/times.js';

const script = JSON.parse(readFileSync(path.join(import.meta.dirname, '../../script.schema.json'), 'utf8'));
const BASE = 'http://127.0.0.1:8080/';

describe('snippets', () => {
  const nasty = `It's "here": $HOME \`id\` \\ \n ${String.fromCodePoint(0x1f600)} ''' """`;
  const chat = { method: 'POST', path: '/v1/chat/completions', operation: 'chat.completions.create', headers: { 'x-own': "a'b", authorization: '…' }, body: { model: 'gpt-4o', stream: true, n: null, messages: [{ role: 'user', content: nasty }] } };

  test('a shell reads the body back as it was', () => {
    // The same words with printf in place of curl: each argument on a line of its own.
    const words = execFileSync('sh', ['-c', curl(chat, BASE).replace(/^curl/, "printf '%s\\0'")], { env: {} }).toString().split('\0');
    expect(JSON.parse(words[words.indexOf('--data-raw') + 1])).toEqual(chat.body);
    expect(words).toContain("x-own: a'b");
    expect(words[0]).toBe('http://127.0.0.1:8080/v1/chat/completions');
    expect(curl({ method: 'DELETE', path: '/v1/files/a', body: null }, BASE)).toContain('-X DELETE');
  });

  // That they run, and ask the same, `__test__/copied.test.mjs` and `conformance/python/test_copied.py` show.
  test('Python is valid and says the same', () => {
    const code = python({ ...chat, body: { ...chat.body, top_k: 3 } }, BASE);
    const read = `import sys, ast, json\ntree = ast.parse(sys.stdin.read())\ncall = tree.body[2].value\nprint(json.dumps({k.arg: ast.literal_eval(k.value) for k in call.keywords}))`;
    expect(JSON.parse(execFileSync('python3', ['-c', read], { input: code }).toString())).toEqual({ ...chat.body, extra_body: { top_k: 3 }, extra_headers: { 'x-own': "a'b" } });
    expect(code).toContain('for event in answer');
    expect(pythonOf({ a: [true, null] })).toBe('{"a": [True, None]}');
  });

  test('JavaScript is valid and says the same', () => {
    const code = javascript(chat, BASE);
    const args = code.slice(code.indexOf('.create(') + 8, code.lastIndexOf(');\nfor'));
    expect(JSON.parse(`[${args.replace('headers:', '"headers":')}]`)).toEqual([chat.body, { headers: { 'x-own': "a'b" } }]);
  });

  test('what no method says is a plain request: other paths, other operations, forms with their files', () => {
    const file = { filename: 'a "b".jsonl', content_type: 'application/jsonl', bytes: 3, sha256: 'x' };
    const form = { method: 'POST', path: '/v1/files', operation: 'files.create', headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: { purpose: '@batch', expires_after: { seconds: 3600 }, file: [file] } };
    expect(curl(form, BASE)).toContain(`--form-string 'purpose=@batch' \\\n  --form-string 'expires_after[seconds]=3600' \\\n  -F 'file[]=@"a \\"b\\".jsonl";type=application/jsonl'`);
    const others = [form, { method: 'POST', path: '/v1/files', operation: 'files.create', body: 'a\n`b`' }, { method: 'GET', path: '/v1/models', operation: 'models.list', body: null }, { ...chat, path: '/openai/deployments/gpt-4o/chat/completions?api-version=1' }];
    for (const exchange of others) {
      expect(python(exchange, BASE)).toContain('httpx.request(');
      expect(javascript(exchange, BASE)).toContain('await fetch(');
      execFileSync('python3', ['-c', 'import sys, ast\nast.parse(sys.stdin.read())'], { input: python(exchange, BASE) });
    }
  });
});

describe('answers read back', () => {
  const pieces = (...texts) => ({ events: texts.map((text) => ({ text })) });
  const chunk = (delta) => `data: ${JSON.stringify({ choices: [{ delta }] })}\n\n`;

  test.each([
    ['a chat body', { answer: pieces(JSON.stringify({ choices: [{ message: { content: 'Paris.' } }] })) }, { text: 'Paris.' }],
    ['chunks, cut anywhere', { answer: pieces(chunk({ content: 'Pa' }).slice(0, 9), chunk({ content: 'Pa' }).slice(9), chunk({ content: 'ris' }), 'data: [DONE]\n\n') }, { text: 'Paris' }],
    ['tool calls in pieces', { answer: pieces(chunk({ tool_calls: [{ index: 0, function: { name: 'f', arguments: '{"a"' } }] }), chunk({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] })) }, { tool_calls: [{ name: 'f', arguments: { a: 1 } }] }],
    ['Responses', { answer: pieces(`event: response.completed\ndata: ${JSON.stringify({ response: { output: [{ type: 'message', content: [{ text: 'Hi' }] }, { type: 'function_call', name: 'g', arguments: '{}' }] } })}\n\n`) }, { text: 'Hi', tool_calls: [{ name: 'g', arguments: {} }] }],
    ['an error', { status: 429, answer: pieces(JSON.stringify({ error: { message: 'slow', type: 'x', code: null } })) }, { error: { status: 429, message: 'slow', type: 'x' } }],
    ['a refusal', { answer: pieces(JSON.stringify({ choices: [{ message: { content: null, refusal: 'No.' } }] })) }, { refusal: 'No.' }],
    ['nothing but what was said', { said: 'x', answer: pieces() }, { text: 'x' }],
    ['several choices, and how they end', { answer: pieces(JSON.stringify({ choices: [{ message: { content: 'a' }, finish_reason: 'length' }, { message: { content: 'b' }, finish_reason: 'stop' }] })) }, { choices: [{ text: 'a', finish_reason: 'length' }, { text: 'b' }] }],
    ['several choices in pieces', { answer: pieces(...[[0, 'a'], [1, 'b'], [0, 'c']].map(([index, content]) => `data: ${JSON.stringify({ choices: [{ index, delta: { content } }] })}\n\n`)) }, { choices: [{ text: 'ac' }, { text: 'b' }] }],
    ['what is no text', { status: 200, answer: pieces('{"object":"list","data":[{"embedding":[1]}]}') }, { raw: { status: 200, body: { object: 'list', data: [{ embedding: [1] }] } } }],
    ['nothing', { answer: null }, null],
  ])('%s', (_, exchange, reply) => expect(replyOf(exchange)).toEqual(reply));
});

describe('conditions', () => {
  const text = 'Costs (2+2)* $5? [a|b] {c} ^d\\e/f #g & ~h';

  test('the pattern finds the text and no other', () => {
    expect(new RegExp(`^${escaped(text)}$`, 'u').test(text)).toBe(true);
    expect(new RegExp(`^${escaped('a.c')}$`).test('abc')).toBe(false);
    const { user } = proposedMatch({ asked: 'x'.repeat(500) });
    expect(user).toHaveLength(201);
  });

  test('a tool’s result is known by the tool', () => {
    const messages = [{ role: 'user', text: 'Weather?' }, { role: 'assistant', tool_calls: [{ id: 'c1', name: 'get_weather' }] }, { role: 'tool', tool_call_id: 'c1', text: '20' }];
    expect(proposedMatch({ conversation: { messages } })).toEqual({ tool_result: 'get_weather', user: '^Weather\\?$' });
    expect(proposedMatch({ asked: '', operation: 'embeddings.create' })).toEqual({ operation: 'embeddings.create' });
    expect(ruleOf({ asked: 'hi' }, { text: 'ho' }, 'unlimited')).toEqual({ match: { user: '^hi$' }, response: { text: 'ho' }, times: 'unlimited' });
  });
});

describe('a script while it is written', () => {
  const labels = (before) => complete(before, script).options.map(({ label }) => label);

  test('keys', () => {
    expect(labels('{')).toContain('"rules"');
    expect(labels('{"rules": [{"match": {')).toEqual(expect.arrayContaining(['"user"', '"model"', '"tool_result"']));
    expect(labels('{"rules": [{"match": {"user": "x", ')).not.toContain('"user"');
    expect(labels('{"rules": ["a", {"response": {"pace": {')).not.toContain('"match"');
    expect(labels('{"responses": {"hello": {')).toContain('"text"');
  });

  test('values', () => {
    expect(labels('{"rules": [{"match": {"format": ')).toEqual(expect.arrayContaining(['"json_schema"', '"text"']));
    expect(labels('{"rules": [{"match": {"stream": ')).toEqual(expect.arrayContaining(['true', 'false']));
    expect(labels('{"rules": [')).toContain('{}');
    const { from } = complete('{"rules": [{"ma', script);
    expect(from).toBe('{"rules": [{'.length);
  });

  test('places', () => {
    const text = '{\n  "rules": [\n    "a",\n    {\n      "match": {"user": 1},\n      "response": "x"\n    }\n  ]\n}';
    expect(lineOf(text, 'rules[1].match.user')).toBe(5);
    expect(lineOf(text, '$.rules[1].response')).toBe(6);
    expect(lineOf(text, 'rules[1].response.text')).toBe(6);
    expect(lineOf(text, 'rules[0]')).toBe(3);
    expect(lineOf(text, 'rules[1]["odd]name.].x')).toBe(4);
    expect(lineOf(text, 'nowhere')).toBe(1);
    expect(lineOf('', 'nowhere')).toBeNull();
    expect(contextAt('{"a": "b\\"c').written).toBe('"b\\"c');
  });
});

test('times are short, and say enough', () => {
  expect([0.04, 3.25, 840, 1240, 59_900, 90_000, 3_599_900, 18_120_000].map(duration)).toEqual(['0.1 ms', '3.3 ms', '840 ms', '1.24 s', '59.9 s', '1 min 30 s', '1 h 0 min', '5 h 2 min']);
  expect([0, 41_200, 60_000, 299_001].map(countdown)).toEqual(['0 s', '42 s', '1:00', '5:00']);
});
