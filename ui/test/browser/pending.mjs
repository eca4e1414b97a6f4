// Pending: every way to answer, once; two operators.
import { expect, test } from 'vitest';
import { ask, covered, open, said } from './support.mjs';

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

    const bell = page.getByRole('button', { name: 'Ring when somebody waits' });
    await page.evaluate(() => {
      window.rings = 0;
      const { start } = AudioScheduledSourceNode.prototype;
      AudioScheduledSourceNode.prototype.start = function (...when) {
        window.rings += 1;
        start.apply(this, when);
      };
    });
    await bell.click();
    await expect.poll(() => bell.getAttribute('aria-pressed')).toBe('true');
    const text = ask(url, 'manual text');
    await waits(page, 'manual text');
    await answer(page).getByRole('textbox', { name: 'Text' }).fill('By hand.');
    await page.keyboard.press('Control+Enter');
    expect(await said(text)).toBe('By hand.');
    expect(await page.evaluate(() => window.rings)).toBe(2);

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
    await page.getByText('Kept in this browser').first().waitFor();
    await page.reload();
    await choose(page, 'Verbatim');
    await answer(page).locator('summary', { hasText: 'Templates' }).click();
    await answer(page).locator('.menu li', { has: page.getByRole('button', { name: /^Forget/ }) }).getByRole('button').first().click();
    await answer(page).locator('summary', { hasText: 'Templates' }).click();
    await answer(page).getByRole('button', { name: /^Forget/ }).click();
    await answer(page).locator('summary', { hasText: 'Templates' }).click();
    expect(await answer(page).getByRole('button', { name: /^Forget/ }).count()).toBe(0);
    await page.keyboard.press('Escape');
    await answer(page).getByLabel('Status').fill('203');
    await send(page);
    const verbatim = await bytes;
    expect([verbatim.status, await said(verbatim)]).toEqual([203, expect.stringContaining('category')]);

    const paced = ask(url, 'manual reply');
    await waits(page, 'manual reply');
    await choose(page, 'Reply');
    const reply = answer(page).getByRole('textbox', { name: 'Reply' });
    await reply.fill('');
    await reply.pressSequentially('{"tex');
    await page.locator('.pce-ac-row', { hasText: '"text"' }).first().waitFor();
    await reply.fill('{"text": "As a reply.", "finish_reason": "length"}');
    await send(page);
    const { message, finish_reason: finish } = (await (await paced).json()).choices[0];
    expect([message.content, finish]).toEqual(['As a reply.', host.real ? 'length' : 'stop']);

    const echoed = ask(url, 'manual echo');
    await waits(page, 'manual echo');
    await page.keyboard.press('Alt+e');
    expect(await said(echoed)).toBe('Echo: manual echo');
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('somebody else answers, or nobody', async () => {
    const { url, browser } = host;
    const page = await open(browser, url, 'pending');
    const more = async (name) => {
      await answer(page).locator('summary', { hasText: 'More' }).click();
      await page.getByRole('button', { name }).click();
    };
    const generated = ask(url, 'manual, generated');
    await waits(page, 'manual, generated');
    await more('Let it be generated');
    expect((await generated).status).toBe(200);
    const failed = ask(url, 'manual, failed');
    await waits(page, 'manual, failed');
    await more('Let it fail');
    expect((await failed).status).toBe(host.real ? 500 : 200);
    const cut = ask(url, 'manual, cut off');
    await waits(page, 'manual, cut off');
    await more('Cut the connection');
    await expect(cut).rejects.toThrow();
    const short = ask(url, 'manual, too long', { key: 'typed', body: { stream: true } });
    await waits(page, 'manual, too long');
    await answer(page).getByRole('textbox', { name: 'Text' }).pressSequentially('So far', { delay: 5 });
    await page.locator('.bubble-assistant', { hasText: 'So far' }).waitFor();
    await more('Finish with length');
    const text = await (await short).text();
    if (host.real) expect(text).toContain('"finish_reason":"length"');
    await page.locator('.card.gone', { hasText: 'manual, too long' }).waitFor();
    expect(await covered(page)).toEqual([]);
    await page.getByRole('button', { name: 'Put away' }).first().click();
    await expect.poll(() => page.locator('.card.gone').count()).toBe(0);
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('forms of schemas: lists, alternatives, what may be left out, several calls', async () => {
    const { url, browser } = host;
    const page = await open(browser, url, 'pending');
    const parameters = { type: 'object', required: ['names', 'size'], properties: { names: { type: 'array', items: { type: 'string' } }, size: { anyOf: [{ type: 'integer' }, { type: 'null' }] }, deep: { type: 'object', properties: { on: { type: 'boolean' } } }, free: {} } };
    const asked = ask(url, 'manual, many calls', { body: { tools: [...TOOLS, { type: 'function', function: { name: 'sort', parameters } }] } });
    await waits(page, 'manual, many calls');
    await choose(page, 'Tool calls');
    const form = answer(page);
    await form.getByRole('button', { name: 'One more call' }).click();
    await form.getByRole('button', { name: 'Leave out 1', exact: true }).click();
    await form.getByRole('combobox', { name: /^Tool/ }).selectOption('sort');
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await form.getByRole('textbox', { name: '1', exact: true }).fill('b');
    await form.getByRole('textbox', { name: '2', exact: true }).fill('a');
    await form.getByLabel('Kind of size').selectOption({ index: 1 });
    await form.getByRole('button', { name: 'deep' }).click();
    await form.getByRole('button', { name: 'on', exact: true }).click();
    await form.getByRole('checkbox', { name: 'on' }).check();
    await form.getByRole('button', { name: 'free' }).click();
    await form.getByRole('textbox', { name: 'free' }).fill('[1]');
    await form.getByRole('button', { name: 'free' }).click();
    await send(page);
    const [call] = (await (await asked).json()).choices[0].message.tool_calls;
    expect([call.function.name, JSON.parse(call.function.arguments)]).toEqual(['sort', { names: ['b', 'a'], size: null, deep: { on: true } }]);
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
    expect(await answer(page).getByLabel('Let it leave as it is typed').isChecked()).toBe(true);
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
    const typed = ask(url, 'manual: keep what is typed', { key: 'typed', body: { stream: true } });
    await waits(page, 'manual: keep what');
    await answer(page).getByRole('textbox', { name: 'Text' }).pressSequentially('Typed.', { delay: 5 });
    await answer(page).getByLabel('Keep as rule').check();
    await send(page);
    expect(await (await typed).text()).toContain('"content":');
    await page.getByText('Sent, and kept as a rule').nth(1).waitFor();
    if (host.real) expect(await said(ask(url, 'manual: keep what is typed', { key: 'typed' }))).toBe('Typed.');
    if (host.real) expect(await said(ask(url, 'manual: keep (this)?', { key: 'keeper' }))).toBe('Kept.');
    expect(await page.clean()).toEqual([]);
    await page.shut();
  });

  test('answers pause: they go on, are edited, stepped through, dropped, cut', async () => {
    const { url, browser } = host;
    const page = await open(browser, url, 'pending');
    const dialog = page.getByRole('dialog', { name: 'Breakpoints' });
    const add = async (condition) => {
      await dialog.getByRole('textbox', { name: 'Condition' }).fill(JSON.stringify(condition));
      await dialog.getByRole('button', { name: 'Add breakpoint' }).click();
    };
    await page.getByRole('button', { name: 'Breakpoints: 0' }).click();
    await add({ nonsense: 1 });
    await dialog.getByRole('alert').getByText('nonsense').first().waitFor();
    await add({ user: '^stop at the answer' });
    await dialog.getByRole('listitem').filter({ hasText: 'stop at the answer' }).waitFor();
    await dialog.getByLabel('Pause at').selectOption('piece');
    await dialog.getByLabel('Piece, from 0').fill('1');
    await add({ user: '^stop at a piece' });
    await dialog.getByRole('listitem').filter({ hasText: 'piece 1' }).waitFor();
    await page.keyboard.press('Escape');

    const meets = (text) => page.getByRole('link', { name: new RegExp(text) }).click();
    const plain = ask(url, 'stop at the answer, plain', { key: 'paused' });
    await meets('answer, plain');
    await page.getByText('Paused: this is answered by echo.').waitFor();
    await answer(page).getByRole('button', { name: 'Go on' }).click();
    expect(await said(plain)).toBe('Echo: stop at the answer, plain');
    const edited = ask(url, 'stop at the answer, edited', { key: 'paused' });
    await meets('answer, edited');
    const text = answer(page).getByRole('textbox', { name: 'Text' });
    expect(await text.inputValue()).toBe('Echo: stop at the answer, edited');
    await text.fill('Edited.');
    await page.keyboard.press('Control+Enter');
    expect(await said(edited)).toBe('Edited.');

    const piece = page.getByRole('form', { name: 'Next piece' }).getByRole('textbox');
    const changes = async (act) => {
      const before = await piece.inputValue();
      await act();
      await expect.poll(() => piece.inputValue()).not.toBe(before);
      return before;
    };
    const stream = ask(url, 'stop at a piece of this stream, and of no other', { key: 'paused', body: { stream: true } });
    await meets('piece of this stream');
    const stepped = await changes(() => page.keyboard.press('Alt+s'));
    const replaced = await piece.inputValue();
    await piece.fill('[edited]');
    await changes(() => page.keyboard.press('Alt+s'));
    const dropped = await changes(() => page.getByRole('button', { name: 'Drop the piece' }).click());
    await page.getByRole('form', { name: 'Next piece' }).getByRole('button', { name: 'Go on' }).click();
    const left = [...(await (await stream).text()).matchAll(/"content":"([^"]*)"/g)].map(([, one]) => one).join('');
    expect(left).toBe('Echo: stop at a piece of this stream, and of no other'.replace(stepped + replaced + dropped, `${stepped}[edited]`));

    const broken = ask(url, 'stop at a piece, and cut', { key: 'paused', body: { stream: true } }).then((reply) => reply.text());
    broken.catch(() => {});
    await meets('piece, and cut');
    await page.getByRole('form', { name: 'Next piece' }).locator('summary', { hasText: 'More' }).click();
    await page.getByRole('button', { name: 'Cut the connection' }).click();
    await expect(broken).rejects.toThrow();
    await page.keyboard.press('b');
    await dialog.getByRole('button', { name: 'Remove breakpoint 2' }).click();
    await dialog.getByRole('button', { name: 'Remove breakpoint 1' }).click();
    await dialog.getByText('Nothing pauses.').waitFor();
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
