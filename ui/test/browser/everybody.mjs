// The page for everybody: all of it by keyboard, all of it in Chinese.
import { expect, test } from 'vitest';
import { ask, open, said } from './support.mjs';

const TOOLS = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', required: ['a'], properties: { a: { type: 'array', items: { type: 'string' } }, b: { type: 'boolean' } } } } }];

/** Views as they are when there is something in each, and what leads to what they do not show at once. */
async function views({ url }, leaving) {
  await said(ask(url, 'for everybody', { key: 'axe' }));
  ask(url, 'manual, for everybody', { key: 'axe', body: { tools: TOOLS }, signal: leaving.signal }).catch(() => {});
  // Before there is a queue, which would answer it; and what others left has gone.
  await expect.poll(async () => (await (await fetch(`${url}/api/pending`)).json()).data.map(({ asked }) => asked)).toEqual(['manual, for everybody']);
  const post = (path, body) => fetch(`${url}/api/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  await post('preset-queue/127.0.0.1', { reply: { text: 'for everybody' } });
  const { data } = await (await fetch(`${url}/api/exchanges?limit=20`)).json();
  const done = data.find(({ asked }) => asked === 'for everybody').id;
  const tab = (name) => (page) => page.getByRole('tab', { name }).click();
  const pending = (page) => page.locator('.card:not(.gone)', { hasText: 'manual, for everybody' }).first().click();
  const kind = (place) => async (page) => (await pending(page), page.locator('form.answer [role=tab]').nth(place).click());
  return [
    ['live'], [`live/${done}`], [`live/${done}`, tab(/^(Raw|原始)$/)], [`live/${done}`, tab(/^(Why|原因)$/)], [`live/${done}/${data.at(-1).id}`],
    ['pending', pending], ...[1, 2, 3, 4, 5].map((place) => ['pending', kind(place)]),
    ['script'], ['queue'], ['upstream'], ['sessions'], ['statistics'],
    ['pending', (page) => page.keyboard.press('b')], ['live', (page) => page.keyboard.press('?')], ['live', (page) => page.keyboard.press('Control+k')],
  ];
}

const show = async (page, hash, act) => {
  await page.evaluate((next) => (location.hash = next), '#/live');
  await page.evaluate((next) => (location.hash = next), `#/${hash}`);
  await page.locator('main .pane:visible').first().waitFor();
  await act?.(page);
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
};

/** Closes what a view has opened over the page. */
const shut = async (page) => {
  if (await page.getByRole('dialog').count()) await page.keyboard.press('Escape');
};

const finish = async (host, leaving) => {
  leaving.abort();
  await fetch(`${host.url}/api/preset-queue`, { method: 'DELETE' });
};

/** In the page: the controls in sight that the Tab key should reach. Of tabs and lists it reaches one, and arrows the others. */
function controls() {
  const over = document.querySelector('dialog[open], [role=dialog]');
  const all = [...(over ?? document).querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')];
  const told = (one) => `${one.tagName.toLowerCase()} ${one.getAttribute('aria-label') ?? one.textContent.trim().slice(0, 40)}`;
  return all.filter((one) => !one.disabled && one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0 && !(one.getAttribute('role') === 'tab' && one.ariaSelected === 'false') && one.getAttribute('role') !== 'option')
    .map((one) => ((one.dataset.control ??= String((window.controls = (window.controls ?? 0) + 1))), { id: one.dataset.control, told: told(one) }));
}

export function everybody(host) {
  test('every control is reached by the Tab key', { timeout: 120_000 }, async () => {
    const leaving = new AbortController();
    const missed = [];
    const list = await views(host, leaving);
    const page = await open(host.browser, host.url);
    for (const [hash, act] of list) {
      await show(page, hash, act);
      const wanted = new Map((await page.evaluate(controls)).map(({ id, told }) => [id, told]));
      const count = wanted.size;
      expect(count, hash).toBeGreaterThan(0);
      await page.evaluate(() => document.activeElement?.blur());
      for (let pressed = 0; wanted.size && pressed < 3 * count + 30; pressed += 1) {
        await page.keyboard.press('Tab');
        const { id, stays } = await page.evaluate(() => {
          const { activeElement: now } = document;
          const stays = now !== document.body && now === window.focused;
          window.focused = now;
          return { id: now.dataset.control, stays };
        });
        // In an editor the key indents until that is turned off, as the list of keys says.
        if (stays) await page.keyboard.press('Control+m');
        wanted.delete(id);
      }
      missed.push(...[...wanted.values()].map((told) => `${hash}: ${told}`));
      await shut(page);
    }
    expect(missed).toEqual([]);
    await page.shut();
    await finish(host, leaving);
  });

  test('in Chinese nothing is cut off and every character is drawn', { timeout: 120_000 }, async () => {
    const leaving = new AbortController();
    const list = await views(host, leaving);
    const cut = [];
    for (const width of [1280, 375]) {
      const page = await (await host.browser.newContext({ viewport: { width, height: 800 }, locale: 'zh-CN', reducedMotion: 'reduce' })).newPage();
      await page.goto(host.url);
      await page.getByText('已连接', { exact: true }).waitFor({ state: 'attached' });
      for (const [hash, act] of list) {
        await show(page, hash, act);
        // What is asked and said here is English: each Chinese character is the page's own.
        cut.push(...(await page.evaluate(() => {
          const found = [];
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          window.seen ??= new Set();
          for (let node; (node = walker.nextNode()); ) {
            const parent = node.parentElement;
            // What holds words of a client's may be shortened.
            if (!/\p{Script=Han}/u.test(node.data) || /[a-z]{4}/.test(node.data) || parent.closest('.visually-hidden, option, datalist') || !parent.checkVisibility({ visibilityProperty: true })) continue;
            for (const character of node.data.matchAll(/\p{Script=Han}/gu)) window.seen.add(character[0]);
            const range = document.createRange();
            range.selectNodeContents(node);
            const text = range.getBoundingClientRect();
            if (text.width === 0) continue;
            for (let around = parent; around && around !== document.body; around = around.parentElement) {
              const { overflowX } = getComputedStyle(around);
              const place = around.getBoundingClientRect();
              // What may be scrolled to is not cut off.
              if (/auto|scroll/.test(overflowX) && around.scrollWidth > around.clientWidth) break;
              if (overflowX === 'visible' && !/^(BUTTON|TH|TD|LABEL)$/.test(around.tagName)) continue;
              if (text.right > place.right + 1 || text.left < place.left - 1) {
                found.push(`${node.data.trim()} in ${around.tagName.toLowerCase()}.${around.className}`);
                break;
              }
            }
          }
          return found;
        })).map((what) => `${width} ${hash}: ${what}`));
        await shut(page);
      }
      const drawn = await page.evaluate(() => {
        const context = Object.assign(document.createElement('canvas'), { width: 40, height: 40 }).getContext('2d', { willReadFrequently: true });
        context.font = `28px ${getComputedStyle(document.body).fontFamily}`;
        context.textBaseline = 'top';
        const picture = (character) => (context.clearRect(0, 0, 40, 40), context.fillText(character, 2, 2), context.getImageData(0, 0, 40, 40).data.join());
        // Never a character: what is drawn for it is drawn for all that no font has.
        const missing = [picture('\u{10FFFF}'), picture('\u0378'), picture(' ')];
        return { count: window.seen.size, without: [...window.seen].filter((character) => missing.includes(picture(character))).join('') };
      });
      expect(drawn.count).toBeGreaterThan(100);
      expect(drawn.without, 'characters that no installed font has (Debian: fonts-wqy-microhei or fonts-noto-cjk)').toBe('');
      await page.context().close();
    }
    expect(cut).toEqual([]);
    await finish(host, leaving);
  });
}
