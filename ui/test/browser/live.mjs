// Live: every control once.
import { expect, test } from 'vitest';
import { ask, clipboard, keys, known, open, said } from './support.mjs';

export function live(host) {
  const row = (page, text) => page.getByRole('option').filter({ hasText: text });

  test('exchanges appear, are searched, opened, copied, compared, sent again', async () => {
    const { url, browser } = host;
    const page = await open(browser, url);
    await ask(url, 'apples or pears?');
    await ask(url, 'bananas?', { key: 'market', body: { stream: true } }).then((answer) => answer.text());
    await row(page, 'apples or pears?').waitFor();
    await row(page, 'bananas?').getByText('200', { exact: true }).waitFor();

    // A row that is in sight says at once what became of it.
    ask(url, 'manual, seen as it ends', { key: 'axe' });
    await row(page, 'manual, seen').getByText('waits', { exact: true }).waitFor();
    const { data: [{ id }] } = await (await fetch(`${url}/api/pending`)).json();
    await fetch(`${url}/api/pending/${id}/answer`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"reply": "Seen."}' });
    await row(page, 'manual, seen').getByText('Seen.').waitFor();
    await row(page, 'manual, seen').getByText('200', { exact: true }).waitFor();

    await page.keyboard.press('/');
    await page.keyboard.type('session:market');
    await row(page, 'apples').waitFor({ state: 'detached' });
    await page.getByLabel('Search', { exact: true }).fill('');
    await page.getByRole('button', { name: 'is:error' }).click();
    await page.getByText('Nothing that is known fits the search.').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();

    // By keyboard: down three times is the third newest.
    await page.getByRole('listbox', { name: 'Exchanges' }).focus();
    for (let n = 0; n < 3; n += 1) await page.keyboard.press('j');
    expect(await page.getByRole('option', { selected: true }).textContent()).toContain('apples');
    const detail = page.getByRole('region', { name: 'Exchange', exact: true });
    await detail.getByText('Echo: apples or pears?').waitFor();
    await detail.getByRole('button', { name: 'Mark' }).click();
    await page.keyboard.press('k');
    await detail.getByText('Echo: bananas?').waitFor();
    await detail.getByRole('tab', { name: 'Raw' }).click();
    await detail.getByText('POST /v1/chat/completions').first().waitFor();
    await detail.getByRole('img', { name: /pieces in/ }).waitFor();
    await detail.getByRole('tab', { name: 'Why' }).click();
    await detail.locator('.why, .explanation').first().waitFor({ state: 'attached' });
    await detail.getByRole('tab', { name: 'Conversation' }).click();

    for (const [name, part] of [['curl', 'curl -N'], ['Python', 'client.chat.completions.create('], ['JavaScript', 'new OpenAI('], ['Rule of a script', '"user": "^bananas']]) {
      await detail.locator('summary', { hasText: 'Copy' }).click();
      await detail.getByRole('button', { name, exact: true }).click();
      await expect.poll(() => clipboard(page)).toContain(part);
    }

    for (const [place, done] of [['In the queue of 127.0.0.1', 'Added'], ['As a rule of market', 'Kept as a rule']]) {
      await detail.locator('summary', { hasText: 'Keep' }).click();
      await page.getByRole('button', { name: place }).click();
      await page.getByText(done, { exact: true }).first().waitFor();
    }
    expect(await said(ask(url, 'who comes first in a queue?'))).toBe('Echo: bananas?');
    expect(await said(ask(url, 'bananas?', { key: 'market' }))).toBe('Echo: bananas?');
    const newest = async () => (await (await fetch(`${url}/api/exchanges?limit=1`)).json()).data[0].by;
    if (host.real) expect(await newest()).toBe('script');

    await page.keyboard.press('m');
    await page.getByRole('button', { name: 'Compare 2/2' }).click();
    await page.getByRole('region', { name: 'Comparison' }).locator('del').filter({ hasText: 'apples' }).waitFor();
    await page.getByRole('tab', { name: 'Answer' }).click();
    await page.locator('ins').filter({ hasText: 'bananas' }).waitFor();
    await page.keyboard.press('Escape');

    await row(page, 'apples').first().click();
    await page.getByRole('button', { name: 'Send again' }).click();
    const editor = page.getByRole('textbox', { name: 'Body' });
    await editor.fill((await editor.inputValue()).replace('apples or pears?', 'cherries?'));
    await page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('link', { name: 'Open' }).click();
    await page.getByRole('region', { name: 'Exchange', exact: true }).getByText('Echo: cherries?').waitFor();

    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('what comes while a row is pressed does not take its place', async () => {
    const { url, browser } = host;
    const page = await open(browser, url);
    await ask(url, 'pressed');
    const place = await row(page, 'pressed').first().boundingBox();
    const before = await known(page);
    await page.mouse.move(place.x + 40, place.y + place.height / 2);
    await page.mouse.down();
    await ask(url, 'came on top');
    await expect.poll(() => known(page)).toBe(before + 1);
    await page.mouse.up();
    await page.getByRole('region', { name: 'Exchange', exact: true }).getByText('Echo: pressed').waitFor();
    await row(page, 'came on top').waitFor();
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  // The contract in memory knows chat alone.
  if (host.real) test('what is no text is shown as it is, with its pictures; a form cannot be sent again', async () => {
    const { url, browser } = host;
    const headers = { authorization: `Bearer ${keys.get('market')}` };
    const post = (path, body) => fetch(`${url}/v1/${path}`, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }).then((answer) => answer.text());
    const page = await open(browser, url);
    await post('images/generations', { model: 'gpt-image-1', prompt: 'a lighthouse', size: '1024x1024' });
    await post('embeddings', { model: 'text-embedding-3-small', input: 'a lamp', dimensions: 2 });
    const form = new FormData();
    form.set('purpose', 'user_data');
    form.set('file', new Blob(['x']), 'lamp.txt');
    await fetch(`${url}/v1/files`, { method: 'POST', headers, body: form }).then((answer) => answer.text());
    const detail = page.getByRole('region', { name: 'Exchange', exact: true });
    await row(page, '/v1/files').waitFor();
    await row(page, 'a lighthouse').click();
    await expect.poll(() => detail.getByRole('img').evaluate((image) => image.naturalWidth)).toBe(1024);
    await detail.getByText('"b64_json"').waitFor();
    await row(page, 'a lamp').click();
    await detail.getByText('"embedding"', { exact: true }).first().waitFor();
    await detail.locator('summary', { hasText: 'Keep' }).click();
    await page.getByRole('button', { name: 'As a rule of market' }).click();
    await page.getByText('Kept as a rule', { exact: true }).first().waitFor();
    await post('embeddings', { model: 'text-embedding-3-small', input: 'a lamp', dimensions: 2 });
    await row(page, 'a lamp').filter({ hasText: 'script' }).waitFor();
    await row(page, '/v1/files').click();
    await detail.getByText('lamp.txt').first().waitFor();
    expect(await detail.getByRole('button', { name: 'Send again' }).isDisabled()).toBe(true);
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('a paused list counts what is new, and emptying asks first', async () => {
    const { url, browser } = host;
    const page = await open(browser, url);
    await ask(url, 'before');
    await row(page, 'before').first().waitFor();
    await page.keyboard.press('p');
    await ask(url, 'meanwhile');
    const go = page.getByRole('button', { name: /Go on/ });
    await go.getByText('1', { exact: true }).waitFor();
    expect(await row(page, 'meanwhile').count()).toBe(0);
    await go.click();
    await row(page, 'meanwhile').waitFor();
    await page.getByRole('button', { name: 'Empty the list of exchanges' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Empty', exact: true }).click();
    await page.getByText('Nothing was asked yet').waitFor();
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('language, theme, keys and palette', async () => {
    const { url, browser } = host;
    const page = await open(browser, url);
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).getByText('Next, previous').first().waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('6');
    await page.getByRole('heading', { name: 'Sessions', exact: true }).waitFor({ state: 'attached' });
    await page.keyboard.press('Control+k');
    await page.keyboard.type('stat');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.url()).toContain('#/statistics');
    await page.getByRole('button', { name: '中文' }).click();
    await page.getByRole('link', { name: '实时' }).waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe('zh');
    await page.reload();
    await page.getByRole('link', { name: '实时' }).waitFor();
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const before = await ground();
    await page.getByRole('button', { name: '深色或浅色' }).click();
    await expect.poll(ground).not.toBe(before);
    await page.keyboard.press('F6');
    expect(await page.evaluate(() => document.activeElement.hasAttribute('data-pane'))).toBe(true);
    await page.shut();
    const chinese = await (await browser.newContext({ locale: 'zh-CN' })).newPage();
    await chinese.goto(url);
    await chinese.getByRole('link', { name: '实时' }).waitFor();
    await chinese.context().close();
  });
}
