// How the page comes to a browser, and stays with it: what is fetched, a lost connection, https, the control token.
import { expect, test } from 'vitest';
import { ask, https, line, open, said } from './support.mjs';

/** The page's views. */
const VIEWS = ['live', 'pending', 'script', 'queue', 'upstream', 'sessions', 'statistics'];

/** The most that all of the page may weigh as it is sent, its editor with it. */
const HEAVIEST = 150 * 1024;

export function connection(host) {
  test('the page is light, and is all there is to fetch', async () => {
    const page = await open(host.browser, host.url);
    for (const view of VIEWS) await page.evaluate((hash) => (location.hash = hash), `#/${view}`);
    const fetched = await page.evaluate(() => ['navigation', 'resource'].flatMap((type) => performance.getEntriesByType(type)).map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize]));
    const parts = fetched.filter(([path]) => !path.startsWith('/api/'));
    expect(parts.map(([path]) => path).sort()).toEqual(['/', '/ui/app.css', '/ui/app.js']);
    const size = parts.reduce((sum, [, bytes]) => sum + bytes, 0);
    expect(size).toBeGreaterThan(10 * 1024);
    expect(size).toBeLessThan(HEAVIEST);
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('a lost connection is told, and what was missed comes again', async () => {
    const wire = await line(host.url);
    const page = await open(host.browser, wire.url);
    wire.cut();
    await page.getByRole('alert').getByText('The connection to the emulator is lost.').waitFor();
    await said(ask(host.url, 'while you were away', { key: 'away' }));
    wire.mend();
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.getByRole('option').filter({ hasText: 'while you were away' }).waitFor();
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await page.shut();
    wire.close();
  });

  test('an emulator that began anew is seen as it is, and who waited before is over', async () => {
    const wire = await line(host.url);
    const anew = host.real ? { url: host.upstream, stop: () => {} } : await host.withToken(null);
    const leaving = new AbortController();
    const page = await open(host.browser, wire.url, 'pending');
    ask(host.url, 'manual, before', { key: 'away', signal: leaving.signal }).catch(() => {});
    await page.getByRole('link', { name: /manual, before/ }).click();
    await page.getByRole('form', { name: 'Answer' }).getByRole('textbox', { name: 'Text' }).fill('half an answer');
    wire.cut();
    await page.getByRole('alert').waitFor();
    await said(ask(anew.url, 'in the second life', { key: 'away' }));
    wire.mend(anew.url);
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await page.locator('.card.gone', { hasText: 'manual, before' }).waitFor();
    await page.goto(`${wire.url}/#/live`);
    await page.getByRole('option').filter({ hasText: 'in the second life' }).waitFor();
    expect(await page.getByRole('option').filter({ hasText: 'manual, before' }).count()).toBe(0);
    leaving.abort();
    await page.shut();
    wire.close();
    await anew.stop();
  });

  test('what comes while the page is being filled is not lost', async () => {
    const { url, browser } = host;
    const page = await open(browser, url, 'pending');
    const leaving = new AbortController();
    const drawn = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const told = new Promise((heard) => page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => /"new_request".*manual meanwhile/.test(String(payload)) && heard())));
    await page.route('**/api/pending', async (route) => {
      const answer = await route.fetch();
      ask(url, 'manual meanwhile', { key: 'away', signal: leaving.signal }).catch(() => {});
      await told;
      await drawn();
      await route.fulfill({ response: answer });
    });
    const filled = page.waitForResponse('**/api/pending');
    await page.reload();
    await (await filled).finished();
    await drawn();
    await page.locator('.card:not(.gone)', { hasText: 'manual meanwhile' }).waitFor();
    leaving.abort();
    await page.locator('.card.gone', { hasText: 'manual meanwhile' }).getByText('the client left').waitFor();
    await page.shut();
  });

  test('behind https', async () => {
    const secure = await https(host.url);
    const page = await open(host.browser, secure.url, 'live', { ignoreHTTPSErrors: true });
    await said(ask(host.url, 'seen from behind https', { key: 'away' }));
    await page.getByRole('option').filter({ hasText: 'seen from behind https' }).waitFor();
    expect(await page.clean()).toEqual([]);
    await page.shut();
    secure.close();
  });

  test('beyond loopback the page asks for the control token once', async () => {
    const closed = await host.withToken('the-token');
    const context = await host.browser.newContext({ locale: 'en-GB' });
    const page = await context.newPage();
    await page.goto(`${closed.url}/#/sessions`);
    const dialog = page.getByRole('dialog', { name: 'Control token' });
    await dialog.getByRole('textbox').fill('wrong');
    await page.keyboard.press('Enter');
    await dialog.getByText('That was not the token.').waitFor();
    await dialog.getByRole('textbox').fill('the-token');
    await page.keyboard.press('Enter');
    await page.getByText('connected', { exact: true }).waitFor();
    await page.reload();
    await page.getByText('connected', { exact: true }).waitFor();
    expect(await dialog.count()).toBe(0);
    await context.close();
    await closed.stop();
  });
}
