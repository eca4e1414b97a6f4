// Preset queues, requests that wait for a person, and events: what the control room has, from JavaScript.
import { connectEmulator, error, startEmulator, text, toolCall } from 'llemulator';
import { afterAll, describe, expect, test } from 'vitest';
import { chat, client, pieces, startCommand, thrown } from './support.mjs';

const started = [];
afterAll(() => Promise.all(started.map((emulator) => emulator.stop())));

async function start(options) {
  const emulator = await startEmulator(options);
  started.push(emulator);
  return emulator;
}

/** The next event of a name. */
const next = (emulator, event) =>
  new Promise((resolve) => {
    const once = (data) => {
      emulator.off(event, once);
      resolve(data);
    };
    emulator.on(event, once);
  });

describe('queue', () => {
  test('answers whoever asks next from an address, in order', async () => {
    const emulator = await start({ fallback: 'echo' });
    const queue = emulator.queue('127.0.0.1');
    const ids = queue.add('One.', error(429), toolCall('f', { a: 1 }));
    expect(ids).toHaveLength(3);
    expect(queue.items.map((item) => item.id)).toEqual(ids);
    const api = emulator.session();
    expect(await chat(api, 'x')).toBe('One.');
    await expect(chat(api, 'x')).rejects.toMatchObject({ status: 429 });
    const tools = [{ type: 'function', function: { name: 'f' } }];
    const answer = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }], tools });
    expect(answer.choices[0].message.tool_calls[0].function).toEqual({ name: 'f', arguments: '{"a":1}' });
    expect(await chat(api, 'x')).toBe('Echo: x');
    expect(queue.items).toEqual([]);
  });

  test('of a session comes first; items are changed, moved, repeated and removed', async () => {
    const emulator = await start({ fallback: 'echo' });
    const api = emulator.session('checkout');
    const mine = emulator.queue('session:checkout');
    const [one, two] = mine.add({ reply: text('again', { chunk: 'word' }), times: 2 }, 'gone');
    mine.add({ response: { choices: [{ message: { content: 'body' } }] }, status: 201, fill: true, headers: { 'x-own': '1' } });
    mine.remove(two);
    mine.change(one, { times: Infinity, position: 1 });
    emulator.queue('127.0.0.1').add('whoever');
    const { data, response } = await client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] }).withResponse();
    expect([data.choices[0].message.content, data.object, response.headers.get('x-own')]).toEqual(['body', 'chat.completion', '1']);
    expect([await chat(api, 'x'), await chat(api, 'x'), await chat(api, 'x')]).toEqual(['again', 'again', 'again']);
    expect(mine.items).toMatchObject([{ id: one, times: 'unlimited' }]);
    mine.clear();
    expect(await chat(api, 'x')).toBe('whoever');
    emulator.queue('never seen').clear();
  });

  test('refuses what it cannot answer with, and adds nothing of it', async () => {
    const emulator = await start();
    const queue = emulator.queue('127.0.0.1');
    for (const [item, why] of [
      [7, /argument 1 is 7/],
      [() => 'x', /functions answer requests as they come/],
      [{ response: {}, stauts: 1 }, /did you mean.*status/],
      [{ match: 'x', response: 'y' }, /is a rule/],
      [{ txt: 'x' }, /items\[0\]: reply\.txt/],
    ]) {
      const refused = thrown(() => queue.add(item, 'good'));
      expect(refused, String(why)).toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT', message: expect.stringMatching(why) });
    }
    expect(thrown(() => queue.add()).code).toBe('ERR_LLEMULATOR_ARGUMENT');
    expect(thrown(() => emulator.queue(7)).code).toBe('ERR_LLEMULATOR_ARGUMENT');
    for (const given of [undefined, null, 2]) expect(thrown(() => queue.change('none', given))).toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT', message: expect.stringContaining('change(): the changes must be an object') });
    expect(thrown(() => emulator.answer('none', 'x', null))).toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT', message: 'answer(): the options must be an object, not null' });
    // What would change nothing is said, not passed over.
    expect(thrown(() => emulator.answer('none', 'x', { times: 2 }))).toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT', message: expect.stringContaining('there is no keep') });
    expect(thrown(() => emulator.answer('none', ['x'], { keep: {} }))).toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT', message: expect.stringContaining('keep and times are for a reply given at once') });
    expect(thrown(() => emulator.answer('none', 'x', { keeep: 'y' })).message).toContain('did you mean keep?');
    expect(thrown(() => queue.change('none', { times: 1 })).code).toBe('ERR_LLEMULATOR_CONTROL');
    expect(queue.items).toEqual([]);
  });
});

describe('requests that wait for a person', () => {
  test('are listed, told and answered', async () => {
    const emulator = await start({ fallback: 'manual' });
    const api = emulator.session('shop');
    const answered = next(emulator, 'answered');
    emulator.on('pending', (request) => emulator.answer(request.id, `By hand: ${request.asked}`));
    expect(await chat(api, 'hello')).toBe('By hand: hello');
    expect(await answered).toMatchObject({ how: 'answer' });
    expect(emulator.pending).toEqual([]);
    expect(api.lastRequest).toMatchObject({ by: 'operator', outcome: 'fallback' });
  });

  test('wait with all that was asked, and with the smallest answer that is allowed', async () => {
    const emulator = await start({ fallback: 'manual' });
    const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false };
    const format = { type: 'json_schema', json_schema: { name: 's', strict: true, schema } };
    const told = next(emulator, 'pending');
    const asked = chat(emulator.session('shop'), 'hello', { response_format: format });
    const request = await told;
    expect(emulator.pending).toMatchObject([{ id: request.id, session: 'shop', operation: 'chat.completions.create', asked: 'hello', stream: false, typed: '', paused: null }]);
    expect(request.body.response_format).toEqual(format);
    expect(Object.keys(request.smallest.json)).toEqual(['a']);
    emulator.answer(request, request.smallest);
    expect(JSON.parse(await asked)).toEqual(request.smallest.json);
    expect(thrown(() => emulator.answer(request.id, 'again'))).toMatchObject({ code: 'ERR_LLEMULATOR_CONTROL', message: expect.stringContaining('answered') });
  });

  test('stream what is typed as it is typed', async () => {
    const emulator = await start({ fallback: 'manual' });
    const seen = [];
    emulator.on('pending', (request) =>
      emulator.answer(request.id, (async function* () {
        yield 'one ';
        yield 'two';
      })()));
    emulator.on('typed', ({ text: more }) => seen.push(more));
    expect((await pieces(emulator.session(), 'x')).join('')).toBe('one two');
    await expect.poll(() => seen).toEqual(['one ', 'two']);
  });

  test('that fail while they are typed end their request', async () => {
    const emulator = await start({ fallback: 'manual' });
    const boom = async function* () {
      yield 'one ';
      throw new Error('boom');
    };
    for (const typed of [boom(), ['one ', 2], []]) {
      const waits = next(emulator, 'pending');
      const asked = pieces(emulator.session(), 'x').catch((error) => error);
      await expect(emulator.answer(await waits, typed)).rejects.toThrow(/boom|must be strings|typed/);
      expect(await asked).toBeInstanceOf(Error);
      expect(emulator.pending).toEqual([]);
    }
  });

  test('become a rule when the answer is kept', async () => {
    const emulator = await start({ fallback: 'manual' });
    const api = emulator.session();
    emulator.on('pending', (request) => emulator.answer(request.id, 'Paris.', { keep: /capital/i, times: Infinity }));
    expect(await chat(api, 'The capital?')).toBe('Paris.');
    expect(await chat(api, 'CAPITAL!')).toBe('Paris.');
    expect(api.lastRequest.by).toBe('script');
  });

  test('are claimed, let go and cut', async () => {
    const emulator = await start({ fallback: 'manual' });
    const api = emulator.session();
    const one = next(emulator, 'pending');
    const asked = chat(api, 'x');
    const request = await one;
    emulator.act(request, 'claim', { by: 'Ada' });
    expect(emulator.pending[0].claimed.by).toBe('Ada');
    emulator.act(request, 'fallback', { to: 'echo' });
    expect(await asked).toBe('Echo: x');
    const another = next(emulator, 'pending');
    const cut = chat(api, 'x');
    emulator.act(await another, 'cut');
    await expect(cut).rejects.toThrow(/[Cc]onnection/);
    expect(thrown(() => emulator.act(request, 'clam'))).toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT', message: expect.stringContaining('claim') });
  });

  test('leave with a reason', async () => {
    const emulator = await start({ fallback: 'manual', clock: 'manual' });
    const api = emulator.session();
    const told = next(emulator, 'pending');
    const left = new AbortController();
    const asked = client(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] }, { signal: left.signal }).catch((error) => error);
    const { id } = await told;
    const cancelled = next(emulator, 'cancelled');
    left.abort();
    expect(await cancelled).toEqual({ id, reason: 'client_left' });
    await asked;
    const again = next(emulator, 'pending');
    const late = chat(api, 'x').catch((error) => error);
    await again;
    const over = next(emulator, 'cancelled');
    api.clock.advance(300_000);
    expect(await over).toMatchObject({ reason: 'timed_out' });
    expect(await late).toMatchObject({ status: 504, code: 'manual_timeout' });
    for (const [reason, end] of [['reset', () => api.reset()], ['stopped', () => emulator.stop()]]) {
      const told = next(emulator, 'pending');
      const asked = chat(api, 'x').catch((error) => error);
      const { id } = await told;
      const over = next(emulator, 'cancelled');
      await end();
      expect(await over).toEqual({ id, reason });
      expect(await asked).toBeInstanceOf(Error);
    }
  });

  test('are told to who comes later, and to nobody who has gone', async () => {
    const emulator = await start({ fallback: 'manual' });
    const asked = chat(emulator.session(), 'x');
    await expect.poll(() => emulator.pending.length).toBe(1);
    const request = await next(emulator, 'pending');
    const gone = () => expect.unreachable('it listens no more');
    emulator.on('answered', gone);
    emulator.off('answered', gone);
    // Who came later is told later: by then it would have been told.
    const told = next(emulator, 'answered');
    emulator.answer(request, 'y');
    expect(await asked).toBe('y');
    await told;
    expect(thrown(() => emulator.on('pendng', () => {}))).toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT', message: expect.stringContaining('pending') });
    expect(thrown(() => emulator.on('pending', 7)).code).toBe('ERR_LLEMULATOR_ARGUMENT');
  });
});

test('an emulator elsewhere has the same, each a promise', async () => {
  const server = await startCommand(['--port', '0', '--fallback', 'manual']);
  try {
    const emulator = await connectEmulator(server.url);
    const api = await emulator.session('shop');
    const [id] = await emulator.queue('127.0.0.1').add('queued', text('second'));
    expect((await emulator.queue('127.0.0.1').items)[0].id).toBe(id);
    expect(await chat(api, 'x')).toBe('queued');
    await emulator.queue('127.0.0.1').clear();
    const asked = chat(api, 'by hand?');
    await expect.poll(async () => (await emulator.pending).length).toBe(1);
    const [request] = await emulator.pending;
    await emulator.act(request, 'claim');
    await emulator.answer(request, ['typed ', 'too']);
    expect(await asked).toBe('typed too');
    await expect(emulator.answer(request, 'again')).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_CONTROL' });
  } finally {
    await server.stop();
  }
});
