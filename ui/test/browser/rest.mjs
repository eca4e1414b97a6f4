// Script, queue, upstream, sessions, statistics: each control once.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ask, keys, open, said } from './support.mjs';

/** What goes to the real API stands in the history, as it begins and ends, and leads to its exchange with its tokens. */
async function forwarded({ url, upstream }, page) {
  await page.getByLabel('Port').fill(new URL(upstream).port);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved').first().waitFor();
  await page.getByRole('switch').click();
  await page.getByText('The real API answers everything').waitFor();
  const asked = await (await ask(url, 'for the real API', { key: 'counted', body: { stream: true, stream_options: { include_usage: true } } })).text();
  expect(asked).toContain('"usage":{');
  const history = page.getByRole('region', { name: 'History' });
  await history.getByRole('listitem').getByText('200', { exact: true }).waitFor();
  await page.getByRole('switch').click();
  await page.getByText('The emulator answers').waitFor();
  await history.getByRole('link', { name: `${upstream}/v1/chat/completions` }).first().click();
  const detail = page.getByRole('region', { name: 'Exchange', exact: true });
  await detail.getByText('Echo: for the real API').waitFor();
  await detail.getByText(/^\d+ → \d+$/).waitFor();
  // The list says what was said, and not the bytes.
  await page.getByRole('option').filter({ hasText: 'for the real API' }).locator('.reply', { hasText: /^Echo: for the real API$/ }).waitFor();
}

export function rest(host) {
  test('script: faults, completion, load, why, reset', async () => {
    const { url, browser } = host;
    await said(ask(url, 'what about plums?', { key: 'scripted' }));
    const page = await open(browser, url, 'script');
    await page.getByLabel('Session').selectOption({ label: await page.locator('option', { hasText: 'scripted' }).first().textContent() });
    const editor = page.getByRole('textbox', { name: 'Script' });
    await editor.fill('{\n  "rules": [\n    {"match": {"nonsense": "x"}, "response": "y"}\n  ]\n}');
    await page.getByRole('button', { name: 'Load', exact: true }).click();
    await page.getByRole('alert').getByText('Line 3').waitFor();
    await expect.poll(() => page.locator('.fault-line').count()).toBe(1);
    await editor.fill('{\n  "rules": [\n');
    await page.getByRole('button', { name: 'Load', exact: true }).click();
    await page.getByRole('alert').getByText('This is no JSON').waitFor();

    await editor.fill('');
    await editor.pressSequentially('{"rules": [{"mat');
    await page.locator('.pce-ac-row', { hasText: '"match"' }).first().waitFor();
    await page.keyboard.press('Enter');
    expect(await editor.inputValue()).toContain('"match": ');
    await editor.fill('{"rules": [{"match": {"user": "plums"}, "response": "Sweet."}, {"match": {"user": "^figs$"}, "response": "Dry."}]}');
    await page.getByRole('button', { name: 'Load', exact: true }).click();
    await page.getByText('Rules loaded: 2').waitFor();
    await page.locator('.rules li').nth(1).waitFor();
    await page.getByLabel('Request').selectOption({ index: 1 });
    await page.locator('.why .badge', { hasText: 'no match' }).waitFor();
    await page.getByRole('row', { name: /^user .*\^figs\$.* .*what about plums\?/ }).waitFor();
    await page.getByRole('button', { name: 'Replace' }).click();
    await page.getByText('Rules loaded: 2').first().waitFor();
    await page.getByRole('button', { name: 'Reset' }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Reset' }).click();
    // Sessions without a script have the shared one.
    await (host.real ? page.locator('.rules').getByText('responses.manual') : page.getByText('The session has no script')).waitFor();
    expect(await page.locator('.rules li').count()).toBe(host.real ? 1 : 0);
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('queue: add, edit, duplicate, move, drag, delete, import, export, clear', async () => {
    const { url, browser } = host;
    const page = await open(browser, url, 'queue');
    const items = page.locator('.queue li');
    const texts = () => items.locator('.preview').allTextContents();
    const body = page.getByRole('textbox', { name: 'Body' });
    for (const text of ['one', 'two', 'three']) {
      await body.fill(`{"text": "${text}"}`);
      await page.getByRole('button', { name: 'Add to 127.0.0.1' }).click();
      await items.filter({ hasText: `"${text}"` }).waitFor();
    }
    await items.nth(0).locator('.preview').click();
    const dialog = page.getByRole('dialog', { name: 'Edit' });
    await dialog.getByRole('textbox', { name: 'Body' }).fill('{"text": "first"}');
    await dialog.getByLabel('Delay, ms').fill('5');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await items.filter({ hasText: '5 ms' }).waitFor();
    await page.getByRole('button', { name: 'Duplicate 1' }).click();
    await expect.poll(() => items.count()).toBe(4);
    for (const back of [true, false]) {
      await page.getByRole('button', { name: 'Delete 2' }).click();
      await expect.poll(() => items.count()).toBe(3);
      if (!back) break;
      await page.getByRole('button', { name: 'Undo' }).first().click();
      await expect.poll(() => items.count()).toBe(4);
    }
    await items.nth(0).locator('.preview').focus();
    await page.keyboard.press('Alt+ArrowDown');
    await expect.poll(async () => (await texts()).map((text) => JSON.parse(text).text)).toEqual(['two', 'first', 'three']);
    await items.nth(2).dragTo(items.nth(0));
    await expect.poll(async () => (await texts()).map((text) => JSON.parse(text).text)).toEqual(['three', 'two', 'first']);
    await page.getByRole('button', { name: 'Up: 2' }).click();
    await expect.poll(async () => JSON.parse((await texts())[0]).text).toBe('two');
    expect(await said(ask(url, 'from the queue'))).toBe('two');
    await expect.poll(() => items.count()).toBe(2);

    const menu = page.locator('summary', { hasText: 'File' });
    await menu.click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export this queue' }).click()]);
    const exported = readFileSync(await download.path());
    expect(JSON.parse(exported)).toHaveLength(2);
    await menu.click();
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByRole('button', { name: 'Import into this queue …' }).click()]);
    await chooser.setFiles({ name: 'queue.json', mimeType: 'application/json', buffer: exported });
    await page.getByText('2 of 2 added').waitFor();
    await expect.poll(() => items.count()).toBe(4);
    await menu.click();
    const [all] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export all' }).click()]);
    expect(JSON.parse(readFileSync(await all.path()))['127.0.0.1']).toHaveLength(4);
    await page.getByRole('button', { name: 'Clear', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Clear' }).click();
    await page.getByText('This queue is empty').waitFor();
    await page.keyboard.press('Control+z');
    await expect.poll(() => items.count()).toBe(4);
    await page.getByLabel('Address').fill('10.0.0.9');
    await page.keyboard.press('Enter');
    await page.getByRole('navigation', { name: 'Queues' }).getByRole('link', { name: '127.0.0.1 4' }).waitFor();
    await page.getByLabel('Kind').selectOption('response');
    await page.locator('summary', { hasText: 'Templates' }).click();
    await page.getByRole('button', { name: 'Classification' }).click();
    await page.getByLabel('Status').fill('429');
    await page.getByRole('button', { name: 'Add to 10.0.0.9' }).click();
    await items.getByText('429', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Clear all' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Clear' }).click();
    await page.getByText('This queue is empty').waitFor();
    await menu.click();
    const [many] = await Promise.all([page.waitForEvent('filechooser'), page.getByRole('button', { name: 'Import a file of many queues …' }).click()]);
    await many.setFiles(await all.path());
    await page.getByText('4 of 4 added').waitFor();
    await page.getByRole('navigation', { name: 'Queues' }).getByRole('link', { name: '127.0.0.1 4' }).click();
    await expect.poll(() => items.count()).toBe(4);
    await page.getByRole('button', { name: 'Clear all' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Clear' }).click();
    await page.getByText('This queue is empty').waitFor();
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('upstream: settings, faults, the switch', async () => {
    const { url, browser } = host;
    const page = await open(browser, url, 'upstream');
    await page.getByLabel('Host').fill('no host!');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect.poll(() => page.getByLabel('Host').getAttribute('aria-invalid')).toBe('true');
    await page.getByLabel('Host').fill('127.0.0.1');
    await page.getByLabel('Port').fill('9');
    await page.getByLabel('HTTPS').uncheck();
    await page.getByLabel(/API key/).fill('sk-secret');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByLabel('API key (one is set, it is never shown)').waitFor();
    expect(await page.content()).not.toContain('sk-secret');
    await page.getByRole('button', { name: 'Forget the key' }).click();
    await page.getByLabel('API key', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Reload' }).click();
    await page.getByRole('switch').check();
    await page.getByText('The real API answers everything').waitFor();
    await page.getByRole('switch').uncheck();
    await page.getByText('The emulator answers').waitFor();
    if (host.real) await forwarded(host, page);
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('sessions: make, advance, reset, end', async () => {
    const { url, browser } = host;
    const page = await open(browser, url, 'sessions');
    await page.getByRole('button', { name: 'New session' }).click();
    const dialog = page.getByRole('dialog', { name: 'New session' });
    await dialog.getByLabel('Name').fill('made');
    await dialog.getByLabel('Clock').selectOption('manual');
    await dialog.getByRole('button', { name: 'Make' }).click();
    await dialog.getByText('Requests under this key belong to it:').waitFor();
    const key = await dialog.locator('code').textContent();
    await dialog.getByRole('button', { name: 'Done' }).click();
    const card = page.locator('.session-card', { hasText: 'made' });
    await card.getByLabel('ms').fill('5000');
    await card.getByRole('button', { name: 'Advance' }).click();
    await card.getByText('5.00 s').waitFor();
    if (host.real) {
      const { data } = await (await fetch(`${url}/api/sessions`)).json();
      const { id } = data.find(({ name }) => name === 'made');
      await fetch(`${url}/api/sessions/${id}/script`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ responses: [{ text: 'Late.', pace: { ttft_ms: 60_000 } }] }) });
      keys.set('made', key);
      const late = ask(url, 'when?', { key: 'made' });
      await card.getByRole('button', { name: 'To the next event' }).click();
      expect(await said(late)).toBe('Late.');
    }
    await card.getByRole('button', { name: 'Reset made' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Reset' }).click();
    await card.getByRole('button', { name: 'End made' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End' }).click();
    await card.waitFor({ state: 'detached' });
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('a model whose server is not ready: how far it is, until it is', async () => {
    const { url, browser } = host;
    const page = await open(browser, url, 'live');
    const steps = [
      { state: 'loading', progress: { what: 'download', done: 40, total: 160 } },
      { state: 'loading', progress: { what: 'load', done: 0.5, total: 1 } },
      { state: 'loading', progress: null },
      { state: 'unreachable', progress: null },
      { state: 'ready', progress: null },
    ];
    let step = 0;
    await page.route('**/api/models', (route) => route.fulfill({ json: { data: [{ model: 'smollm', server: 'http://127.0.0.1:8081', ...steps[step] }] } }));
    await page.reload();
    const banner = page.locator('.banner[role=status]');
    for (const words of ['The weights of the model smollm are downloaded. 25 %', 'The model smollm is loading. Requests for it wait. 50 %', /Requests for it wait\.\s*$/, 'The server of the model smollm does not answer: http://127.0.0.1:8081']) {
      await banner.filter({ hasText: words }).waitFor();
      expect(await banner.getByRole('progressbar', { name: 'smollm' }).count()).toBe(step < 3 ? 1 : 0);
      step += 1;
    }
    await banner.waitFor({ state: 'detached' });
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('statistics: numbers, and from a number to its exchanges', async () => {
    const { url, browser } = host;
    await said(ask(url, 'counted', { key: 'counted', body: { model: 'gpt-4o-mini' } }));
    const page = await open(browser, url, 'statistics');
    await page.getByRole('img', { name: /requests since/ }).waitFor();
    await page.getByText('p99').first().waitFor();
    const table = (name) => page.locator('section:not(.pane)', { has: page.getByRole('heading', { name, exact: true }) }).getByRole('table');
    for (const name of ['Models', 'Sessions']) await table(name).getByRole('columnheader', { name: 'First token, p99' }).waitFor();
    await page.getByLabel('Model').selectOption('gpt-4o-mini');
    await expect.poll(() => table('Models').locator('tbody tr').count()).toBe(1);
    await page.getByLabel('Session').selectOption({ label: 'counted' });
    await page.locator('.tile', { hasText: 'Requests' }).locator('strong', { hasText: /^1$/ }).waitFor();
    await page.getByLabel('Model').selectOption('');
    await page.getByRole('button', { name: 'gpt-4o-mini' }).click();
    await page.getByRole('option').filter({ hasText: 'counted' }).waitFor();
    expect(await page.getByLabel('Search', { exact: true }).inputValue()).toBe('model:"gpt-4o-mini"');
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });
}
