// Mistakes: a stable code, a message that helps, the line of the mistake.
import { afterAll, expect, test } from 'vitest';
import * as llemulator from 'llemulator';
import { PLATFORMS } from '../scripts/platforms.mjs';
import { ROOT, runProgram, thrown } from './support.mjs';

const { LLEmulatorError, json, raw, reasoning, startEmulator, text, toolCall, toolCalls, when } = llemulator;
const emulator = await startEmulator();
afterAll(() => emulator.stop());
const api = emulator.session();

/** Lists, or objects, one in another. */
const lists = (levels) => Array.from({ length: levels - 1 }).reduce((inner) => [inner], []);
const objects = (levels, key, leaf = {}) => Array.from({ length: levels - 1 }).reduce((inner) => ({ [key]: inner }), leaf);

test.each([
  ['no reply', () => api.replies(), 'at least one reply'],
  ['a number', () => api.replies('a', 42), 'replies(): argument 2 is 42 (a number)'],
  ['a list', () => api.replies(['a']), 'spread the list'],
  ['a promise', () => api.replies(Promise.resolve('a')), 'argument 1'],
  ['nothing for otherwise', () => api.otherwise(), 'otherwise(): the reply is undefined'],
  ['a script that is none', () => api.script(7), 'script.schema.json'],
  ['a script as JSON text', () => api.script('{"responses": ["a"]}'), 'give JSON.parse(…) of it'],
  ['an empty script as JSON text', () => emulator.script(' {"rules": []}'), 'give JSON.parse(…) of it'],
  ['a list of responses as JSON text', () => api.script('["a"]'), 'give JSON.parse(…) of it'],
  ['a text that is none', () => text(7), 'text(): the text must be a string, not 7'],
  ['an unknown option', () => text('a', { delay: 5 }), 'there is no option delay; there are: reasoning'],
  ['an option with a slip', () => text('a', { delayMS: 5 }), 'did you mean delayMs?'],
  ['options that are none', () => text('a', 5), 'the options must be an object'],
  ['arguments that are none', () => toolCall('f', 5), "toolCall('f'): the arguments"],
  ['JSON that is a promise', () => json(Promise.resolve({})), 'json(): the value is a promise (await it), which JSON cannot hold'],
  ['JSON that is undefined', () => json(undefined), 'json(): the value is undefined'],
  ['JSON with a promise of somebody else’s', () => json({ a: { then() {} } }), 'a is a promise'],
  ['JSON that is a Map', () => json(new Map([['a', 1]])), 'the value is of the type Map'],
  ['JSON with a Set', () => json({ a: [{ b: new Set() }] }), 'json(): a[0].b is of the type Set'],
  ['JSON with bytes', () => json({ a: new Uint8Array(1) }), 'a is of the type Uint8Array'],
  ['JSON that is an answer not yet read', () => json(new Response('{}')), 'the value is of the type Response'],
  ['JSON with an error', () => json({ a: new Error('b') }), 'a is of the type Error'],
  ['JSON with a generator', () => json({ a: (function* () {})() }), 'a is of the type Generator'],
  ['JSON with a function', () => json({ a: () => 1 }), 'json(): a is the function a'],
  ['JSON with a RegExp', () => json({ b: /x/ }), 'b is the RegExp /x/'],
  ['JSON with no number', () => json({ c: NaN }), 'c is NaN'],
  ['JSON with no finite number', () => json([1, -Infinity]), '[1] is -Infinity'],
  ['JSON with a BigInt', () => json({ d: 1n }), 'd is the BigInt 1n'],
  ['JSON with a symbol', () => json({ e: Symbol('s') }), 'e is Symbol(s)'],
  ['JSON with a hole', () => json([, 1]), '[0] is undefined'],
  ['JSON that holds itself', () => { const knot = { a: [] }; knot.a.push(knot); json(knot); }, 'a[0] is circular: it holds itself'],
  ['arguments that are a promise', () => toolCall('f', Promise.resolve({})), "toolCall('f'): arguments is a promise (await it)"],
  ['arguments that are a Map', () => toolCall('f', new Map()), "toolCall('f'): arguments is of the type Map"],
  ['arguments with a function', () => toolCall('f', { a: () => 1 }), "toolCall('f'): arguments.a is the function a"],
  ['a raw body with a Map', () => api.replies(raw({ body: { a: new Map() } })), 'responses[0].raw.body.a is of the type Map'],
  ['options of a tool call that are none', () => toolCall('f', {}, null), 'toolCall(): the options must be an object, not null'],
  ['options of sound that are none', () => llemulator.audio('AQID', null), 'audio(): the options must be an object, not null'],
  ['chunks that are no list', () => raw({ chunks: 'abc' }), 'raw(): chunks must be a list of { atMs, text }, not "abc"'],
  ['options after the options', () => text('a', { model: 'b' }, { delayMs: 5 }), 'text(): {"delayMs":5} is an argument too many; give all options in one object'],
  ['options after those of a tool call', () => toolCall('f', {}, {}, { delayMs: 5 }), 'toolCall(): {"delayMs":5} is an argument too many'],
  ['a time limit', () => llemulator.timeout(500), 'timeout(): 500 (a number) is an argument too many; it never answers; stall({ ms: 500 })'],
  ['a time limit after nothing', () => llemulator.timeout(undefined, { ms: 5 }), 'timeout(): {"ms":5} is an argument too many'],
  ['options after a raw text', () => raw('gone', { status: 404 }), "raw(): {\"status\":404} is an argument too many; give one object: raw({ status: 404, body: 'gone' })"],
  ['options after a raw answer', () => raw({ body: 'gone' }, { status: 404 }), 'raw(): {"status":404} is an argument too many'],
  ['options after an error’s message', () => llemulator.error(429, 'slow', { retryAfterMs: 5 }), 'error(): {"retryAfterMs":5} is an argument too many; give one object, with the message in it'],
  ['options after those of an error', () => llemulator.error(429, {}, { retryAfterMs: 5 }), 'error(): {"retryAfterMs":5} is an argument too many; give all options in one object'],
  ...['rateLimited', 'quotaExceeded', 'serverError', 'contextLengthExceeded', 'invalidApiKey', 'generated'].flatMap((name) => [
    [`options after those of ${name}`, () => llemulator[name]({}, { seed: 5 }), `${name}(): {"seed":5} is an argument too many`],
    [`options after nothing of ${name}`, () => llemulator[name](undefined, { seed: 5 }), `${name}(): {"seed":5} is an argument too many`],
  ]),
  ...['disconnect', 'stall', 'malformed'].flatMap((name) => [
    [`options after those of ${name}`, () => llemulator[name]('a', { at: 1 }, { ms: 5 }), `${name}(): {"ms":5} is an argument too many; give a reply and one object of options`],
    [`a broken reply for ${name}`, () => llemulator[name](llemulator.disconnect('a')), `${name}(): the reply breaks already, by {"kind":"disconnect"}`],
  ]),
  ['a time limit that is cut', () => llemulator.disconnect(llemulator.timeout(), { at: 'connect' }), 'by {"kind":"stall","at":"connect"}, and it breaks once'],
  ['a second reply of a rule', () => when('a', 'b', {}, 'c'), 'when(): "c" is an argument too many; give several replies as a list'],
  ['a second last resort', () => api.otherwise('a', 'b'), 'otherwise(): "b" is an argument too many; give one reply'],
  ['a second script', () => api.script({}, {}), 'script(): {} is an argument too many'],
  ['a second script for all', () => emulator.script({}, {}), 'script(): {} is an argument too many'],
  ['options after those of a session', () => emulator.session('a', {}, { seed: 1 }), 'session(): {"seed":1} is an argument too many'],
  ['options after those of a cassette', () => api.cassette('a.jsonl', {}, { record: 'all' }), 'cassette(): {"record":"all"} is an argument too many'],
  ['a second hold', () => api.release('a', 'b'), 'release(): "b" is an argument too many'],
  ['no hold', () => api.release(), 'release(): expected the name of a hold, not undefined'],
  ['a time’s unit', () => api.clock.advance(1, 's'), 'clock.advance(): "s" is an argument too many'],
  ['replies of a queue', () => emulator.queue('127.0.0.1', 'a'), 'queue(): "a" is an argument too many; add them'],
  ['the id of a queue’s item', () => emulator.queue('127.0.0.1').clear('id'), 'clear(): "id" is an argument too many; it drops all items; remove(id) drops one'],
  ['a second id of a queue’s item', () => emulator.queue('127.0.0.1').remove('id', 'other'), 'remove(): "other" is an argument too many'],
  ['changes after the changes', () => emulator.queue('127.0.0.1').change('id', {}, { times: 2 }), 'change(): {"times":2} is an argument too many'],
  ['options after those of an answer', () => emulator.answer('id', 'a', {}, { keep: 'b' }), 'answer(): {"keep":"b"} is an argument too many'],
  ['fields after those of an act', () => emulator.act('id', 'claim', {}, { by: 'b' }), 'act(): {"by":"b"} is an argument too many'],
  ['a second listener', () => emulator.on('pending', () => {}, () => {}), 'on(): the function (anonymous) is an argument too many'],
  ['a second listener no more', () => emulator.off('pending', () => {}, () => {}), 'off(): the function (anonymous) is an argument too many'],
  ['options after those of a local model', () => llemulator.localModel({ path: 'a' }, { seed: 1 }), 'localModel(): {"seed":1} is an argument too many'],
  ['reasoning in reasoning', () => reasoning('outer', reasoning('inner', 'x')), 'reasoning(): reasoning is given twice, as "outer" and as "inner", and a reply has one'],
  ['reasoning with reasoning as an option', () => reasoning('outer', 'x', { reasoning: ['inner'] }), 'reasoning is given twice, as "outer" and as ["inner"]'],
  ['a model for a reply with one', () => reasoning('a', text('b', { model: 'c' }), { model: 'd' }), 'model is given twice, as "c" and as "d"'],
  ['a pace for a reply with one', () => reasoning('a', text('b', { chunk: 'word' }), { chunk: 'char' }), 'pace.chunk is given twice, as "word" and as "char"'],
  ['calls with several usages', () => toolCalls(toolCall('a', {}, { usage: { prompt_tokens: 1 } }), toolCall('b', {}, { usage: { prompt_tokens: 2 } })), 'toolCalls(): usage.prompt_tokens is given twice, as 1 (a number) and as 2 (a number)'],
  ['calls with several faults', () => toolCalls(llemulator.stall(toolCall('a')), llemulator.disconnect(toolCall('b'))), 'toolCalls(): fault is given twice'],
  ['JSON nested too deep', () => json(lists(101)), 'json(): [0][0][0][0][0][0][0][0][0][0][0][0][0][… is nested more than 100 levels deep, and the emulator reads no more'],
  ['JSON nested without end', () => json(objects(20_000, 'a')), 'json(): a.a.a.a.a'],
  ['arguments nested too deep', () => toolCall('f', objects(101, 'a')), "toolCall('f'): arguments.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.… is nested more than 100 levels deep"],
  ['a raw body nested too deep', () => api.replies('a', when('b', [raw({ body: lists(20_000) })])), 'responses[1].responses[0].raw.body[0][0]… is nested more than 110 levels deep'],
  ['a condition nested too deep', () => when({ body: lists(20_000) }, 'a'), 'when(): body[0][0]'],
  ['conditions in too many nots', () => when(objects(20_000, 'not'), 'a'), 'when(): not.not.not.not.not.not.not.not.not.not.… stands in more than 100 nots'],
  ['a script’s conditions in too many nots', () => api.script({ rules: [{ match: objects(102, 'not'), response: 'a' }] }), 'rules[0].match.not.not'],
  ['a custom tool without text', () => toolCall('f', {}, { custom: true }), 'the input of a custom tool is a string'],
  ['no calls', () => toolCalls(), 'at least one'],
  ['a status that is none', () => llemulator.error(200), 'from 400 to 599'],
  ['an unknown condition', () => when({ usr: 'a' }, 'b'), 'there is no condition usr; there are: user'],
  ['a condition in JSON’s spelling', () => when({ tool_result: 'a' }, 'b'), 'did you mean toolResult?'],
  ['a condition like no other', () => when({ xyzzy: 'a' }, 'b'), 'path, method, not'],
  ['a condition that is none', () => when({ user: 5 }, 'b'), 'user must be a string or a RegExp'],
  ['no reply in a rule', () => when('a'), 'the reply is undefined'],
  ['an unknown rule option', () => when('a', 'b', { time: 2 }), 'there is no option time'],
  ['look-ahead', () => when(/a(?=b)/, 'c'), 'it looks around'],
  ['look-behind', () => when({ system: /(?<!a)b/ }, 'c'), 'it looks around'],
  ['a back-reference', () => when(/(a)\1/, 'c'), 'it refers back to a group'],
  ['a named back-reference', () => when(/(?<n>a)\k<n>/, 'c'), 'it refers back to a group'],
  ['a sticky RegExp', () => when(/a/y, 'c'), 'begin it with ^'],
  ['a RegExp for the body', () => when({ not: { body: { model: /gpt/ } } }, 'a'), 'when(): not.body.model is the RegExp /gpt/; expected JSON, whose texts are compared whole; a RegExp may stand in user'],
  ['a RegExp in a list of the body', () => when('', 'a', { expect: { body: { messages: [{ content: /secret/ }] } } }), 'when(): expect.body.messages[0].content is the RegExp /secret/'],
  ['a RegExp for an operation', () => when({ not: { operation: /^chat/ } }, 'a'), "not.operation is the RegExp /^chat/; expected a string: 'chat'"],
  ['a RegExp for a tool offered', () => when('', 'a', { expect: { not: { toolOffered: /^get_/ } } }), 'expect.not.toolOffered is the RegExp /^get_/; expected the name of a tool'],
  ['a RegExp for a tool’s result', () => when({ toolResult: /get/ }, 'a'), 'toolResult is the RegExp /get/; expected the name of a tool, { tool, text } or false'],
  ['a RegExp for the tool of a result', () => when({ toolResult: { tool: /get/, text: /4/ } }, 'a'), 'toolResult.tool is the RegExp /get/'],
  ['a RegExp for a method', () => when({ method: /^post$/i }, 'a'), "method is the RegExp /^post$/i; expected a string such as 'POST'"],
  ['a function as a condition', () => when({ not: { body: { model: () => true } } }, 'a'), 'not.body.model is the function model'],
  ['a function as a condition on text', () => when({ not: { user: () => true } }, 'a'), 'not.user must be a string or a RegExp, not the function user'],
  ['an unknown condition further down', () => when('', 'a', { expect: { not: { usr: 'a' } } }), 'expect.not: there is no condition usr'],
  ['a RegExp deep in a script’s body', () => api.script({ rules: [{ match: { not: { json: { a: [{ b: [{ c: [{ d: /x/ }] }] }] } } }, response: 'a' }] }), 'rules[0].match.not.json.a[0].b[0].c[0].d is the RegExp /x/; expected JSON'],
  ['a RegExp for a script’s operation', () => api.script({ responses: [{ text: 'a', expect: { operation: /chat/ } }] }), 'responses[0].expect.operation is the RegExp /chat/'],
  ['a RegExp in a reply', () => api.replies({ text: 'a', model: /x/ }), 'responses[0].model is the RegExp /x/, which JSON cannot hold'],
  ['a function in a reply', () => api.replies('a', text('a', { usage: () => 1 })), 'responses[1].usage is the function usage'],
  ['a function inside a reply', () => api.replies(when('a', { output: [() => 'a'] })), 'responses[0].response.output[0] is the function'],
  ['the number of a function', () => api.script({ responses: [{ callback: 1 }] }), 'responses[0].callback: scripts have no such key'],
  ['the number of a function in a rule', () => api.replies(when('a', ['b', { callback: 1, callback_name: 'f' }])), 'responses[0].responses[1].callback: scripts'],
  ['the number of a function in a map', () => emulator.script({ responses: { a: { callback: 1 } } }), 'responses.a.callback: scripts'],
  ['the number of a function as the last resort', () => api.otherwise({ callback: 1 }), 'defaults.fallback.callback: scripts'],
  ['the name of a function', () => api.replies({ text: 'a', callback_name: 'f' }), 'responses[0].callback_name: scripts'],
  ['where a script was given', () => api.script({ responses: ['a'], called_at: 'here' }), 'called_at: scripts have no such key'],
  ['an undefined condition', () => when({ user: {}.cityy }, 'Cold.'), 'when(): user is undefined; give a value, or leave the condition out'],
  ['an undefined condition in not', () => when({ not: { model: undefined } }, 'a'), 'not.model is undefined'],
  ['an undefined condition of a tool’s result', () => when({ toolResult: { tool: 'f', text: undefined } }, 'a'), 'toolResult.text must be a string or a RegExp, not undefined'],
  ['an undefined header', () => when({ header: { 'x-a': undefined } }, 'a'), 'header.x-a must be a string or a RegExp, not undefined'],
  ['an undefined expectation', () => when('', 'a', { expect: { user: undefined } }), 'expect.user is undefined'],
  ['an undefined value of the body', () => when('', 'a', { expect: { body: { temperature: undefined } } }), 'expect.body.temperature is undefined; expected JSON'],
  ['an undefined match of a script', () => api.script({ rules: [{ match: undefined, response: 'a' }] }), 'rules[0].match: expected a string, a RegExp or an object of conditions, not undefined'],
  ['an undefined condition of a script', () => api.script({ responses: [{ text: 'a', expect: { not: { tool_offered: undefined } } }] }), 'responses[0].expect.not.tool_offered is undefined'],
  ['options of a rule that are none', () => when('a', 'b', null), 'when(): the options must be an object, not null'],
  ['a session’s name', () => emulator.session(''), 'session(): the name'],
  ['a session’s option', () => emulator.session('a', { sed: 1 }), 'there is no option sed; there are: clock, seed; did you mean seed?'],
  ['a session’s clock', () => emulator.session('a', { clock: 'manul' }), 'there is no clock "manul"; there are: "real", "instant", "manual"; did you mean "manual"?'],
  ['a session’s seed', () => emulator.session('a', { seed: -1 }), 'the seed must be a whole number of at least 0, not -1'],
  ['a clock’s time', () => api.clock.advance('1s'), 'expected milliseconds'],
])('%s is refused at the caller’s line', (_what, act, message) => {
  const error = thrown(act);
  expect(error).toBeInstanceOf(LLEmulatorError);
  expect(error).toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT', message: expect.stringContaining(message) });
  expect(error.stack.split('\n').find((line) => line.startsWith('    at '))).toContain('errors.test.mjs');
});

test('what is nested as deep as is allowed is read, wherever it stands', () => {
  const own = emulator.session();
  own.replies(when(objects(101, 'not', { user: 'a' }), [llemulator.output([json(objects(100, 'a')), toolCall('f', lists(100))]), raw({ sse: [{ data: lists(100) }] })]));
  own.script({ reset: true, responses: [{ json: lists(100) }] });
});

test('options of several parts that can hold together do', () => {
  expect(reasoning('a', text('b', { chunk: 'word', usage: { prompt_tokens: 1 }, model: 'c' }), { delayMs: 5, usage: { completion_tokens: 2 }, model: 'c' })).toEqual({
    reasoning: 'a', text: 'b', model: 'c', pace: { chunk: 'word', delay_ms: 5 }, usage: { prompt_tokens: 1, completion_tokens: 2 },
  });
  expect(toolCalls(toolCall('a', {}, { check: false, ttftMs: 1 }), toolCall('b', {}, { check: false, delayMs: 2 }))).toEqual({
    tool_calls: [{ name: 'a', arguments: {} }, { name: 'b', arguments: {} }], check: false, pace: { ttft_ms: 1, delay_ms: 2 },
  });
});

test('an argument too many is refused by what gives a promise too', async () => {
  const refused = (what) => ({ code: 'ERR_LLEMULATOR_ARGUMENT', message: expect.stringContaining(`${what} is an argument too many`) });
  await expect(startEmulator({}, { port: 1 })).rejects.toMatchObject(refused('startEmulator(): {"port":1}'));
  await expect(api.waitForRequest(() => true, {}, 5)).rejects.toMatchObject(refused('waitForRequest(): 5 (a number)'));
  await expect(llemulator.connectEmulator(emulator.url, {}, 'token')).rejects.toMatchObject(refused('connectEmulator(): "token"'));
  const there = await llemulator.connectEmulator(emulator.url);
  await expect(there.session('a', {}, 5)).rejects.toMatchObject(refused('session(): 5 (a number)'));
  await expect(there.script({}, {})).rejects.toMatchObject(refused('script(): {}'));
  await expect(there.answer('id', 'a', {}, 5)).rejects.toMatchObject(refused('answer(): 5 (a number)'));
  await expect(there.act('id', 'claim', {}, 5)).rejects.toMatchObject(refused('act(): 5 (a number)'));
  expect(() => there.queue('127.0.0.1', 'a')).toThrow('queue(): "a" is an argument too many');
});

test('options that are undefined are not given', () => {
  const own = emulator.session();
  own.replies(when('a', 'b', { times: undefined, expect: undefined, optional: undefined, name: undefined }));
  own.script({ reset: true, responses: undefined, rules: [{ response: 'a', optional: undefined, times: undefined }] });
  expect(thrown(() => own.finish()).message).toContain('1 reply was not used');
});

test('a mistake at whatever depth is at the caller’s line, with as many frames as asked', () => {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 2;
  try {
    const deep = JSON.parse(`${'{"not":'.repeat(50)}{}${'}'.repeat(50)}`, (key, value) => (Object.keys(value).length ? value : { body: /x/ }));
    const frames = thrown(() => when(deep, 'a')).stack.split('\n    at ').slice(1);
    expect(frames).toHaveLength(2);
    expect(frames[0]).toContain('errors.test.mjs');
    expect(Error.stackTraceLimit).toBe(2);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
});

test('a script is refused whole, with the place of the fault', () => {
  const error = thrown(() => api.script({ responses: ['fine', { text: 'x', times: 'twice' }] }));
  expect(error).toMatchObject({ code: 'ERR_LLEMULATOR_SCRIPT', param: 'responses[1].times', message: expect.stringContaining('responses[1].times') });
  expect(error.stack.split('\n').find((line) => line.startsWith('    at '))).toContain('errors.test.mjs');
  api.finish();
});

test('what was copied from the API is told from a reply', () => {
  expect(thrown(() => api.replies({ role: 'assistant', content: 'Hi' }))).toMatchObject({ code: 'ERR_LLEMULATOR_SCRIPT', message: expect.stringContaining("text('…')") });
  const completion = { object: 'chat.completion', choices: [{ message: { role: 'assistant', content: 'Hi' } }] };
  expect(thrown(() => api.replies(when('a', completion)))).toMatchObject({ code: 'ERR_LLEMULATOR_SCRIPT', message: expect.stringContaining('raw({ body: … })') });
});

test('the real clock cannot be moved', () => {
  expect(thrown(() => api.clock.advance(1))).toMatchObject({ code: 'ERR_LLEMULATOR_CONTROL', message: expect.stringContaining('manual') });
});

test('startEmulator refuses unknown options and taken ports', async () => {
  for (const [options, message] of [
    [{ prot: 1 }, 'there is no option `prot`; did you mean `port`?'],
    [{ fallBack: 'echo' }, 'there is no option `fallBack`; did you mean `fallback`?'],
    [{ port: '8080' }, 'the option `port` is "8080"; expected a whole number from 0 to 65535'],
    [{ fallback: 'ecko' }, 'expected "error" or "echo" or "generate" or "upstream" or "manual" or "replay"; did you mean "echo"?'],
    [{ fallback: () => 'x' }, 'the option `fallback` is the function fallback'],
    [{ port: NaN }, 'the option `port` is NaN'],
    [{ seed: 1n }, 'the option `seed` is 1'],
  ]) {
    await expect(startEmulator(options)).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_OPTIONS', message: expect.stringContaining(message) });
  }
  await (await startEmulator({ port: undefined })).stop();
  await expect(startEmulator(8080)).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT' });
  await expect(startEmulator({ port: emulator.port })).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_LISTEN', message: expect.stringContaining(String(emulator.port)) });
});

test('a missing addon is named, with platform and remedy', async () => {
  const use = "require('llemulator').startEmulator().catch((error) => console.log(JSON.stringify([error.code, error.message])))";
  const { stdout } = await runProgram(process.execPath, ['-e', use], { env: { LLEMULATOR_NATIVE: `${ROOT}no-such.node` } });
  const [code, message] = JSON.parse(stdout);
  expect(code).toBe('ERR_LLEMULATOR_NATIVE');
  expect(message).toContain(`${process.platform} ${process.arch}`);
  expect(message).toContain('no-such.node, which the environment variable LLEMULATOR_NATIVE names');
});

// Another platform is played by changing what Node says of this one, before the package is loaded.
test.each([
  ['darwin', 'arm64', '', ['darwin arm64', 'the package @llemulator/darwin-arm64 is not installed', 'npm install']],
  ['win32', 'x64', '', ['win32 x64', '@llemulator/win32-x64-msvc is not installed']],
  ['linux', 'arm64', '', ['linux arm64 glibc', '@llemulator/linux-arm64-gnu is not installed']],
  ['linux', 'x64', 'x86_64', ['linux x64 musl', '@llemulator/linux-x64-musl is not installed']],
  ['aix', 'ppc64', '', ['aix ppc64', 'no binary is published for this platform', PLATFORMS.map(({ name }) => name).join(', ')]],
])('without a binary for %s %s %s the error names system, package and remedy', async (platform, arch, musl, parts) => {
  const use = `
    Object.defineProperties(process, { platform: { value: '${platform}' }, arch: { value: '${arch}' } });
    const fs = require('node:fs');
    const { existsSync } = fs;
    fs.existsSync = (file) => '${musl}' && file === '/lib/ld-musl-${musl}.so.1' || !file.startsWith('/lib/') && existsSync(file);
    process.report.getReport = () => ({ header: {} });
    require('llemulator').startEmulator().catch((error) => console.log(JSON.stringify([error.code, error.message])));`;
  const { stdout, stderr } = await runProgram(process.execPath, ['-e', use], { env: { LLEMULATOR_NATIVE: '' } });
  expect(stderr).toBe('');
  const [code, message] = JSON.parse(stdout);
  expect(code).toBe('ERR_LLEMULATOR_NATIVE');
  for (const part of parts) expect(message).toContain(part);
});

test('every name that the types give is there, and no other', async () => {
  const { readFileSync } = await import('node:fs');
  const types = ['index.d.ts', 'types/local.d.ts', 'types/replies.d.ts'].map((file) => readFileSync(`${ROOT}${file}`, 'utf8')).join('\n');
  const declared = [...types.matchAll(/^export (?:function|const|class) (\w+)/gm)].map(([, name]) => name);
  const { createRequire } = await import('node:module');
  expect(Object.keys(llemulator).sort()).toEqual([...new Set(declared)].sort());
  expect(Object.keys(createRequire(import.meta.url)('llemulator')).sort()).toEqual(Object.keys(llemulator).sort());
});
