// connectEmulator: an emulator in another process, over HTTP.
import { afterAll, expect, test, vi } from 'vitest';
import { connectEmulator, rateLimited, startEmulator, text, when } from 'llemulator';
import { chat, client, startCommand } from './support.mjs';

const { url, printed, stop } = await startCommand(['--port', '0', '--profile', 'strict']);
const emulator = await connectEmulator(url);

afterAll(async () => expect(await stop()).toEqual([0, null]));

test('the same names, each a promise', async () => {
  const api = await emulator.session('remote');
  expect(Object.keys(api)).toEqual(['baseURL', 'apiKey', 'adminAPIKey', 'webhookSecret', 'dangerouslyAllowBrowser']);
  await api.replies(rateLimited(), 'Paris.', when(/oslo/i, text('Cold.')));
  await api.otherwise('ok');
  expect((await client(api, { maxRetries: 1 }).responses.create({ model: 'gpt-4o', input: 'x' })).output_text).toBe('Paris.');
  expect([await chat(api, 'OSLO'), await chat(api, 'more')]).toEqual(['Cold.', 'ok']);
  expect((await api.requests).map((request) => request.outcome)).toEqual(['scripted', 'scripted', 'scripted', 'fallback']);
  expect((await api.lastRequest).body.messages[0].content).toBe('more');
  expect(await api.transcript()).toContain('"Paris."');
  await api.finish();
  await api.replies('left');
  await expect(api.finish()).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_UNFINISHED' });
  await api.reset();
  expect(await api.requests).toEqual([]);
});

test('a miss says the same in the SDK’s error, the log, verify, finish() and the journal', async () => {
  const api = await emulator.session('missed');
  await api.replies('used', when('oslo', 'Cold.', { name: 'the cold one' }));
  await chat(api, 'first');
  const { error } = await chat(api, 'second').catch((failure) => failure);
  const lines = error.message.split('\n');
  const [why, earlier] = [lines.slice(0, -3), lines.slice(-2)];
  expect(why).toEqual([
    'No matching rule for message: second (chat.completions.create).',
    'Nearest rule: the cold one. user: wanted /oslo/, got "second".',
    'Would match, but used up: responses[0] (used 1 of 1).',
    'Left: the cold one (used 0 of 1).',
  ]);
  expect(earlier).toEqual(['1. chat.completions.create user: "first"', '   → [responses[0]] 200 "used"']);
  await vi.waitUntil(() => printed.err.includes(`llemulator: ${error.message}\n`));
  expect((await api.lastRequest).explanation).toBe(why.join('\n'));
  const transcript = [...earlier, '2. chat.completions.create user: "second"', '   ✗ [no match] 400', ...why.map((line) => `     ${line}`)].join('\n');
  const verified = await fetch(`${url}/_emulator/verify`, { headers: { authorization: `Bearer ${api.apiKey}` } });
  expect((await verified.json()).transcript).toContain(transcript);
  await expect(api.finish()).rejects.toThrow(transcript);
});

test('waitForRequest() waits', async () => {
  const api = await emulator.session();
  await api.otherwise('ok');
  const waiting = api.waitForRequest((request) => request.body.messages[0].content === 'b');
  await chat(api, 'a');
  await chat(api, 'b');
  expect(await waiting).toMatchObject({ number: 1, outcome: 'fallback' });
  await expect(api.waitForRequest(() => false, { timeoutMs: 10 })).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_TIMEOUT' });
});

test('clock, seed and shared script', async () => {
  const api = await emulator.session({ clock: 'manual' });
  expect(await api.clock.mode).toBe('manual');
  await api.clock.advance(1000);
  expect(await api.clock.now).toBe(Date.UTC(2026, 0, 1, 0, 0, 1));
  await emulator.script({ responses: { '.*': 'shared' } });
  expect(await chat(await emulator.session(), 'x')).toBe('shared');
});

test('reset() forgets every session', async () => {
  const own = await startEmulator();
  const there = await connectEmulator(own.url);
  const api = await there.session('kept');
  await api.replies('one', 'left');
  await chat(api, 'x');
  await there.reset();
  expect(await (await there.session('kept')).requests).toEqual([]);
  await (await there.session('kept')).finish();
  await own.stop();
});

test('bound beyond loopback, what is the emulator’s needs the control token', async () => {
  const wide = await startEmulator({ host: '0.0.0.0', controlToken: 'secret' });
  const origin = `http://127.0.0.1:${wide.port}`;
  const stranger = await connectEmulator(origin);
  await expect(stranger.session()).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_CONTROL' });
  await expect(stranger.script({ responses: ['x'] })).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_CONTROL' });
  const trusted = await connectEmulator(origin, { controlToken: 'secret' });
  const api = await trusted.session();
  await api.replies('let in');
  expect(await chat(api, 'x')).toBe('let in');
  await wide.stop();
});

test('mistakes have a code', async () => {
  const api = await emulator.session();
  await expect(async () => api.replies(() => 'x')).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT', message: expect.stringContaining('only in the process') });
  await expect(async () => api.replies(42)).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT' });
  await expect(api.script({ responses: [{ txt: 1 }] })).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_SCRIPT', param: 'responses[0].txt' });
  await expect(connectEmulator('nonsense')).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT' });
  const urls = [
    ['ftp://127.0.0.1:8080', 'connectEmulator(): "ftp://127.0.0.1:8080" begins with ftp:; expected http: or https:, e.g. http://127.0.0.1:8080'],
    ['127.0.0.1:8080', 'connectEmulator(): "127.0.0.1:8080" is no URL'],
    ['localhost:8080', 'begins with localhost:; expected http: or https:'],
    ['file:///tmp', 'begins with file:'],
    [`${url}/some/prefix`, `connectEmulator(): "${url}/some/prefix" has /some/prefix after the origin; give ${url} alone`],
    [emulator.baseURL, `has /v1 after the origin; give ${url} alone`],
    [`${url}/?session=a#b`, 'has ?session=a#b after the origin'],
    [url.replace('://', '://me:secret@'), `connectEmulator(): the URL of ${url} has a user or password; a control token is the option controlToken`],
  ];
  for (const [given, message] of urls) await expect(connectEmulator(given)).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT', message: expect.stringContaining(message) });
  expect((await connectEmulator(`${url}/`)).url).toBe(url);
  const options = [
    [{ controltoken: 'x' }, 'connectEmulator(): there is no option controltoken; there are: controlToken; did you mean controlToken?'],
    [{ controlToken: 42 }, 'connectEmulator(): controlToken must be a string, not 42 (a number)'],
    ['secret', 'connectEmulator(): the options must be an object, not "secret"'],
    [null, 'connectEmulator(): the options must be an object, not null'],
  ];
  for (const [given, message] of options) await expect(connectEmulator(url, given)).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT', message });
  await expect(connectEmulator()).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_ARGUMENT', message: expect.stringContaining('LLEMULATOR_URL') });
  await expect(connectEmulator('http://127.0.0.1:1')).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_CONNECT', message: expect.stringContaining('127.0.0.1:1') });
});
