// Sessions: what they are, what they see, what they say.
import { afterAll, expect, test, vi } from 'vitest';
import { connectEmulator, rateLimited, startEmulator, text, toolCall, when } from 'llemulator';
import { Session } from '../js/session.js';
import { chat, client, pieces, thrown } from './support.mjs';

const emulator = await startEmulator();
afterAll(() => emulator.stop());

test('the option fallback answers sessions without a script, and no others', async () => {
  const own = await startEmulator({ fallback: 'echo' });
  const answer = (api) => chat(api, 'hi').catch(({ code }) => code);
  const session = (act) => {
    const api = own.session();
    act(api);
    return api;
  };
  expect(await answer(session(() => {}))).toBe('Echo: hi');
  expect(await answer(session((api) => api.replies(when('no', 'x'))))).toBe('no_matching_rule');
  expect(await answer(session((api) => api.script({})))).toBe('no_matching_rule');
  expect(await answer(session((api) => api.otherwise('ok')))).toBe('ok');
  expect(await answer(session((api) => api.script({ defaults: { fallback: 'echo' } })))).toBe('Echo: hi');
  expect(await answer(session((api) => (api.replies('x'), api.reset())))).toBe('Echo: hi');
  const [queued, waits] = [own.session('queued'), own.session()];
  own.queue('session:queued').add('one');
  expect([await answer(queued), await answer(queued)]).toEqual(['one', 'Echo: hi']);
  own.script({});
  expect(await answer(waits)).toBe('no_matching_rule');
  await own.stop();
});

test('its own enumerable properties are the client options', () => {
  const api = emulator.session();
  expect(Object.keys(api)).toEqual(['baseURL', 'apiKey', 'adminAPIKey', 'webhookSecret', 'dangerouslyAllowBrowser']);
  expect({ ...api }).toEqual({
    baseURL: `${emulator.url}/v1`,
    apiKey: api.apiKey,
    adminAPIKey: api.apiKey,
    webhookSecret: expect.stringMatching(/^whsec_[A-Za-z0-9+/=]+$/),
    dangerouslyAllowBrowser: true,
  });
  expect(emulator.baseURL).toBe(api.baseURL);
  expect(api.env).toEqual({
    OPENAI_BASE_URL: api.baseURL,
    OPENAI_API_KEY: api.apiKey,
    OPENAI_ADMIN_KEY: api.apiKey,
    OPENAI_WEBHOOK_SECRET: api.webhookSecret,
    NO_PROXY: expect.stringContaining('127.0.0.1'),
    no_proxy: expect.stringContaining('127.0.0.1'),
  });
});

test('env keeps the hosts that need no proxy and adds the emulator’s', () => {
  const api = emulator.session();
  vi.stubEnv('NO_PROXY', 'localhost, .corp.example');
  vi.stubEnv('no_proxy', '127.0.0.1 10.0.0.0/8');
  try {
    const { NO_PROXY, no_proxy } = api.env;
    expect([NO_PROXY, no_proxy]).toEqual(Array(2).fill('localhost,.corp.example,127.0.0.1,10.0.0.0/8'));
    vi.stubEnv('NO_PROXY', undefined);
    vi.stubEnv('no_proxy', undefined);
    expect(api.env.NO_PROXY).toBe('127.0.0.1');
  } finally {
    vi.unstubAllEnvs();
  }
});

test('a new one each time; the same name is the same session', async () => {
  expect(emulator.session().apiKey).not.toBe(emulator.session().apiKey);
  emulator.session('named').replies('one');
  expect(await chat(emulator.session('named'), 'x')).toBe('one');
});

test('the first making of a session decides its clock and seed', async () => {
  const first = emulator.session('settled', { clock: 'manual', seed: 7 });
  first.replies('kept');
  expect(emulator.session('settled', { seed: 7 }).apiKey).toBe(first.apiKey);
  expect(thrown(() => emulator.session('settled', { clock: 'instant' }))).toMatchObject({
    code: 'ERR_LLEMULATOR_CONTROL',
    param: 'clock',
    message: expect.stringContaining('clock manual and seed 7'),
  });
  expect(emulator.session('settled').clock.mode).toBe('manual');
  expect(await chat(first, 'x')).toBe('kept');
});

test('without a key nobody is let in, in the words of OpenAI', async () => {
  const response = await fetch(`${emulator.baseURL}/models`);
  expect([response.status, (await response.json()).error.message]).toEqual([401, expect.stringContaining("You didn't provide an API key.")]);
});

test('reset() of the emulator forgets every session; the script for all of them stays', async () => {
  const own = await startEmulator();
  own.script({ responses: { '.*': 'shared' } });
  const api = own.session('named', { seed: 5 });
  api.replies('one', () => 'a function');
  await chat(api, 'x');
  own.reset();
  const again = own.session('named', { seed: 6 });
  expect(again.requests).toEqual([]);
  expect(await chat(again, 'x')).toBe('shared');
  await own.stop();
});

test('200 sessions side by side each see exactly their own', { timeout: 60_000 }, async () => {
  const sessions = Array.from({ length: 200 }, (_, i) => {
    const api = emulator.session(`side by side ${i}`);
    api.script({ models: [`model-${i}`] });
    api.replies(`${i} a`, () => `${i} b`, when('c', `${i} c`));
    return api;
  });
  const one = async (api, i) => {
    const model = `model-${i}`;
    const answers = [];
    for (const word of ['a', 'b', 'c']) answers.push(await chat(api, `${word} ${i}`, { model }));
    await expect(chat(api, 'x', { model: `model-${(i + 1) % 200}` })).rejects.toMatchObject({ code: 'model_not_found' });
    return answers;
  };
  const answers = await Promise.all(sessions.map(one));
  expect(answers).toEqual(sessions.map((_, i) => [`${i} a`, `${i} b`, `${i} c`]));
  sessions.forEach((api, i) => {
    expect(api.requests.map((request) => request.body.messages[0].content)).toEqual([`a ${i}`, `b ${i}`, `c ${i}`, 'x']);
    api.finish();
  });
});

test('requests are complete once they are answered', async () => {
  const api = emulator.session();
  expect([api.requests, api.lastRequest]).toEqual([[], undefined]);
  api.replies(text('Paris.'));
  await chat(api, 'The capital?', { temperature: 0.5 });
  expect(api.requests).toEqual([api.lastRequest]);
  expect(api.lastRequest).toMatchObject({
    number: 0,
    operation: 'chat.completions.create',
    method: 'POST',
    path: '/v1/chat/completions',
    body: { model: 'gpt-4o', temperature: 0.5 },
    stream: false,
    outcome: 'scripted',
    by: 'script',
    status: 200,
    said: '"Paris."',
    explanation: null,
    aborted: false,
    retryCount: 0,
    requestId: expect.stringMatching(/^req_[0-9a-f]{32}$/),
  });
  expect(JSON.stringify(api.requests)).not.toContain(api.apiKey);
  await expect(chat(api, 'more')).rejects.toMatchObject({ code: 'no_matching_rule' });
  expect(api.lastRequest).toMatchObject({ outcome: 'no_match', status: 400, explanation: expect.any(String) });
});

test('waitForRequest() gives a request that came, or waits for it', async () => {
  const api = emulator.session();
  api.otherwise('ok');
  await chat(api, 'one');
  expect((await api.waitForRequest()).body.messages[0].content).toBe('one');
  const later = api.waitForRequest((request) => request.body.messages[0].content === 'three');
  await chat(api, 'two');
  await chat(api, 'three');
  expect((await later).number).toBe(2);
});

test('waitForRequest() waits for what an async function says, and passes on what one throws', async () => {
  for (const each of [emulator, await connectEmulator(emulator.url)]) {
    const api = await each.session();
    await api.replies('a', 'b');
    await chat(api, 'one');
    await chat(api, 'two');
    expect(await api.waitForRequest(async (request) => request.body.messages[0].content === 'two')).toMatchObject({ number: 1 });
    await expect(api.waitForRequest(async () => false, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_TIMEOUT' });
    await expect(api.waitForRequest(async (request) => expect(request.body.model).toBe('nope'))).rejects.toMatchObject({ name: 'AssertionError', actual: 'gpt-4o' });
  }
});

test('waitForRequest() refuses options that there are not', async () => {
  const api = emulator.session();
  const cases = [
    [[{}], 'waitForRequest(): expected a function, not {}'],
    [[undefined, { timeout: 100 }], 'waitForRequest(): there is no option timeout; there are: timeoutMs, arrived; did you mean timeoutMs?'],
    [[undefined, { timeoutMs: '100' }], 'waitForRequest(): timeoutMs must be milliseconds, not "100"'],
    [[undefined, { timeoutMs: -1 }], 'waitForRequest(): timeoutMs must be milliseconds, not -1 (a number)'],
    [[undefined, { timeoutMs: NaN }], 'waitForRequest(): timeoutMs must be milliseconds, not NaN (a number)'],
    [[undefined, { arrived: 'no' }], 'waitForRequest(): arrived must be true or false, not "no"'],
    [[undefined, 100], 'waitForRequest(): the options must be an object, not 100 (a number)'],
    [[undefined, null], 'waitForRequest(): the options must be an object, not null'],
  ];
  for (const [args, message] of cases) {
    const error = await api.waitForRequest(...args).catch((error) => error);
    expect(error).toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT', message });
    expect(error.stack.split('\n')[1]).toContain('session.test.mjs');
  }
});

test('waitForRequest() gives up with the transcript, also under fake timers', async () => {
  const api = emulator.session();
  api.otherwise('ok');
  await chat(api, 'one');
  vi.useFakeTimers();
  try {
    await expect(api.waitForRequest(() => false, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'ERR_LLEMULATOR_TIMEOUT',
      message: expect.stringMatching(/within 20 ms[^]*user: "one"/),
    });
  } finally {
    vi.useRealTimers();
  }
});

test('the transcript is fit for a snapshot', async () => {
  const api = emulator.session();
  api.replies(toolCall('f', { x: 1 }, { check: false }), 'Paris.', when('left', 'over'));
  await client(api).responses.create({ model: 'gpt-4o', input: 'one' });
  await chat(api, 'two');
  await chat(api, 'three').catch(() => {});
  expect(api.transcript()).toMatchSnapshot();
});

test('a miss says the same in the SDK’s error, verify, finish() and the journal', async () => {
  const api = emulator.session();
  api.replies('used', when('oslo', 'Cold.', { name: 'the cold one' }));
  await chat(api, 'first');
  const { message, error } = await chat(api, 'second').catch((failure) => failure);
  const why = [
    'No matching rule for message: second (chat.completions.create).',
    'Nearest rule: the cold one. user: wanted /oslo/, got "second".',
    'Would match, but used up: responses[0] (used 1 of 1).',
    'Left: the cold one (used 0 of 1).',
  ];
  const before = ['1. chat.completions.create user: "first"', '   → [responses[0]] 200 "used"'];
  expect(error.message.split('\n')).toEqual([...why, 'Earlier in this session:', ...before]);
  expect(message).toContain(error.message);
  const all = [...before, '2. chat.completions.create user: "second"', '   ✗ [no match] 400', ...why.map((line) => `     ${line}`)].join('\n');
  expect(thrown(() => api.finish()).message).toContain(all);
  expect(api.transcript()).toContain(all);
  const verified = await fetch(new URL('/_emulator/verify', emulator.url), { headers: { authorization: `Bearer ${api.apiKey}` } });
  expect((await verified.json()).transcript).toBe(api.transcript());
  expect(api.lastRequest.explanation).toBe(why.join('\n'));
});

test('finish() throws the transcript if something is left or came unscripted', async () => {
  const api = emulator.session();
  api.replies('used', 'left');
  await chat(api, 'x');
  expect(thrown(() => api.finish())).toMatchObject({ code: 'ERR_LLEMULATOR_UNFINISHED', message: expect.stringMatching(/^finish\(\): 1 reply was not used\n[^]*"left"/) });
  await chat(api, 'x');
  api.finish();
  await chat(api, 'y').catch(() => {});
  expect(thrown(() => api.finish()).message).toMatch(/^finish\(\): 1 request was not scripted/);
  api.reset();
  api.finish();
  expect(api.requests).toEqual([]);
});

test('no number ends the process: a clock refuses what it cannot reach', () => {
  const api = emulator.session('far', { clock: 'manual' });
  for (const far of [1e23, Number.MAX_VALUE, 253_402_300_799_000]) {
    expect(thrown(() => api.clock.advance(far)).message).toContain('advance_ms');
  }
  expect(api.clock.now).toBe(Date.UTC(2026, 0, 1));
});

test('what is left is shown where it was given', async () => {
  const api = emulator.session();
  api.replies('used', () => 'x', function weather() {});
  api.script({ rules: [{ match: 'a', response: { text: 'b' } }] });
  await chat(api, 'x');
  const { message, stack } = thrown(() => api.finish());
  // Functions by their names: their numbers change from run to run.
  expect(message).toContain('- [responses[1]] a function (1 left)\n   - [responses[2]] the function weather (1 left)\n   - [rules[0]] {"match":"a"');
  expect(api.transcript()).not.toContain('session.test.mjs');
  const lines = stack.split('\n    at ').slice(1).map((frame) => Number(/session\.test\.mjs:(\d+)/.exec(frame)?.[1]));
  expect(lines.slice(0, 2)).toEqual([expect.any(Number), lines[0] + 1]);
  expect(lines[2]).toBe(lines[0] + 3);
});

test('the manual clock moves by advance() alone', async () => {
  const api = emulator.session('slow', { clock: 'manual' });
  expect(api.clock).toMatchObject({ mode: 'manual', now: Date.UTC(2026, 0, 1), pending: [] });
  api.replies(text('late', { ttftMs: 30_000 }));
  const answer = chat(api, 'x');
  await vi.waitUntil(() => api.clock.pending.length > 0);
  api.clock.advance(30_000);
  expect(await answer).toBe('late');
  expect(api.clock.now).toBe(Date.UTC(2026, 0, 1, 0, 0, 30));
});

test('on the instant clock a slow stream, a background response and Retry-After take no time', async () => {
  const began = Date.now();
  const api = emulator.session('instant', { clock: 'instant' });
  const started = api.clock.now;
  const openai = client(api, { maxRetries: 1 });
  api.replies(
    text('one two three', { ttftMs: 15_000, delayMs: 5000 }),
    text('later', { ttftMs: 60_000 }),
    rateLimited({ retryAfterMs: 20_000 }),
    'again',
  );
  expect(await pieces(api, 'x')).toEqual(['one', ' two', ' three']);
  expect(api.clock.now - started).toBe(30_000);
  let answer = await openai.responses.create({ model: 'gpt-4o', input: 'x', background: true });
  expect(answer.status).toBe('queued');
  while (['queued', 'in_progress'].includes(answer.status)) answer = await openai.responses.retrieve(answer.id);
  expect([answer.status, answer.output_text]).toEqual(['completed', 'later']);
  const { data, response } = await openai.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] }).withResponse();
  expect([data.choices[0].message.content, response.status]).toEqual(['again', 200]);
  expect(api.requests.at(-1).retryCount).toBe(1);
  expect(api.clock.now - started).toBeGreaterThanOrEqual(110_000);
  expect(Date.now() - began).toBeLessThan(10_000);
});

test('off the real clock, the same seed, name and requests give the same bytes', async () => {
  const answers = [];
  for (let run = 0; run < 2; run++) {
    const own = await startEmulator({ clock: 'instant', seed: 7 });
    const api = own.session();
    api.replies(text('slow', { ttftMs: 60_000 }), toolCall('f', {}, { check: false }));
    answers.push([await ask(api), await ask(api)]);
    await own.stop();
  }
  expect(answers[0]).toEqual(answers[1]);

  async function ask(api) {
    const response = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] }).asResponse();
    return response.text();
  }
});

test('the journal is read page by page, at once here and as a promise elsewhere', async () => {
  const journal = [0, 1, 2, 3, 4].map((number) => ({ number, state: 'done' }));
  const page = (path) => {
    const since = Number(/since=(\d+)/.exec(path)[1]);
    return { data: journal.slice(since, since + 2), has_more: since + 2 < journal.length, revision: since };
  };
  const door = (control) => new Session({ url: 'http://127.0.0.1', now: () => 0, control }, 'key');
  const here = door((key, method, path, body, read) => read(page(path)));
  const elsewhere = door(async (key, method, path, body, read) => read(page(path)));
  const numbers = (list) => list.map((each) => each.number);
  expect(numbers(here.requests)).toEqual([0, 1, 2, 3, 4]);
  expect(numbers(await elsewhere.requests)).toEqual([0, 1, 2, 3, 4]);
  // What is wanted may stand on a later page.
  expect(await elsewhere.waitForRequest((request) => request.number === 4)).toMatchObject({ number: 4 });
});
