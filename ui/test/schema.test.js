import { describe, expect, test } from 'vitest';
import { alternativeOf, alternatives, fault, kindOf, resolve, smallest } from '../src/logic/schema.js';

const person = {
  type: 'object', additionalProperties: false, required: ['name', 'age', 'tags', 'home', 'next'],
  properties: {
    name: { type: 'string', minLength: 2 }, age: { type: 'integer', minimum: 18 }, tags: { type: 'array', minItems: 2, items: { enum: ['a', 'b'] } },
    home: { $ref: '#/$defs/place' }, next: { anyOf: [{ $ref: '#' }, { type: 'null' }] }, note: { type: ['string', 'null'] },
  },
  $defs: { place: { allOf: [{ properties: { zip: { type: 'string', format: 'uuid' } }, required: ['zip'] }, { type: 'object' }] } },
};

test('the smallest value has what is required, and is right', () => {
  const { next, ...value } = smallest({ ...person, required: person.required.slice(0, 4) });
  expect(value).toEqual({ name: 'xx', age: 18, tags: ['a', 'a'], home: { zip: '00000000-0000-4000-8000-000000000000' } });
  expect(next).toBeUndefined();
});

test('a schema that refers to itself comes to an end', () => {
  expect(() => smallest(person)).not.toThrow();
  expect(JSON.stringify(smallest(person)).length).toBeLessThan(5000);
  expect(() => fault(person, smallest(person))).not.toThrow();
  const loop = { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } };
  expect(resolve(loop, loop)).toBeTypeOf('object');
});

test.each([
  [{ type: 'number', exclusiveMinimum: 3 }, 4], [{ type: 'integer', multipleOf: 5, minimum: 7 }, 10], [{ type: 'integer', maximum: -3 }, -3], [{ const: 'x' }, 'x'],
  [{ enum: [2, 3] }, 2], [{ type: ['null', 'string'] }, null], [{ oneOf: [{ type: 'boolean' }] }, false], [{ default: 9, type: 'integer' }, 9], [true, null],
  [{ type: 'object' }, {}], [{ type: 'string', format: 'date' }, '2026-01-01'],
])('%j', (schema, value) => expect(smallest(schema)).toEqual(value));

describe('faults', () => {
  const schema = { ...person, required: ['name', 'age'] };
  test.each([
    [{ name: 'Al', age: 20 }, null], [{ name: 'Al' }, '.age'], [{ name: 1, age: 20 }, '.name'], [{ name: 'Al', age: 17 }, '.age'], [{ name: 'Al', age: 20.5 }, '.age'],
    [{ name: 'Al', age: 20, tags: ['a'] }, '.tags'], [{ name: 'Al', age: 20, tags: ['a', 'c'] }, '.tags[1]'], [{ name: 'Al', age: 20, more: 1 }, '.more'],
    [{ name: 'Al', age: 20, note: null }, null], [{ name: 'Al', age: 20, note: 4 }, '.note'], [{ name: 'Al', age: 20, next: { name: 'B', age: 1 } }, '.next.age'],
    [[], '$'], ['x', '$'],
  ])('%j', (value, path) => expect(fault(schema, value)?.path ?? null).toBe(path));
});

test('which alternative a value is of', () => {
  const choices = alternatives({ anyOf: [{ type: 'string' }, { type: 'object', properties: { a: {} } }, { type: 'object', properties: { b: {} } }] });
  expect(alternativeOf(choices, 'x')).toBe(0);
  expect(alternativeOf(choices, { b: 1 })).toBe(2);
  expect(alternativeOf(choices, 5)).toBe(0);
  expect(kindOf({ properties: {} })).toBe('object');
  expect(kindOf({})).toBe('any');
});
