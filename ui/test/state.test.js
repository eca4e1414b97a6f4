import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { exchangeStore } from '../src/state/exchanges.js';
import { reduce, reload } from '../src/state/pending.js';

const ids = (store) => store.rows.map(({ id }) => id);

test('exchanges stand in the order in which they arrived, each once', () => {
  const store = exchangeStore(3);
  store.put([{ id: 'c', arrived: 3, state: 'in_flight' }, { id: 'b', arrived: 2, state: 'done' }]);
  store.put([{ id: 'a', arrived: 1, state: 'done' }, { id: 'c', arrived: 3, state: 'done', status: 200 }]);
  expect(ids(store)).toEqual(['a', 'b', 'c']);
  // A page that was fetched before the end comes late.
  store.put([{ id: 'c', arrived: 3, state: 'in_flight', status: null }]);
  expect(store.find('c')).toMatchObject({ state: 'done', status: 200 });
  // A row that is shown is another one after a change, or nobody would draw it anew; told twice at once, it is there once.
  const before = exchangeStore();
  before.put([{ id: 'x', arrived: 1, state: 'in_flight' }, { id: 'y', arrived: 1, state: 'in_flight' }]);
  const [x, y] = before.rows;
  before.put([{ id: 'y', arrived: 1, state: 'done' }, { id: 'z', arrived: 2, state: 'in_flight' }, { id: 'z', arrived: 2, state: 'done' }]);
  expect(before.rows[0]).toBe(x);
  expect(before.rows[1]).not.toBe(y);
  expect(before.rows.map(({ state }) => state)).toEqual(['in_flight', 'done', 'done']);
  expect([before.change('x', { asked: 'a' }), before.change('y', { asked: 'a' })]).toEqual([true, false]);
  expect(before.rows.map(({ asked }) => asked)).toEqual(['a', undefined, undefined]);
  store.put([{ id: 'd', arrived: 4, state: 'done' }]);
  expect(ids(store)).toEqual(['b', 'c', 'd']);
  expect(store.find('a')).toBeUndefined();
  store.clear();
  expect(store.rows).toEqual([]);
});

const event = (type, data) => ({ type, data });

test('a card follows its request to the end', () => {
  let cards = reduce([], event('new_request', { id: '1', left_ms: 300 }), 1000);
  expect(cards[0]).toMatchObject({ deadline: 1300, typed: '', gone: null });
  cards = reduce(cards, event('claimed_request', { id: '1', by: 'Ann', until: 5 }), 0);
  cards = reduce(cards, event('typed', { id: '1', by: 'Ann', text: 'He' }), 0);
  cards = reduce(cards, event('typed', { id: '1', by: 'Ann', text: 'y' }), 0);
  expect(cards[0]).toMatchObject({ claimed: { by: 'Ann' }, typed: 'Hey' });
  cards = reduce(cards, event('released_request', { id: '1' }), 0);
  expect(cards[0].claimed).toBeNull();
  cards = reduce(cards, event('cancelled_request', { id: '1', reason: 'client_left' }), 0);
  expect(cards[0].gone).toEqual({ how: 'client_left' });
  // Told again after a lost connection: the same card.
  expect(reduce(cards, event('new_request', { id: '1', left_ms: 1 }), 0)).toHaveLength(1);
  expect(reduce(cards, event('exchange_ended', { id: '1' }), 0)).toBe(cards);
});

test('cards of requests that are over stay, but not for ever', () => {
  let cards = [];
  for (let n = 0; n < 50; n += 1) {
    cards = reduce(cards, event('new_request', { id: String(n) }), 0);
    if (n % 2) cards = reduce(cards, event('answered_by', { id: String(n), by: 'x', how: 'answer' }), 0);
  }
  expect(cards.filter((card) => card.gone)).toHaveLength(20);
  expect(cards.filter((card) => !card.gone)).toHaveLength(25);
  const again = reload(cards, [{ id: '0' }], 0);
  expect(again.filter((card) => !card.gone).map(({ id }) => id)).toEqual(['0']);
  expect(again.find((card) => card.id === '48').gone).toEqual({ how: 'unseen' });
});

test('everything that is said is said in Chinese too', async () => {
  const { default: zh } = await import('../src/state/zh.js');
  const src = path.join(import.meta.dirname, '../src');
  const files = readdirSync(src, { recursive: true }).filter((name) => /\.jsx?$/.test(name) && !name.endsWith('zh.js'));
  const said = new Set(files.flatMap((name) => [...readFileSync(path.join(src, name), 'utf8').matchAll(/\bt\((['"`])((?:\\.|(?!\1).)+)\1/g)].map(([, , text]) => text.replaceAll("\\'", "'"))));
  const { KEYS } = await import('../src/state/keys.js');
  for (const [group, keys] of KEYS) [group, ...keys.map(([, text]) => text)].forEach((text) => said.add(text));
  expect([...said].filter((text) => !zh[text])).toEqual([]);
  expect(Object.keys(zh).filter((text) => !said.has(text))).toEqual([]);
});
