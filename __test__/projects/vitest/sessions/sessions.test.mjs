// Sessions that tests make themselves: what passes and what fails says ../../../runners.test.mjs.
import { text } from 'llemulator';
import { test } from 'llemulator/vitest';
import { beforeEach, describe, expect } from 'vitest';

const ask = (api) => fetch(`${api.baseURL}/responses`, {
  method: 'POST',
  headers: { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'gpt-4o', input: 'x' }),
}).then((response) => response.json());

let shared;
const mine = test.extend({
  made: async ({ emulator }, use) => use(emulator.session('made')),
});

describe('alone', () => {
  test('passes: used', async ({ emulator }) => {
    const api = emulator.session();
    api.replies('one');
    expect((await ask(api)).output[0].content[0].text).toBe('one');
  });
  test('fails: left over', ({ emulator }) => emulator.session('other').replies('x'));
  test('fails: not scripted', async ({ emulator }) => void (await ask(emulator.session())));
  test('fails: the second', async ({ api, emulator }) => {
    api.replies('one');
    await ask(api);
    emulator.session('second').replies('x');
  });
  test('fails by itself: what it left is not shown', ({ emulator }) => {
    emulator.session('third').replies(text('x'));
    expect(1).toBe(2);
  });
  mine('fails: left over of a fixture', ({ made }) => made.replies('x'));
  test('passes: tried again', { retry: 1 }, async ({ emulator, task }) => {
    const api = emulator.session();
    api.replies('one');
    expect(task.result.retryCount).toBe(1);
    await ask(api);
  });
});

describe('each', () => {
  let each;
  beforeEach(({ emulator }) => {
    each = emulator.session('each');
    each.reset();
    each.replies('one');
  });
  test('fails: left over of a hook', ({ emulator }) => void emulator);
  test('passes: used of a hook', async ({ emulator }) => void (emulator, await ask(each)));
});

describe('shared', () => {
  test.beforeAll(({ emulator }) => {
    shared = emulator.session('shared');
    shared.replies('one', 'two', 'never');
  });
  test('passes: the first', async ({ emulator }) => void (emulator, await ask(shared)));
  test('passes: the second', async ({ emulator }) => void (emulator, await ask(shared)));
});

describe.concurrent('side by side', () => {
  for (const name of ['a', 'b']) {
    test(`passes: ${name}`, async ({ emulator, api }) => {
      const own = emulator.session(name);
      own.replies(`left of ${name}`);
      api.replies('one');
      await ask(api);
    });
  }
});
