// A mistake in a test never ends green: finish() knows of it whatever the application's try/catch made of it.
import { afterAll, expect, test, vi } from 'vitest';
import { json, startEmulator, text, timeout, toolCall, when } from 'llemulator';
import { chat, client, thrown } from './support.mjs';

const emulator = await startEmulator();
afterAll(() => emulator.stop());

const unfinished = (api) => thrown(() => api.finish());
const swallowed = (request) => request.catch((error) => error);

class Oops extends Error {}

const functions = {
  'a function that throws': () => {
    throw new Oops('no');
  },
  'a function that rejects': async () => {
    throw new Oops('no');
  },
  'a generator that throws at once': async function* () {
    throw new Oops('no');
  },
  'a generator that throws later': async function* () {
    yield 'so far';
    throw new Oops('no');
  },
};

test.each(Object.entries(functions))('%s fails finish(), with what it threw as cause', async (_name, reply) => {
  for (const stream of [false, true]) {
    const api = emulator.session();
    api.replies(reply);
    const asked = client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], stream });
    await swallowed(asked.then(async (answer) => {
      if (stream) for await (const _ of answer);
    }));
    await api.waitForRequest();
    const error = unfinished(api);
    expect(error).toMatchObject({ code: 'ERR_LLEMULATOR_UNFINISHED', cause: expect.any(Oops) });
    expect(error.cause.stack).toContain('finish.test.mjs');
    expect(error.message).toMatch(/^finish\(\): 1 request failed\n/);
    expect(api.lastRequest).toMatchObject({ outcome: 'scripted', rule: 'responses[0]', failure: { code: 'reply_function_failed' } });
    api.reset();
    api.finish();
  }
});

test('an assertion inside a function fails finish() with its difference', async () => {
  const api = emulator.session();
  api.replies((request) => (expect(request.lastUserText).toBe('two'), 'ok'));
  const error = await swallowed(chat(api, 'one'));
  expect(error.status).toBe(400);
  expect(unfinished(api).cause).toMatchObject({ name: 'AssertionError', expected: 'two', actual: 'one' });
});

test('every complaint of the emulator fails finish(), with the first as cause', async () => {
  const strict = { response_format: { type: 'json_schema', json_schema: { name: 'n', strict: true, schema: { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false } } } };
  const cases = [
    ['script_mismatch', (api) => (api.replies(json({ b: 1 })), chat(api, 'x', strict))],
    ['script_mismatch', (api) => (api.replies(toolCall('nobody', {})), chat(api, 'x'))],
    ['expectation_failed', (api) => (api.replies(when({}, 'x', { expect: { user: 'y' } })), chat(api, 'x'))],
    ['no_matching_rule', (api) => chat(api, 'x')],
  ];
  for (const [code, ask] of cases) {
    const api = emulator.session();
    const { status } = await swallowed(ask(api));
    expect(status).toBe(400);
    expect(unfinished(api).cause).toMatchObject({ code });
  }
});

test('what the journal drops is counted, and matchers say that they cannot know', async () => {
  const small = await startEmulator({ journalSize: 2 });
  const api = small.session();
  api.replies(when('fine', 'ok', { times: 3 }));
  await swallowed(chat(api, 'stray'));
  for (let count = 0; count < 3; count++) await chat(api, 'fine');
  expect(api.forgotten).toBe(2);
  expect(unfinished(api).message).toMatch(/^finish\(\): 1 request was not scripted\n\n\(2 exchanges are no longer kept.*\n3\. /);
  const { matchers } = await import('llemulator/vitest');
  expect.extend(matchers);
  expect(() => expect(api).toHaveReceivedRequests(2)).toThrow('journalSize');
  expect(() => expect(api).not.toHaveReceivedRequests(9)).toThrow('journalSize');
  expect(() => expect(api).not.toHaveReceivedRequest({ method: 'PUT' })).toThrow('journalSize');
  expect(() => expect(api).not.toHaveCalledTool('f')).toThrow('journalSize');
  expect(api).toHaveReceivedRequest({ method: 'POST' });
  await small.stop();
});

test('requests in flight are seen: by the journal, the transcript, waitForRequest() and finish()', async () => {
  const api = emulator.session({ clock: 'manual' });
  api.replies(text('late', { ttftMs: 30_000 }));
  const answer = chat(api, 'x');
  const request = await api.waitForRequest();
  expect(request).toMatchObject({ state: 'in_flight', status: null, waitingFor: { kind: 'clock', until: 30_000 } });
  expect(api.requests.filter(({ state }) => state === 'in_flight')).toHaveLength(1);
  expect(api.transcript()).toBe('1. chat.completions.create user: "x"\n   … [responses[0]] waits for the clock: 30000 ms after its start\n');
  expect(unfinished(api).message).toMatch(/^finish\(\): 1 request is not answered yet\n/);
  api.clock.advance(30_000);
  expect(await answer).toBe('late');
  expect(await api.waitForRequest()).toMatchObject({ state: 'done', status: 200, waitingFor: null });
  api.finish();
});

test('a function that runs and a hold are what a request waits for', async () => {
  const api = emulator.session();
  let settle;
  api.replies(() => new Promise((resolve) => (settle = resolve)), text('b', { hold: { afterChunks: 0, until: 'go' } }));
  const first = chat(api, 'x');
  expect(await api.waitForRequest()).toMatchObject({ waitingFor: { kind: 'function' } });
  await vi.waitUntil(() => settle);
  settle('a');
  expect(await first).toBe('a');
  const second = chat(api, 'y');
  expect(await api.waitForRequest((request) => request.waitingFor)).toMatchObject({ waitingFor: { kind: 'hold', name: 'go' } });
  api.release('go');
  expect(await second).toBe('b');
  api.finish();
});

test('timeout() is not shown as answered', async () => {
  const api = emulator.session();
  api.replies(timeout());
  const asked = swallowed(chat(Object.assign(Object.create(api), { ...api }), 'x'));
  expect(await api.waitForRequest()).toMatchObject({ waitingFor: { kind: 'client' }, status: null, said: '' });
  api.reset();
  void asked;
  const leaving = emulator.session();
  leaving.replies(timeout());
  const { name } = await swallowed(client(leaving, { timeout: 50 }).responses.create({ model: 'gpt-4o', input: 'x' }));
  expect(name).toBe('Error');
  expect(await leaving.waitForRequest(({ state }) => state === 'done')).toMatchObject({ status: null, said: '', aborted: true, state: 'done' });
  leaving.finish();
});

test('what runs while reset() is called ends in the journal it began in', async () => {
  const api = emulator.session();
  let settle;
  api.replies(() => new Promise((resolve) => (settle = resolve)));
  const asked = swallowed(chat(api, 'x'));
  await vi.waitUntil(() => settle);
  api.reset();
  settle('late');
  expect(await asked).toBe('late');
  expect(api.requests).toEqual([]);
  api.finish();
});

test('a client that has just left does not fail finish()', async () => {
  const api = emulator.session();
  for (let round = 0; round < 20; round++) {
    api.replies(text('one two three', { chunk: 'word', delayMs: 5_000 }));
    const stream = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], stream: true });
    for await (const _ of stream) break;
    api.finish();
  }
});

/** What a function does once its client has left: `gone` resolves then. */
const tooLate = {
  'a function that throws': (gone) => async (_request, { signal }) => {
    await left(signal, gone);
    throw new Oops('late');
  },
  'a function that gives no reply': (gone) => async (_request, { signal }) => {
    await left(signal, gone);
    return 42;
  },
  'a function that gives a bad reply': (gone) => async (_request, { signal }) => {
    await left(signal, gone);
    return { txt: 'late' };
  },
  'a generator that yields a bad reply': (gone) => async function* (_request, { signal }) {
    yield 'one';
    await left(signal, gone);
    yield { text: 'two', pace: { speed: 1 } };
  },
  'a generator that throws': (gone) => async function* (_request, { signal }) {
    yield 'one';
    await left(signal, gone);
    throw new Oops('late');
  },
  'a generator whose finally throws': (gone) => async function* (_request, { signal }) {
    try {
      yield 'one';
      await left(signal, gone);
      yield 'two';
    } finally {
      throw new Oops('late');
    }
  },
};
const left = (signal, gone) => new Promise((resolve) => signal.addEventListener('abort', resolve)).then(gone);

/** Asks, and leaves: after a first piece if there is one. */
async function leave(api, reply) {
  await new Promise((gone) => {
    api.replies(reply(gone));
    const asked = client(api, { timeout: 100 }).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], stream: true });
    void swallowed(asked.then(async (stream) => {
      for await (const { choices } of stream) if (choices[0]?.delta.content) break;
    }));
  });
}

test.each(Object.entries(tooLate))('%s after its client has left fails finish()', async (_name, reply) => {
  const api = emulator.session();
  await leave(api, reply);
  const error = await vi.waitUntil(() => swallowed(Promise.resolve().then(() => api.finish())));
  expect(error.message).toMatch(/^finish\(\): 1 reply function failed after the client had left\n\n1\. /);
  expect(error.cause.message).toMatch(/^late$|returned 42|returned a bad reply: reply\.txt: |yielded a bad reply: reply\.pace\.speed: /);
  api.reset();
  api.finish();
});

test('that the signal was aborted is no failure of a function that passes it on', async () => {
  const passedOn = {
    'the reason': (signal) => signal.throwIfAborted(),
    fetch: (signal) => fetch(emulator.url, { signal }),
    AbortError: async (signal) => (await import('node:timers/promises')).setTimeout(10_000, undefined, { signal }),
    'the SDK': (signal) => client(emulator.session()).models.list({ signal }),
  };
  for (const act of Object.values(passedOn)) {
    const api = emulator.session();
    await leave(api, (gone) => async (_request, { signal }) => {
      await left(signal, () => undefined);
      try {
        await act(signal);
      } finally {
        setTimeout(gone, 20);
      }
      throw new Oops('not reached');
    });
    api.finish();
  }
});

test('the cause is what failed first, not what was thrown first', async () => {
  const api = emulator.session();
  api.replies(() => ({ tex: 1 }), () => {
    throw new Oops('second');
  });
  await swallowed(chat(api, 'x'));
  await swallowed(chat(api, 'y'));
  expect(unfinished(api).cause).toMatchObject({ code: 'reply_function_failed', message: expect.stringContaining('tex') });
});

test('what a function of the shared script threw is the cause in the session that asked', async () => {
  const own = await startEmulator();
  own.script({ rules: [{ match: {}, times: 'unlimited', response: ({ lastUserText }) => {
    throw new Oops(lastUserText);
  } }] });
  const [one, two] = [own.session('one'), own.session('two')];
  await swallowed(chat(one, 'first'));
  await swallowed(chat(two, 'second'));
  expect(unfinished(one).cause).toMatchObject(new Oops('first'));
  expect(unfinished(two).cause).toMatchObject(new Oops('second'));
  expect(unfinished(two).cause).toBeInstanceOf(Oops);
  await own.stop();
});
