// RegExps mean in the emulator what they mean in JavaScript.
import { afterAll, expect, test } from 'vitest';
import { startEmulator, when } from 'llemulator';
import { chat, client, thrown } from './support.mjs';

const emulator = await startEmulator();
afterAll(() => emulator.stop());

const TEXTS = [
  '', 'Oslo', 'oslo 2026', 'a\nb', 'a\r\nb', 'a\u2028b', '{"a":1}', 'a{', 'a{2', 'aa', 'x-y', 'x&y', '[x]', 'ä', 'naïve', '٣', 'Ω', 'ſ', '\u00a0', '\ufeff', '\t', '\b',
  '/path/to', 'C:\\dir', '😀', '\0', 'a.b', 'a|b', 'tel: 555-1234', '#1 ~ &&', '--', '$5', '^', 'line one\nline two', 'cZ', 'u0041', 'A',
  'a-b@x', '+1', '_', '8', '\x01', '\x07', '\n', '\x11', '\x1f', 'é', 'afoo', 'éfoo', 'éé', '<', '</div>', 'k<a>', 'uu', ']', '!', '1-', '0-', '\x85', '\u180e', '\u0342',
];

const REGEXES = [
  /oslo/, /oslo/i, /^b$/, /^b$/m, /a.b/, /a.b/s, /\d/, /\D/, /\w/, /^\W$/u, /\s/, /^\S+$/, /[\d]/, /[^\d\s]/, /[\w-]/, /[\W]/, /[\S]/, /\bna\b/, /na\b/, /\Bo/, /[\b]/,
  /{"a":1}/, /a{/, /a{2}/, /a{2,}/, /a{2/, /\{/, /[x&&y]/, /[&~-]/, /[--]/, /[[]/, /[\]]/, /[^]/, /[]/, /a|b/, /(?:a)(b)?/, /(?<word>\w+) 2026/, /\//, /^\/path/, /\\/, /\u0041/, /\x41/, /\u{1F600}/u,
  /[\u{1F600}]/u, /\ud83d\ude00/, /\0/, /\cI/, /\t/, /\$5/, /\^/, /\-/, /\u2028/, /\p{Lu}/u, /\p{Script=Greek}/u, /\p{scx=Greek}/u, /\P{Script_Extensions=Grek}/u, /\p{sc=Grek}/u, /\p{gc=Lu}/u, /[^\p{L}]/u, /a.*?b/, /x[^a-z]y/, /(one|two)$/, /(one|two)$/m, /\c/, /\u/, /\k/, /\_/, /\ä/,
  // A hyphen beside a class, at an end, and in a range.
  /^[\w-.]+@x$/, /[\s-_]/, /[a-\d]/, /^[+-\d]+$/, /[\w-a]/, /[\d-x]/, /[x-\W]/, /[\w-\d]/, /[^\S-x]/, /[\p{Lu}-]/u, /[a-c-e]/, /[--0]/, /[+--]/, /[\--0]/, /[!-\/]/, /[[-\]]/, /[^!-]/, /[\w\-]/,
  // Characters by their octal number; a digit that is none stands for itself.
  /\07/, /\1/, /[\1]/, /(a)\7/, /[\8]/, /\8/, /\012/, /[\0-\37]/, /\0000/, /\18/,
  // Boundaries are those of ASCII letters.
  /\Bfoo/, /\bé/, /é\B/, /^\B/, /\B/,
  // Letters and signs that Rust's escapes mean more by.
  /\</, /\>/, /<\/?div\>/, /[\<-\>]/, /\k<a>/, /\u{2}/, /[\c1]/, /[\c]/, /\A/, /\z/, /(?<$n>a)b?/, /]/, /[.*+?^${}()|[\]\\]/,
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

test('what cannot agree is as docs/deviations.md says', async () => {
  const cases = [
    // Without the flag u too a character is one, whatever units JavaScript has it in, and letters are one another's capitals.
    [/^.$/, '😀', true], [/^[^a]$/, '😀', true], [/^😀{2}$/, '😀😀', true], [/[😀]/, '😁', false], [/k/i, '\u212a', true], [/S/i, 'ſ', true],
    [/\bx/iu, 'ſx', true], [/\P{Lu}/iu, 'A', false],
    [/^b/m, 'a\u2028b', false], [/^$/m, 'a\r\nb', false],
  ];
  for (const [regex, text, matched] of cases) {
    expect(regex.test(text), String(regex)).toBe(!matched);
    const api = emulator.session();
    api.replies(when(regex, 'match'));
    api.otherwise('no match');
    expect(await chat(api, text), String(regex)).toBe(matched ? 'match' : 'no match');
  }
});

test('flags that change within are taken or refused', async () => {
  const regex = (source) => {
    try {
      return new RegExp(source);
    } catch {
      return undefined; // before Node 23
    }
  };
  const api = emulator.session();
  if (regex('a(?i:b)')) api.replies(when(regex('a(?i:b)'), 'match'));
  for (const refused of ['(?s:.)', '(?i-m:^a)'].map(regex).filter(Boolean)) expect(() => when(refused, 'x')).toThrow('the flags m and s change within it');
});

test('a RegExp that the emulator refuses is shown as it was written', () => {
  const deep = new RegExp(`${'('.repeat(150)}x${')'.repeat(150)}`);
  const cases = [
    [when({ user: /(\d{1,2000}){1,1000}/i }, 'a'), 'responses[0].match.user: the RegExp /(\\d{1,2000}){1,1000}/i does not compile in the emulator: it is too big'],
    [when({ not: { model: /(a{1,2000}){1,1000}/ } }, 'a'), 'the RegExp /(a{1,2000}){1,1000}/ does not compile'],
    [when('', 'a', { expect: deep }), `the RegExp ${String(deep).slice(0, 160)}… does not compile in the emulator: exceed`],
  ];
  for (const [rule, message] of cases) expect(thrown(() => emulator.session().replies(rule))).toMatchObject({ code: 'ERR_LLEMULATOR_SCRIPT', message: expect.stringContaining(message) });
  expect(thrown(() => emulator.session().script({ responses: { '(?=a)': 'b' } })).message).toContain('regex /(?=a)/ does not compile');
  for (const half of [/\ud83d/, /[\ude00]/, /\ud83d+/, new RegExp('\ud83d')]) expect(() => when(half, 'a')).toThrow('it names half of a character (a surrogate), which it cannot do; use the flag u');
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

test('names are exact as strings, also with slashes around them', async () => {
  const api = emulator.session();
  const names = ['/gpt/', '/gpt/i', '/', '//', '/a.c/', '/gpt-4o/mini'];
  api.script({ models: 'any' });
  api.replies(...names.map((name) => when({ model: name }, name, { times: Infinity })), when({ path: '/chat/' }, 'path', { optional: true }), when({ not: { path: '/v1/' } }, 'other', { times: Infinity }));
  for (const name of names) expect(await chat(api, 'x', { model: name })).toBe(name);
  for (const name of ['gpt-4o', '/abc/', 'x/gpt/', '/GPT/']) expect(await chat(api, 'x', { model: name })).toBe('other');
  // In a script they are what the language has them be.
  api.script({ reset: true, models: 'any', rules: [{ match: { model: '/gpt/' }, response: 'searched' }] });
  expect(await chat(api, 'x', { model: 'gpt-4o' })).toBe('searched');
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
