// What holds for the page as a whole: ten thousand exchanges, hostile clients, nothing that axe finds.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { ask, covered, frames, keys, known, open, said, tasks } from './support.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * What frames may take longer than those that an empty page has at the same time, in ms: more is a stall that people see.
 * A task of the page that takes the processor for as long keeps frames waiting; where none does, something else did.
 * A machine that is busy with something else stalls the page now and then, one of its own making comes each time: of so many attempts one has to hold.
 */
const LONGER = { p95: 50, longest: 100 };

/** A piece of a page's usual work: how long it takes, in ms. */
const work = () => {
  const rows = Array.from({ length: 2000 }, (_, n) => ({ id: `req_${n}`, at: n, text: 'x'.repeat(n % 50) }));
  const began = performance.now();
  for (let n = 0; n < 40; n += 1) JSON.parse(JSON.stringify(rows)).sort((one, other) => other.at - one.at);
  return performance.now() - began;
};
/** What it takes where those limits were set: a slower machine has as much more. */
const REFERENCE = 20;
const ATTEMPTS = 3;

/** Frames that are looked at together, at least. */
const FEWEST = 100;

/** What a hostile client writes wherever it can. */
const HOSTILE = `"'><img src=x onerror="hacked.push('img')"><script>hacked.push('script')</script><svg onload="hacked.push('svg')">javascript:hacked.push('url')`;

export function whole(host) {
  test('ten thousand exchanges without a stall', { timeout: 240_000 }, async () => {
    const { url, browser } = host;
    const page = await open(browser, url);
    const empty = await (await browser.newContext()).newPage();
    const takes = [];
    for (let n = 0; n < 6; n += 1) takes.push(await empty.evaluate(work));
    const slower = Math.max(1, Math.min(...takes) / REFERENCE);
    const taken = [await frames(page), await frames(empty)];
    const list = page.getByRole('listbox', { name: 'Exchanges' });
    const search = page.getByLabel('Search', { exact: true });
    const figures = [];
    const smooth = async (name, act) => {
      for (let attempt = 1; ; attempt += 1) {
        await Promise.all(taken.map((take) => take()));
        const heaviest = await tasks(browser);
        await act(attempt);
        await page.waitForFunction((few) => window.drawn.length >= few, FEWEST);
        const [own, beside] = await Promise.all(taken.map((take) => take()));
        const task = await heaviest();
        const stalls = Object.entries(LONGER).filter(([which, most]) => own[which] >= beside[which] + most * slower && task >= most * slower);
        if (stalls.length && attempt < ATTEMPTS) continue;
        figures.push({ 'frames, ms': name, ...own, 'heaviest task': task, ...Object.fromEntries(Object.entries(beside).map(([which, value]) => [`empty ${which}`, value])) });
        expect(stalls, `${name}: ${JSON.stringify(own)}, a task of ${task} ms, an empty page ${JSON.stringify(beside)}, the machine ${slower.toFixed(1)} times slower`).toEqual([]);
        return;
      }
    };
    const more = async (count) => {
      const wanted = Math.min(20_000, (await known(page)) + count);
      await host.many(count);
      await expect.poll(() => known(page), { timeout: 60_000 }).toBeGreaterThanOrEqual(wanted);
    };
    await smooth('10,000 arrive', (attempt) => more(attempt === 1 ? 10_000 : 3_000));
    expect(await page.getByRole('option').count()).toBeLessThan(60);
    await smooth('scrolling', async () => {
      await list.focus();
      await page.keyboard.press('End');
      await page.keyboard.press('Home');
      for (let n = 0; n < 40; n += 1) await page.keyboard.press('PageDown');
      await list.hover();
      for (let n = 0; n < 60; n += 1) await page.mouse.wheel(0, n < 40 ? 4000 : -4000);
    });
    await smooth('2,000 arrive while one reads', () => more(2_000));
    await page.keyboard.press('Escape');
    await smooth('searching', async () => {
      for (const words of ['number 9', 'is:ok status:2xx echo', '-number']) {
        await search.fill('');
        await search.pressSequentially(words, { delay: 20 });
      }
    });
    await search.fill('"number 9"');
    await page.getByRole('option').filter({ hasText: 'number 9' }).first().waitFor();
    await smooth('2,000 arrive while one searches', () => more(2_000));
    console.table(figures);
    expect(await page.clean()).toEqual([]);
    await Promise.all([page.shut(), empty.context().close()]);
  });

  test('no script of a client runs, whatever field it is in', async () => {
    const { url, browser } = host;
    const tool = { type: 'function', function: { name: 'get_x', description: HOSTILE, parameters: { type: 'object', title: HOSTILE, description: HOSTILE, required: [HOSTILE], properties: { [HOSTILE]: { type: 'string', description: HOSTILE, enum: [HOSTILE] } } } } };
    const body = { user: HOSTILE, tools: [tool], messages: [{ role: 'system', content: HOSTILE }, { role: 'user', name: 'x', content: `manual hostile ${HOSTILE}` }], metadata: { x: HOSTILE } };
    const headers = { authorization: `Bearer ${keys.get('hostile') ?? 'hostile'}`, 'content-type': 'application/json', 'x-own': HOSTILE, 'user-agent': HOSTILE };
    await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify({ ...body, messages: [{ role: 'user', content: HOSTILE }] }) }).then((answer) => answer.text());
    await fetch(`${url}/v1/${encodeURIComponent(HOSTILE)}?x=${encodeURIComponent(HOSTILE)}`, { headers }).then((answer) => answer.text());
    await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify({ model: HOSTILE, messages: [] }) }).then((answer) => answer.text());
    // Through what a conversation may hold, in pieces of a stream, in a form, and in what another operator calls himself.
    const call = { id: HOSTILE, type: 'function', function: { name: 'get_x', arguments: JSON.stringify({ [HOSTILE]: HOSTILE }) } };
    const part = (type, value) => ({ type, [type]: value });
    const parts = [part('text', HOSTILE), part('image_url', { url: `javascript:${HOSTILE}` }), part('image_url', { url: `data:text/html,${HOSTILE}` }), part('input_audio', { data: HOSTILE, format: HOSTILE }), part('file', { filename: HOSTILE, file_id: HOSTILE })];
    const messages = [{ role: 'user', name: HOSTILE, content: parts }, { role: 'assistant', content: HOSTILE, refusal: HOSTILE, tool_calls: [call] }, { role: 'tool', tool_call_id: HOSTILE, content: HOSTILE }, { role: HOSTILE, content: HOSTILE }, { role: 'user', content: HOSTILE }];
    const format = { type: 'json_schema', json_schema: { name: HOSTILE, description: HOSTILE, schema: { type: 'object', properties: { [HOSTILE]: { type: 'string' } } } } };
    await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify({ model: 'gpt-4o', stream: true, messages, tools: [tool], response_format: format }) }).then((answer) => answer.text());
    await fetch(`${url}/v1/responses`, { method: 'POST', headers, body: JSON.stringify({ model: 'gpt-4o', stream: true, instructions: HOSTILE, input: HOSTILE, metadata: { [HOSTILE]: HOSTILE } }) }).then((answer) => answer.text());
    const form = new FormData();
    form.set('purpose', HOSTILE);
    form.set('file', new Blob([HOSTILE], { type: 'text/html' }), `${HOSTILE}.html`);
    await fetch(`${url}/v1/files`, { method: 'POST', headers: { authorization: headers.authorization }, body: form }).then((answer) => answer.text());
    const leaving = new AbortController();
    fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify({ model: 'gpt-4o', ...body }), signal: leaving.signal }).catch(() => {});
    await fetch(`${url}/api/preset-queue/${encodeURIComponent(HOSTILE)}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ response: { x: HOSTILE } }) });
    await fetch(`${url}/api/sessions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: HOSTILE }) });
    const waiting = async () => (await (await fetch(`${url}/api/pending`)).json()).data.find(({ asked, body: wanted }) => `${asked}${JSON.stringify(wanted)}`.includes('manual hostile'));
    await expect.poll(waiting).toBeTruthy();
    await fetch(`${url}/api/pending/${(await waiting()).id}/claim`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ by: HOSTILE }) });
    const page = await open(browser, url);
    const rows = page.getByRole('option').filter({ hasText: 'img src=x' });
    await rows.first().waitFor();
    for (let n = 0; n < (await rows.count()); n += 1) {
      await rows.nth(n).click();
      const detail = page.getByRole('region', { name: 'Exchange', exact: true });
      for (const tab of ['Raw', 'Why', 'Conversation']) await detail.getByRole('tab', { name: tab }).click();
      for (const closed of await detail.locator('details:not([open]) > summary').all()) if (await closed.isVisible()) await closed.click();
    }
    await page.goto(`${url}/#/pending`);
    await page.getByRole('link', { name: /manual hostile/ }).click();
    await page.getByRole('form', { name: 'Answer' }).getByRole('tab', { name: 'Tool calls' }).click();
    await page.getByRole('form', { name: 'Answer' }).getByRole('group').first().waitFor();
    for (const view of ['script', `queue/${encodeURIComponent(HOSTILE)}`, 'sessions', 'statistics', 'upstream', `live/${encodeURIComponent(HOSTILE)}`]) {
      await page.goto(`${url}/#/${view}`);
      await page.locator('main .pane:visible').first().waitFor();
    }
    // Long enough for a picture that is not there to be missed.
    await page.evaluate(() => new Promise((missed) => { const image = new Image(); image.onerror = missed; image.src = 'data:image/png,broken'; }));
    expect(await page.clean()).toEqual([]);
    leaving.abort();
    await page.shut();
    await fetch(`${url}/api/preset-queue`, { method: 'DELETE' });
  });

  test('axe finds nothing, in either theme, wide and narrow', { timeout: 120_000 }, async () => {
    const { url, browser } = host;
    await said(ask(url, 'seen by axe', { key: 'axe' }));
    await (await ask(url, 'seen by axe, in pieces', { key: 'axe', body: { stream: true } })).text();
    const post = (path, body) => fetch(`${url}/api/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    await post('breakpoints', { match: { user: '^paused for axe' }, at: { piece: 2 } });
    const leaving = new AbortController();
    ask(url, 'manual axe', { key: 'axe', body: { tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object', required: ['a'], properties: { a: { type: 'array', items: { type: 'string' } }, b: { type: 'boolean' } } } } }] }, signal: leaving.signal }).catch(() => {});
    const add = (item) => fetch(`${url}/api/preset-queue/127.0.0.1`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(item) });
    await add({ reply: { text: 'seen by axe, in a line that is longer than a phone is wide' }, status_code: 429, delay_ms: 100 });
    const { data } = await (await fetch(`${url}/api/exchanges?limit=4`)).json();
    const pieces = data.find(({ asked }) => asked === 'seen by axe, in pieces').id;
    const found = [];
    for (const [colorScheme, width] of [['light', 1440], ['dark', 360]]) {
      const page = await open(browser, url, 'live', { colorScheme, viewport: { width, height: 900 }, bypassCSP: true });
      await page.evaluate(axe);
      // What nobody could look at is not paused: the page is there first.
      ask(url, `paused for axe, ${colorScheme}, in the middle`, { key: 'axe', body: { stream: true }, signal: leaving.signal }).catch(() => {});
      const tab = (name) => () => page.getByRole('tab', { name }).click();
      const over = (key) => () => page.keyboard.press(key);
      for (const [view, act] of [
        ['live'], [`live/${data.at(-1).id}`], [`live/${data[0].id}/${data.at(-1).id}`], [`live/${pieces}`, tab('Raw')], [`live/${pieces}`, tab('Why')], ['pending'],
        ['pending', () => page.getByRole('link', { name: new RegExp(`paused for axe, ${colorScheme}`) }).click()], ['script'], ['queue'], ['upstream'], ['sessions'], ['statistics'],
        ['pending', over('b')], ['live', over('?')], ['live', over('Control+k')],
      ]) {
        await page.evaluate((hash) => (location.hash = hash), `#/${view}`);
        await page.locator('main .pane:visible').first().waitFor();
        await act?.();
        const { violations } = await page.evaluate(() => window.axe.run());
        found.push(...violations.map(({ id, nodes }) => `${colorScheme} ${width} ${view}: ${id} ${nodes[0].target}`));
        const wider = await page.evaluate(() => [document.documentElement, ...document.querySelectorAll('.pane, .dialog')].filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.className || 'page'));
        found.push(...(await covered(page)).map((one) => `${width} ${view}: ${one} cover each other`));
        found.push(...wider.map((one) => `${width} ${view}: ${one} is wider than its place`));
        if (await page.getByRole('dialog').count()) await page.keyboard.press('Escape');
      }
      await page.shut();
    }
    leaving.abort();
    for (const path of ['preset-queue', 'breakpoints']) await fetch(`${url}/api/${path}`, { method: 'DELETE' });
    expect(found).toEqual([]);
  });
}
