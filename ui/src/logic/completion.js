// Completion of a script from its schema: the keys an object may still have, the values a key may take.
import { contextAt } from './json-walk.js';
import { resolve } from './schema.js';

/** All schemas that may hold at a place: every alternative is one. */
function spread(schema, root, depth = 0) {
  if (depth > 6 || schema == null) return [];
  const known = resolve(schema, root);
  const choices = known.anyOf ?? known.oneOf;
  return Array.isArray(choices) ? [known, ...choices.flatMap((one) => spread(one, root, depth + 1))] : [known];
}

function below(schemas, step, root) {
  return schemas.flatMap((schema) => {
    if (typeof step === 'number') return schema.items ? spread(schema.items, root) : [];
    if (schema.properties && Object.hasOwn(schema.properties, step)) return spread(schema.properties[step], root);
    return typeof schema.additionalProperties === 'object' ? spread(schema.additionalProperties, root) : [];
  });
}

/**
 * What may stand where a text ends.
 * @param {string} before  the text before the cursor
 * @param {object} schema
 * @returns {{ from: number, options: { label: string, detail: string, insert: string, kind: 'key' | 'value' }[] }}
 */
export function complete(before, schema) {
  const { steps, expects, written, keys, key, inList } = withList(contextAt(before), before);
  let here = spread(schema, schema);
  for (const step of steps) here = below(here, step, schema);
  const from = before.length - written.length;
  if (expects === 'key') return { from, options: keysOf(here, keys) };
  const values = key !== null ? below(here, key, schema) : inList ? below(here, 0, schema) : here;
  return { from, options: valuesOf(values) };
}

const withList = (context, before) => ({ ...context, inList: context.key === null && context.expects === 'value' && before.trim() !== '' });

function keysOf(schemas, present) {
  const found = new Map();
  for (const schema of schemas) {
    for (const [name, one] of Object.entries(schema.properties ?? {})) {
      if (present.includes(name) || found.has(name)) continue;
      found.set(name, { label: `"${name}"`, detail: one.description ?? '', insert: `"${name}": `, kind: 'key' });
    }
  }
  return [...found.values()];
}

function valuesOf(schemas) {
  const found = new Map();
  const add = (value, detail) => found.set(value, { label: value, detail: detail ?? '', insert: value, kind: 'value' });
  for (const { enum: listed, const: only, type, description, properties } of schemas) {
    for (const one of listed ?? []) add(JSON.stringify(one), description);
    if (only !== undefined) add(JSON.stringify(only), description);
    if (type === 'boolean') for (const one of ['true', 'false']) add(one, description);
    if (type === 'object' || properties) found.has('{}') || add('{}', description);
    if (type === 'array') found.has('[]') || add('[]', description);
    if (type === 'string' && !listed) found.has('""') || add('""', description);
  }
  return [...found.values()];
}
