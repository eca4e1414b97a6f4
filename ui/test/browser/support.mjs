// Driving the page in Debian's Chromium, against whatever speaks the control room's contract.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { chromium } from 'playwright-core';

/** Debian's Chromium, else the Chrome that is installed. */
const DEBIAN = '/usr/bin/chromium';
const program = existsSync(DEBIAN) ? { executablePath: DEBIAN } : { channel: 'chrome' };

export const launch = () => chromium.launch({ ...program, args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });

/**
 * A page on a view. What must never happen is counted: errors, violations of the page's policy, foreign addresses.
 * @param {import('playwright-core').Browser} browser
 */
export async function open(browser, url, view = 'live', options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', reducedMotion: 'reduce', permissions: ['clipboard-read', 'clipboard-write'], ...options });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && !/WebSocket|ERR_|status of 4/.test(message.text()) && wrong.push(`console: ${message.text()}`));
  page.on('request', (request) => new URL(request.url()).host !== new URL(url).host && !/^(data|blob):/.test(request.url()) && wrong.push(`foreign: ${request.url()}`));
  await page.addInitScript(() => {
    window.hacked = [];
    addEventListener('securitypolicyviolation', (event) => window.hacked.push(`policy: ${event.violatedDirective} ${event.sourceFile}:${event.lineNumber}`));
  });
  await page.goto(`${url}/#/${view}`);
  await page.getByText('connected', { exact: true }).waitFor({ state: 'attached' });
  return Object.assign(page, { wrong, clean: async () => [...wrong, ...(await page.evaluate(() => window.hacked))], shut: () => context.close() });
}

/** The API key of each session the tests speak of; the name itself where a host has no other. */
export const keys = new Map();

/** Asks as an application does. */
export function ask(url, text, { key = 'checkout', body = {}, ...more } = {}) {
  const answer = fetch(`${url}/v1/chat/completions`, {
    method: 'POST', headers: { authorization: `Bearer ${keys.get(key) ?? key}`, 'content-type': 'application/json' }, body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: text }], ...body }), ...more,
  });
  // A test that fails before it looks at the answer has failed once already.
  answer.catch(() => {});
  return answer;
}

/** What an application is told. */
export const said = async (answer) => (await answer).json().then((body) => body.choices?.[0].message.content ?? body.choices?.[0].message.refusal ?? body);

/** A line between browser and emulator that can be cut. */
export async function line(url) {
  const sockets = new Set();
  let up = true;
  let to = url;
  const server = net.createServer((socket) => {
    if (!up) return socket.destroy();
    const other = net.connect(Number(new URL(to).port), '127.0.0.1');
    for (const [one, to] of [[socket, other], [other, socket]]) {
      sockets.add(one);
      one.on('error', () => {}).on('close', () => (sockets.delete(one), to.destroy()));
      one.pipe(to);
    }
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut() {
      up = false;
      sockets.forEach((socket) => socket.destroy());
    },
    /** Mends it; perhaps it leads elsewhere then. */
    mend: (next = url) => ((to = next), (up = true)),
    close: () => (sockets.forEach((socket) => socket.destroy()), server.close()),
  };
}

/** What stands before an emulator and speaks https, with a certificate of its own making. */
export async function https(url) {
  const folder = mkdtempSync(path.join(tmpdir(), 'llemulator-https-'));
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'pipe' });
  const server = tls.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) => {
    const other = net.connect(Number(new URL(url).port), '127.0.0.1');
    for (const [one, to] of [[socket, other], [other, socket]]) one.on('error', () => {}).on('close', () => to.destroy()).pipe(to);
  });
  rmSync(folder, { recursive: true });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return { url: `https://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** How many exchanges the live view says it knows. */
export const known = async (page) => Number((await page.locator('.foot').textContent()).match(/of ([\d,]+)/)[1].replace(',', ''));

/**
 * Records the times between a page's frames.
 * @returns {Promise<() => Promise<{ median: number, p95: number, p99: number, longest: number }>>} gives those since it was
 *   called last, in ms
 */
export async function frames(page) {
  await page.evaluate(() => {
    window.drawn = [];
    let last;
    const drawn = (now) => {
      if (last !== undefined) window.drawn.push(now - last);
      last = now;
      requestAnimationFrame(drawn);
    };
    requestAnimationFrame(drawn);
  });
  return async () => {
    const times = (await page.evaluate(() => window.drawn.splice(0))).sort((one, other) => one - other);
    const at = (share) => Math.round(10 * (times[Math.max(0, Math.ceil(times.length * share) - 1)] ?? Infinity)) / 10;
    return { median: at(0.5), p95: at(0.95), p99: at(0.99), longest: at(1) };
  };
}

/**
 * Begins to follow what the pages' main threads do.
 * @param {import('playwright-core').Browser} browser
 * @returns {Promise<() => Promise<number>>} ends it, and gives the processor's time that the longest task took, in ms: what a
 *   task waits for a processor that others use is not in it
 */
export async function tasks(browser) {
  await browser.startTracing(undefined, { categories: ['toplevel'] });
  return async () => {
    const { traceEvents } = JSON.parse(await browser.stopTracing());
    const pages = new Set(traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid}/${tid}`));
    const times = traceEvents.filter(({ tdur, pid, tid }) => tdur !== undefined && pages.has(`${pid}/${tid}`)).map(({ tdur }) => tdur / 1000);
    if (!times.length) throw new Error('Chromium traced no task of a page: has the event ThreadControllerImpl::RunTask got another name?');
    return Math.round(10 * times.reduce((longest, time) => Math.max(longest, time), 0)) / 10;
  };
}

/** What stands in a row and covers what stands beside it. */
export const covered = (page) => page.evaluate(() => [...document.querySelectorAll('.bar, .row, .detail-head, .top')].filter((row) => row.checkVisibility()).flatMap((row) => {
  const places = [...row.children].filter((one) => one.checkVisibility() && !one.matches('.visually-hidden, i')).map((one) => [one, one.matches('.field.inline') ? one.lastElementChild.getBoundingClientRect() : one.getBoundingClientRect()]);
  return places.flatMap(([one, place], index) => places.slice(index + 1).filter(([, other]) => Math.min(place.right, other.right) - Math.max(place.left, other.left) > 1 && Math.min(place.bottom, other.bottom) - Math.max(place.top, other.top) > 1).map(([other]) => `${one.textContent.slice(0, 30)} and ${other.textContent.slice(0, 30)}`));
}));

/** What the browser copied last. */
export const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());
