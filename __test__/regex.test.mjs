// RegExps mean in the emulator what they mean in JavaScript.
import { afterAll, expect, test } from 'vitest';
import { startEmulator, when } from 'llemulator';
import { chat, client } from './support.mjs';

const emulator = await startEmulator();
afterAll(() => emulator.stop());

const TEXTS = [
  '', 'Oslo', 'oslo 2026', 'a\nb', 'a\r\nb', 'a\u2028b', '{"a":1}', 'a{', 'a{2', 'aa', 'x-y', 'x&y', '[x]', 'ä', 'naïve', '٣', 'Ω', 'ſ', '\u00a0', '\ufeff', '\t', '\b',
  '/path/to', 'C:\\dir', '😀', '\0', 'a.b', 'a|b', 'tel: 555-1234', '#1 ~ &&', '--', '$5', '^', 'line one\nline two', 'cZ', 'u0041', 'A',
];

const REGEXES = [
  /oslo/, /oslo/i, /^b$/, /^b$/m, /a.b/, /a.b/s, /\d/, /\D/, /\w/, /^\W$/u, /\s/, /^\S+$/, /[\d]/, /[^\d\s]/, /[\w-]/, /[\W]/, /[\S]/, /\bna\b/, /na\b/, /\Bo/, /[\b]/,
  /{"a":1}/, /a{/, /a{2}/, /a{2,}/, /a{2/, /\{/, /[x&&y]/, /[&~-]/, /[--]/, /[[]/, /[\]]/, /[^]/, /[]/, /a|b/, /(?:a)(b)?/, /(?<word>\w+) 2026/, /\//, /^\/path/, /\\/, /\u0041/, /\x41/, /\u{1F600}/u,
  /[\u{1F600}]/u, /\ud83d\ude00/, /\0/, /\cI/, /\t/, /\$5/, /\^/, /\-/, /\u2028/, /\p{Lu}/u, /\p{Script=Greek}/u, /[^\p{L}]/u, /a.*?b/, /x[^a-z]y/, /(one|two)$/, /(one|two)$/m, /\c/, /\u/, /\k/, /\_/, /\ä/,
];

test.each(REGEXES)('%s', async (regex) => {
  const api = emulator.session();
  api.replies(when(regex, 'match', { times: Infinity }));
  api.otherwise('no match');
  // Where the two cannot agree: U+2028 ends a line in JavaScript alone.
  const texts = regex.multiline ? TEXTS.filter((text) => !text.includes('\u2028')) : TEXTS;
  const matched = await Promise.all(texts.map(async (text) => (await chat(api, text)) === 'match'));
  const expected = texts.map((text) => new RegExp(regex.source, regex.flags).test(text));
  expect(texts.filter((_, i) => matched[i] !== expected[i])).toEqual([]);
});

test('a string is literal, whatever stands in it', async () => {
  const api = emulator.session();
  const others = TEXTS.filter(Boolean);
  for (const text of others) {
    api.script({ reset: true });
    api.replies(when(text, 'match', { times: Infinity }));
    api.otherwise('no match');
    const found = await Promise.all(others.map(async (other) => ((await chat(api, other)) === 'match' ? other : undefined)));
    expect(found.filter((other) => other !== undefined)).toEqual(others.filter((other) => other.includes(text)));
  }
});

test('names are exact as strings, and searched as RegExps', async () => {
  const api = emulator.session();
  api.replies(when({ model: 'gpt-4o' }, 'exact'), when({ model: /^gpt-4o-/, path: /completions$/ }, 'searched'));
  expect(await chat(api, 'x', { model: 'gpt-4o-mini' })).toBe('searched');
  expect(await chat(api, 'x')).toBe('exact');
});

test('in a script RegExps are translated wherever the language has a regex', async () => {
  const api = emulator.session();
  api.script({
    rules: [
      { pattern: /^one\u0021$/i, response: 'alone' },
      { match: { user: /two/, system: /terse/i, not: { any_message: /long/ } }, response: 'texts' },
      { match: { model: /mini$/, path: /completions$/, header: { 'x-team': /^a/ } }, response: 'names', expect: { not: { model: /^o/ } } },
      { match: { tool_result: { tool: 'f', text: /^4/ } }, response: 'result' },
    ],
  });
  const result = [
    { role: 'assistant', tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }] },
    { role: 'tool', tool_call_id: 'call_1', content: '4 °C' },
  ];
  expect(await chat(api, 'ONE!')).toBe('alone');
  expect(await chat(api, '', { messages: [{ role: 'system', content: 'Be Terse.' }, { role: 'user', content: 'two' }] })).toBe('texts');
  const named = client(api, { defaultHeaders: { 'x-team': 'abc' } }).chat.completions.create({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'x' }] });
  expect((await named).choices[0].message.content).toBe('names');
  expect(await chat(api, '', { messages: [{ role: 'user', content: 'x' }, ...result] })).toBe('result');
});
