// The pictures of docs/control-room.md: made in each run, and kept with PICTURES=1.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'vitest';
import { ask, open, said } from './support.mjs';

const FOLDER = process.env.PICTURES ? path.join(import.meta.dirname, '..', '..', '..', 'docs', 'images') : mkdtempSync(path.join(tmpdir(), 'pictures-'));
const SIZE = { width: 1160, height: 680 };

const CITY = { type: 'object', required: ['city', 'unit'], additionalProperties: false, properties: { city: { type: 'string', description: 'Name of the city' }, unit: { type: 'string', enum: ['celsius', 'fahrenheit'] }, days: { type: 'integer', minimum: 1 } } };

export function pictures(host) {
  test('the pictures of the guide', async () => {
    mkdirSync(FOLDER, { recursive: true });
    const { url, browser } = host;
    await fetch(`${url}/api/exchanges`, { method: 'DELETE' });
    const system = { role: 'system', content: 'You are a travel agent. Be brief.' };
    const post = (path, body) => fetch(`${url}/api/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    if (host.real) {
      const { data } = await (await fetch(`${url}/api/sessions`)).json();
      const paced = { text: 'Yes: the Mar Azul, two steps from the beach.', pace: { ttft_ms: 180, delay_ms: 12 } };
      const busy = { error: { status: 429, code: 'rate_limit_exceeded', message: 'Rate limit reached. Please try again later.' } };
      await post(`sessions/${data.find(({ name }) => name === 'search').id}/script`, { rules: [{ match: { user: 'near the sea' }, response: paced }, { match: { user: '^Find' }, response: busy }], defaults: { fallback: 'echo' } });
    }
    for (const [key, text, body] of [
      ['search', 'Find me a hotel in Lisbon', {}], ['checkout', 'Which plan should I choose?', { stream: true }], ['support', 'My order has not come', { model: 'gpt-4o-mini' }],
      ['checkout', 'Is breakfast included?', { model: 'gpt-4o-mini', stream: true }], ['search', 'And one near the sea?', { stream: true }],
    ]) await (await ask(url, text, { key, body: { ...body, messages: [system, { role: 'user', content: text }] } })).text();
    const waiting = new AbortController();
    const messages = [system, { role: 'user', content: 'manual: what will the weather be in Paris at the weekend?' }];
    ask(url, '', { key: 'checkout', body: { stream: true, messages, tools: [{ type: 'function', function: { name: 'get_weather', parameters: CITY } }] }, signal: waiting.signal });
    await said(ask(url, 'x', { key: 'support', body: { messages: [system, { role: 'user', content: 'Can I pay by card?' }] } }));

    const shoot = async (name, view, act, colorScheme = 'light') => {
      const page = await open(browser, url, view, { viewport: SIZE, colorScheme });
      await page.locator('main .pane:visible').first().waitFor();
      await act(page);
      await page.screenshot({ path: path.join(FOLDER, `control-room-${name}.png`) });
      await page.shut();
    };
    await shoot('live', 'live', async (page) => {
      await page.getByRole('option').filter({ hasText: 'And one near the sea?' }).click();
      await page.getByRole('tab', { name: 'Raw' }).click();
      await page.getByRole('img', { name: /pieces in/ }).scrollIntoViewIfNeeded();
    });
    await shoot('pending', 'pending', async (page) => {
      await page.getByRole('link', { name: /weather be in Paris/ }).click();
      await page.getByRole('form', { name: 'Answer' }).getByRole('tab', { name: 'Tool calls' }).click();
      await page.getByLabel('city').fill('Paris');
    });
    await post('breakpoints', { match: { user: '^What is near' }, at: { piece: 4 } });
    ask(url, '', { key: 'search', body: { stream: true, messages: [system, { role: 'user', content: 'What is near the old harbour?' }] }, signal: waiting.signal });
    await shoot('paused', 'pending', (page) => page.getByRole('link', { name: /old harbour/ }).click());
    await fetch(`${url}/api/breakpoints`, { method: 'DELETE' });
    await shoot('statistics', 'statistics', (page) => page.getByRole('img', { name: /requests since/ }).waitFor(), 'dark');
    waiting.abort();
  });
}
