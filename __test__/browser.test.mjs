// Pages in a real browser: whose may use the emulator, and whose may not.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEmulator } from 'llemulator';
import { chat, pieces } from './support.mjs';

/** Debian's Chromium, else the Chrome that is installed. */
const DEBIAN = '/usr/bin/chromium';
const program = existsSync(DEBIAN) ? { executablePath: DEBIAN } : { channel: 'chrome' };

// An empty page under every name and address that leads here: all of 127.0.0.0/8 on Linux, one of them elsewhere.
const pages = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>')).listen(0, '0.0.0.0');
let browser;

beforeAll(async () => {
  browser = await chromium.launch({
    ...program,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--host-resolver-rules=MAP evil.example 127.0.0.1',
    ],
  });
}, 60_000);

afterAll(async () => {
  await browser.close();
  pages.close();
});

/** What a page of this host can do with an emulator, by every way a browser has. */
async function seenFrom(host, url, apiKey) {
  const page = await browser.newPage();
  await page.goto(`http://${host}:${pages.address().port}/`);
  const seen = await page.evaluate(tries, { url, apiKey });
  await page.close();
  return seen;
}

/* Runs in the page. */
async function tries({ url, apiKey }) {
  const status = (path, init) => fetch(url + path, init).then((response) => response.status, () => 'refused');
  const authorization = `Bearer ${apiKey}`;
  const script = JSON.stringify({ responses: ['from a page'] });
  // What needs no leave of the server is sent in any case; whether it did anything is looked at afterwards.
  await fetch(`${url}/_emulator/shared-script`, { method: 'POST', mode: 'no-cors', body: script }).catch(() => undefined);
  await new Promise((resolve) => {
    const frame = document.createElement('iframe');
    frame.name = 'answer';
    document.body.append(frame);
    const form = document.createElement('form');
    Object.assign(form, { method: 'POST', action: `${url}/_emulator/shared-script`, enctype: 'text/plain', target: 'answer' });
    const field = document.createElement('input');
    // A form's field makes JSON of its name and value.
    Object.assign(field, { name: script.slice(0, -2), value: script.slice(-2) });
    form.append(field);
    document.body.append(form);
    frame.addEventListener('load', resolve);
    form.submit();
  });
  return {
    plain: await status('/v1/models'),
    asked: await status('/v1/models', { headers: { authorization } }),
    control: await status('/_emulator/requests', { headers: { authorization } }),
    script: await status('/_emulator/script', { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: script }),
    text: await status('/_emulator/script', { method: 'POST', body: script }),
    socket: await new Promise((resolve) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/responses`, [`openai-insecure-api-key.${apiKey}`]);
      socket.onopen = () => (resolve('open'), socket.close());
      socket.onerror = () => resolve('refused');
    }),
  };
}

const ALL = { plain: 200, asked: 200, control: 200, script: 200, text: 200, socket: 'open' };
const NOTHING = { plain: 'refused', asked: 'refused', control: 'refused', script: 'refused', text: 'refused', socket: 'refused' };

test.each([
  ['localhost', 'loopback', ALL],
  [process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1', 'loopback', ALL],
  ['evil.example', 'loopback', NOTHING],
  ['evil.example', 'any', { ...NOTHING, plain: 200, asked: 200, socket: 'open' }],
])('a page of %s, cors %s', { timeout: 60_000 }, async (host, cors, expected) => {
  // The most open profile: no key is needed, and any content type is read.
  const emulator = await startEmulator({ profile: 'relaxed', cors });
  try {
    const api = emulator.session();
    expect(await seenFrom(host, emulator.url, api.apiKey)).toEqual(expected);
    // The shared script serves sessions without their own.
    expect(await chat(emulator.session(), 'x')).toBe(expected.control === 200 ? 'from a page' : 'Echo: x');
  } finally {
    await emulator.stop();
  }
});

test('a page of an allowed host', { timeout: 60_000 }, async () => {
  const emulator = await startEmulator({ profile: 'relaxed', allowedHosts: ['evil.example'] });
  expect(await seenFrom('evil.example', emulator.url, emulator.session().apiKey)).toEqual(ALL);
  await emulator.stop();
});

test('what a browser has kept as HAR is answered by an emulator', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'llemulator-har-'));
  try {
    const recorded = await startEmulator();
    const api = recorded.session();
    api.script({ responses: ['Paris.', 'Oslo é.'] });
    const har = path.join(folder, 'browser.har');
    const context = await browser.newContext({ recordHar: { path: har, content: 'embed' } });
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${pages.address().port}/`);
    const asked = async ({ url, apiKey }) => {
      const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
      const ask = (content, stream) => fetch(`${url}/chat/completions`, { method: 'POST', headers, body: JSON.stringify({ model: 'gpt-4o', stream, messages: [{ role: 'user', content }] }) });
      return [await (await ask('France?', false)).text(), await (await ask('Norway?', true)).text()];
    };
    const [whole, stream] = await page.evaluate(asked, { url: api.baseURL, apiKey: api.apiKey });
    expect(whole).toContain('Paris.');
    expect(stream).toContain('[DONE]');
    await context.close();
    await recorded.stop();
    const player = await startEmulator({ cassettes: har });
    const again = player.session();
    expect(await chat(again, 'France?')).toBe('Paris.');
    expect((await pieces(again, 'Norway?')).join('')).toBe('Oslo é.');
    await expect(chat(again, 'Spain?')).rejects.toMatchObject({ code: 'no_recording' });
    await player.stop();
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);

/* Runs in the page: seconds of sound; width and height of a picture. */
async function decoded({ media, data }) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  if (media.startsWith('audio/')) return (await new OfflineAudioContext(1, 1, 24_000).decodeAudioData(bytes.buffer)).duration;
  const picture = Object.assign(new Image(), { src: URL.createObjectURL(new Blob([bytes], { type: media })) });
  await picture.decode();
  return [picture.naturalWidth, picture.naturalHeight];
}

test('sound and pictures of every format are what a browser decodes', { timeout: 60_000 }, async () => {
  const emulator = await startEmulator();
  const session = emulator.session();
  const post = (path, body) => fetch(session.baseURL + path, {
    method: 'POST', headers: { authorization: `Bearer ${session.apiKey}`, 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${pages.address().port}/`);
  const input = 'The quick brown fox jumps over the lazy dog.';
  for (const response_format of ['mp3', 'opus', 'aac', 'flac', 'wav']) {
    const answer = await post('/audio/speech', { model: 'gpt-4o-mini-tts', voice: 'alloy', input, response_format });
    expect(answer.status, response_format).toBe(200);
    const data = Buffer.from(await answer.arrayBuffer()).toString('base64');
    const seconds = await page.evaluate(decoded, { media: answer.headers.get('content-type'), data });
    expect(Math.abs(seconds - 2.7), response_format).toBeLessThan(0.1);
  }
  for (const output_format of ['png', 'jpeg', 'webp', 'gif', 'svg']) {
    const answer = await post('/images/generations', { model: 'gpt-image-2.6-sunburst', prompt: 'a fox', size: '1536x1024', output_format });
    expect(answer.status, output_format).toBe(200);
    const media = output_format === 'svg' ? 'image/svg+xml' : `image/${output_format}`;
    const data = (await answer.json()).data[0].b64_json;
    expect(await page.evaluate(decoded, { media, data }), output_format).toEqual([1536, 1024]);
  }
  await page.close();
  await emulator.stop();
});
