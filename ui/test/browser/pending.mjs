// Pending: every way to answer, once; two operators.
import { expect, test } from 'vitest';
import { ask, open, said } from './support.mjs';

const TOOLS = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object', required: ['city', 'unit'], additionalProperties: false, properties: { city: { type: 'string' }, unit: { type: 'string', enum: ['celsius', 'fahrenheit'] }, days: { type: 'integer', minimum: 1 } } } } }];
const FORMAT = { type: 'json_schema', json_schema: { name: 'person', strict: true, schema: { type: 'object', required: ['name', 'age'], additionalProperties: false, properties: { name: { type: 'string' }, age: { type: 'integer' } } } } };

export function pending(host) {
  const answer = (page) => page.getByRole('form', { name: 'Answer' });
  const waits = async (page, text) => {
    await page.getByRole('link', { name: new RegExp(text) }).click();
    await answer(page).waitFor();
  };
  const choose = (page, name) => answer(page).getByRole('tab', { name }).click();
  const send = (page) => answer(page).getByRole('button', { name: /^(Send|Finish)/ }).click();

  test('each kind of answer', async () => {
    const { url, browser } = host;
    const page = await open(browser, url, 'pending');

    const text = ask(url, 'manual text');
    await waits(page, 'manual text');
    await answer(page).getByRole('textbox', { name: 'Text' }).fill('By hand.');
    await page.keyboard.press('Control+Enter');
    expect(await said(text)).toBe('By hand.');

    const calls = ask(url, 'manual tools', { body: { tools: TOOLS } });
    await waits(page, 'manual tools');
    await choose(page, 'Tool calls');
    await answer(page).getByLabel('city').fill('Paris');
    await answer(page).getByLabel('unit').selectOption('fahrenheit');
    await answer(page).getByRole('button', { name: 'days' }).click();
    await answer(page).getByRole('spinbutton', { name: 'days' }).fill('3');
    await send(page);
    const call = (await (await calls).json()).choices[0].message.tool_calls[0].function;
    expect([call.name, JSON.parse(call.arguments)]).toEqual(['get_weather', { city: 'Paris', unit: 'fahrenheit', days: 3 }]);

    const person = ask(url, 'manual person', { body: { response_format: FORMAT } });
    await waits(page, 'manual person');
    await answer(page).getByLabel('name').fill('Ada');
    await answer(page).getByLabel('age').fill('36');
    await send(page);
    expect(JSON.parse(await said(person))).toEqual({ name: 'Ada', age: 36 });

    const refused = ask(url, 'manual refusal');
    await waits(page, 'manual refusal');
    await choose(page, 'Refusal');
    await answer(page).getByRole('textbox', { name: 'Refusal' }).fill('No.');
    await send(page);
    expect(JSON.stringify(await (await refused).json())).toContain('No.');

    const failed = ask(url, 'manual error');
    await waits(page, 'manual error');
    await choose(page, 'Error');
    await answer(page).getByLabel('Known errors').selectOption('3');
    await send(page);
    const error = await failed;
    expect([error.status, (await error.json()).error.code]).toEqual([401, 'invalid_api_key']);

    const bytes = ask(url, 'manual verbatim');
    await waits(page, 'manual verbatim');
    await choose(page, 'Verbatim');
    await answer(page).locator('summary', { hasText: 'Templates' }).click();
    await answer(page).getByRole('button', { name: 'Classification' }).click();
    await answer(page).getByRole('button', { name: 'Keep as template' }).click();
    await answer(page).getByLabel('Status').fill('203');
    await send(page);
    const verbatim = await bytes;
    expect([verbatim.status, await said(verbatim)]).toEqual([203, expect.stringContaining('category')]);

    const echoed = ask(url, 'manual echo');
    await waits(page, 'manual echo');
    await page.keyboard.press('Alt+e');
    expect(await said(echoed)).toBe('Echo: manual echo');
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('text leaves as it is typed, and a client that leaves is told', async () => {
    const { url, browser } = host;
    const page = await open(browser, url, 'pending');
    const leaving = new AbortController();
    ask(url, 'manual leaves', { signal: leaving.signal }).catch(() => {});
    const typed = ask(url, 'manual typed', { key: 'typed', body: { stream: true } });
    await waits(page, 'manual typed');
    await answer(page).getByLabel('Let it leave as it is typed').check();
    await answer(page).getByRole('textbox', { name: 'Text' }).pressSequentially('One two', { delay: 5 });
    await page.locator('.bubble-assistant', { hasText: 'One two' }).waitFor();
    // What has left stays.
    await answer(page).getByRole('textbox', { name: 'Text' }).fill('');
    expect(await answer(page).getByRole('textbox', { name: 'Text' }).inputValue()).toBe('One two');
    await answer(page).getByRole('textbox', { name: 'Text' }).pressSequentially(' three', { delay: 5 });
    await page.keyboard.press('Control+Enter');
    const text = await (await typed).text();
    expect([...text.matchAll(/"content":"([^"]*)"/g)].map(([, piece]) => piece).join('')).toBe('One two three');
    leaving.abort();
    await page.locator('.card.gone', { hasText: 'manual leaves' }).getByText('the client left').waitFor();
    await page.getByRole('button', { name: 'Put away' }).first().click();
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('an answer kept as a rule answers the next equal request', async () => {
    const { url, browser } = host;
    const page = await open(browser, url, 'pending');
    const first = ask(url, 'manual: keep (this)?', { key: 'keeper' });
    await waits(page, 'manual: keep');
    await answer(page).getByRole('textbox', { name: 'Text' }).fill('Kept.');
    await answer(page).getByLabel('Keep as rule').check();
    expect(await answer(page).getByRole('textbox', { name: 'Condition' }).inputValue()).toContain(String.raw`^manual: keep \\(this\\)\\?$`);
    await send(page);
    expect(await said(first)).toBe('Kept.');
    await page.getByText('Sent, and kept as a rule').waitFor();
    if (host.real) expect(await said(ask(url, 'manual: keep (this)?', { key: 'keeper' }))).toBe('Kept.');
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('two operators see each other', async () => {
    const { url, browser } = host;
    const [ann, bob] = [await open(browser, url, 'pending'), await open(browser, url, 'pending')];
    await ann.getByLabel('Your name').fill('Ann');
    const asked = ask(url, 'manual shared', { key: 'shared' });
    await waits(ann, 'manual shared');
    await bob.getByText('held by Ann').waitFor();
    await bob.getByRole('link', { name: /manual shared/ }).click();
    await bob.getByText('Ann is answering this one.').waitFor();
    expect(await answer(bob).getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
    await bob.getByRole('button', { name: 'Take over' }).click();
    await answer(bob).getByRole('textbox', { name: 'Text' }).fill('From Bob.');
    await send(bob);
    expect(await said(asked)).toBe('From Bob.');
    await ann.locator('.card.gone', { hasText: 'manual shared' }).waitFor();
    expect([...(await ann.clean()), ...(await bob.clean())]).toEqual([]);
    await Promise.all([ann.shut(), bob.shut()]);
  });
}
