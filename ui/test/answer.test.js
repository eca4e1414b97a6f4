// What an answer's forms begin with, what a message holds beside its text, what was said.
import { expect, test } from 'vitest';
import { plain, replyOf } from '../src/logic/answer.js';
import { partsOf, picturesOf, shortened } from '../src/logic/parts.js';
import { pieceOf } from '../src/logic/pieces.js';
import { startOf } from '../src/logic/start.js';

const TOOL = { name: 'f', parameters: { type: 'object', required: ['a'], properties: { a: { type: 'integer', minimum: 3 } } } };
const FORMAT = { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object', required: ['b'], properties: { b: { type: 'string' } } } } };
const card = (fields) => ({ operation: 'chat.completions.create', model: 'gpt-4o', conversation: { messages: [], tools: [], format: null }, smallest: { text: 'OK' }, ...fields });

test.each([
  ['text', card({}), { text: 'OK', status: 200 }],
  ['text', card({ smallest: 'OK' }), { text: 'OK' }],
  // Tools that are only offered are a click away, with arguments that are right.
  ['text', card({ conversation: { tools: [TOOL] } }), { calls: [{ name: 'f', arguments: { a: 3 } }] }],
  ['tools', card({ smallest: { tool_calls: [{ name: 'f', arguments: '{"a": 4}' }] }, conversation: { tools: [TOOL] } }), { calls: [{ name: 'f', arguments: { a: 4 } }] }],
  ['json', card({ smallest: { json: { b: 'y' } }, conversation: { format: FORMAT } }), { json: { b: 'y' } }],
  ['json', card({ conversation: { format: FORMAT } }), { json: { b: '' } }],
  ['text', card({ paused: { at: 'answer', reply: 'Hello', said: '"Hello"' } }), { text: 'Hello' }],
  ['error', card({ paused: { at: 'answer', status: 429, reply: { error: { status: 429, message: 'slow' } } } }), { status: 429, error: { status: 429, message: 'slow' } }],
  ['reply', card({ paused: { at: 'answer', reply: { text: 'Hello', finish_reason: 'length' } } }), { reply: JSON.stringify({ text: 'Hello', finish_reason: 'length' }, null, 2) }],
  // Bytes of an upstream that no Reply says: their text.
  ['text', card({ paused: { at: 'answer', reply: null, said: 'From afar' } }), { text: 'From afar' }],
])('an answer begins as %s', (kind, of, fields) => {
  expect(startOf(of)).toMatchObject({ kind, ...fields });
});

test('parts stand at their messages, in either dialect; only data is shown', () => {
  const picture = 'data:image/png;base64,AA==';
  const chat = partsOf({ messages: [
    { role: 'system', content: 'x' },
    { role: 'user', content: [{ type: 'text', text: 'see' }, { type: 'image_url', image_url: { url: picture } }, { type: 'image_url', image_url: { url: 'https://example.com/a.png' } }, { type: 'input_audio', input_audio: { data: 'AA==', format: 'mp3"onerror=' } }] },
  ] });
  expect(chat).toEqual([[], [
    { kind: 'image', source: picture, text: picture }, { kind: 'image', source: null, text: 'https://example.com/a.png' }, { kind: 'audio', source: 'data:audio/wav;base64,AA==', text: 'mp3"onerror=' },
  ]]);
  const responses = partsOf({ instructions: 'x', input: [
    { type: 'reasoning', summary: [] }, { type: 'function_call', name: 'f', arguments: '{}' }, { type: 'function_call_output', output: [{ type: 'input_image', image_url: picture }] },
    { role: 'user', content: [{ type: 'input_file', filename: 'a.pdf' }, { type: 'refusal', refusal: 'no' }, { type: 'unknown' }, null] },
  ] });
  expect(responses).toEqual([[], [], [{ kind: 'image', source: picture, text: picture }], ['a.pdf', 'no', 'unknown'].map((text) => ({ kind: 'other', source: null, text }))]);
  for (const none of [null, 'x', {}, { input: 'x' }]) expect(partsOf(none)).toEqual([]);
});

test('an answer that is no text shows its pictures, and no bytes of them', () => {
  const body = { output_format: 'webp', data: [{ b64_json: 'A'.repeat(5000) }, { url: 'https://elsewhere.example/a.png' }] };
  expect(picturesOf(body).map(({ source }) => source.slice(0, 30))).toEqual(['data:image/webp;base64,AAAAAAA']);
  expect(picturesOf({ output_format: 'svg+xml', data: [{ b64_json: 'x' }] })[0].source).toBe('data:image/png;base64,x');
  expect(shortened(body).data).toEqual([{ b64_json: `${'A'.repeat(40)}… (5000)` }, body.data[1]]);
  for (const none of [null, [], { data: 1 }, { data: [null] }]) expect(picturesOf(none)).toEqual([]);
});

test.each([['"Hello"', 'Hello'], ['"a \\"b\\"\\n"', 'a "b"\n'], ['"cut o', 'cut o'], ['"one", "two"', 'one · two'], ['"one", "tw', 'one · tw'], ['"a \\u{1f600}"', 'a \\u{1f600}'], ['f({"a": 1})', 'f({"a": 1})'], ['', ''], [null, '']])('said as %s', (said, text) => {
  expect(plain(said)).toBe(text);
});

const chunk = (choice, more = {}) => `data: ${JSON.stringify({ choices: [choice], ...more })}`;
test.each([
  [chunk({ delta: { role: 'assistant', content: '' }, finish_reason: null }), 'role', 'assistant'],
  [chunk({ delta: { content: ' sea' }, finish_reason: null }), 'text', ' sea'],
  [chunk({ delta: { tool_calls: [{ index: 0, function: { name: 'f', arguments: '' } }] } }), 'tool call', 'f'],
  [chunk({ delta: { refusal: 'No' } }), 'refusal', 'No'],
  [chunk({ delta: {}, finish_reason: 'stop' }), 'finish', 'stop'],
  [chunk({ text: 'old', finish_reason: null }), 'text', 'old'],
  ['data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}', 'usage', '3 → 4'],
  ['event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hi"}', 'response.output_text.delta', 'Hi'],
  ['event: response.created\ndata: {"type":"response.created","response":{}}', 'response.created', ''],
  ['data: {"error":{"message":"slow down"}}', 'error', 'slow down'],
  ['data: [DONE]', 'done', ''],
  ['data: no JSON', '', 'no JSON'],
  ['{"half": ', '', '{"half":'],
])('a piece says %s', (text, kind, said) => {
  expect(pieceOf(text)).toEqual({ kind, text: said });
});

test('an answer without its bytes is known by what was said', () => {
  expect(replyOf({ status: 200, said: '"Hello"', answer: { events: [] } })).toEqual({ text: 'Hello' });
  expect(replyOf({ status: 404, said: '"gone"' })).toEqual({ error: { status: 404, message: 'gone' } });
});
