import { expect, test } from 'vitest';
import { EVERY, SEARCH_KEYS, SEARCH_STATES, matcher, parse } from '../src/logic/search.js';

const row = {
  id: 'req_1', session: 'checkout', operation: 'chat.completions.create', model: 'gpt-4o', asked: 'Weather in Paris?', said: 'get_weather(…)',
  outcome: 'scripted', by: 'script', rule: 'responses[0]', status: 429, state: 'done', stream: true, aborted: false, retry_count: 1,
  client: { ip: '127.0.0.1', port: 5000 }, path: '/v1/chat/completions', request_id: 'req_abc', waiting_for: null, failure: null,
};

test.each([
  ['', true],
  ['status:429', true], ['status:4xx', true], ['status:4', true], ['status:>=400', true], ['status:<400', false], ['status:5xx', false], ['status:4290', false],
  ['model:gpt-4o', true], ['model:GPT', true], ['model:o3', false],
  ['tool:get_weather', true], ['session:check', true], ['op:chat', true], ['by:script', true], ['outcome:fallback', false],
  ['is:error', true], ['is:ok', false], ['is:stream', true], ['is:pending', false], ['is:nonsense', false], ['is:retry', true],
  ['client:127.0', true], ['id:abc', true],
  ['paris weather', true], ['"in paris"', true], ['"paris in"', false], ['-berlin', true], ['-paris', false], ['status:429 -is:stream', false],
  ['a:b', false], ['v1/chat', true],
])('%s', (search, holds) => {
  expect(matcher(search)(row)).toBe(holds);
});

test('a row without values answers no, and breaks nothing', () => {
  const bare = { id: 'x', state: 'in_flight' };
  for (const key of SEARCH_KEYS) if (key !== 'id') expect(matcher(`${key}:zz`)(bare), key).toBe(false);
  for (const state of SEARCH_STATES) expect(typeof matcher(`is:${state}`)(bare)).toBe('boolean');
  expect(matcher('is:open')(bare)).toBe(true);
});

test('what is being typed is no error', () => {
  expect(parse('status:')).toEqual([{ not: false, key: null, value: 'status:' }]);
  expect(parse('"open')).toEqual([{ not: false, key: null, value: 'open' }]);
  expect(parse('-')).toEqual([{ not: false, key: null, value: '-' }]);
  expect(matcher('   ')).toBe(EVERY);
});
