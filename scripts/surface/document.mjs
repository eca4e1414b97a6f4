// What the OpenAPI document says beyond types, as numbers and names of formats: which numbers are whole, ranges, lengths,
// whether a body may be JSON or a form. None of its text is kept.
import { Pairs, follow, keyOf } from './align.mjs';

const BOUNDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'];
const PREFIX = '#/components/schemas/';

/** The document's schemas in one form: `allOf` merged, `oneOf` and `nullable` as `anyOf`. */
function plain(schemas) {
  const seen = new Map();
  const form = (schema) => {
    if (typeof schema?.$ref === 'string') {
      const name = schema.$ref.slice(PREFIX.length);
      return schemas[name] ? { $ref: `#/$defs/${name}` } : {};
    }
    const { allOf, oneOf, anyOf, properties, items, additionalProperties, type, ...rest } = schema ?? {};
    const kinds = Array.isArray(type) ? type.filter((one) => one !== 'null') : type ? [type] : [];
    let out = Object.fromEntries(Object.entries(rest).filter(([key]) => BOUNDS.includes(key) || key === 'enum' || key === 'format'));
    if ('const' in rest) out.enum = [rest.const];
    if (out.enum) out.enum = out.enum.filter((one) => one !== null);
    if (kinds.length === 1) [out.type] = kinds;
    else if (kinds.length) out.anyOf = kinds.map((one) => form({ ...schema, type: one }));
    else if (out.enum?.length) out.type = typeof out.enum[0];
    if (properties) Object.assign(out, { type: 'object', properties: map(properties) });
    if (items) out.items = form(items);
    if (additionalProperties && typeof additionalProperties === 'object') out.additionalProperties = form(additionalProperties);
    else if (out.type === 'object' && !properties) out.additionalProperties = {};
    for (const one of allOf ?? []) out = merge(out, flat(one));
    const variants = [...(oneOf ?? []), ...(anyOf ?? [])].map(form).filter((one) => one.type !== 'null');
    if (variants.length === 1 && !Object.keys(out).length) return variants[0];
    if (variants.length && !out.properties) out = { anyOf: variants };
    return out;
  };
  const map = (of) => Object.fromEntries(Object.entries(of).map(([key, value]) => [key, form(value)]));
  const flat = (schema) => {
    const out = form(schema);
    if (typeof out.$ref !== 'string') return out;
    const name = out.$ref.slice('#/$defs/'.length);
    if (seen.has(name)) return seen.get(name);
    seen.set(name, {});
    const made = flat(schemas[name]);
    seen.set(name, made);
    return made;
  };
  const merge = (one, other) => ({ ...one, ...other, ...(one.properties || other.properties ? { properties: { ...one.properties, ...other.properties } } : {}) });
  return { defs: map(schemas), form };
}

/** Facts of the document about the surface: `{ forms: {operation: form}, types: {"Type/pointer": {…}} }`. */
export function facts(surface, document) {
  const { defs, form } = plain(document.components.schemas);
  const theirs = new Map();
  const forms = {};
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (!operation?.responses) continue;
      const key = keyOf({ method: method.toUpperCase(), path });
      const content = operation.requestBody?.content ?? {};
      const kinds = Object.keys(content);
      const row = { json: kinds.includes('application/json'), form: kinds.includes('multipart/form-data') };
      const body = content['application/json'] ?? content['multipart/form-data'];
      if (body?.schema) row.body = form(body.schema);
      const query = [...(item.parameters ?? []), ...(operation.parameters ?? [])].filter((one) => one.in === 'query');
      if (query.length) row.query = { type: 'object', properties: Object.fromEntries(query.map((one) => [one.name.replace(/\[\]$/, ''), form(one.schema)])) };
      const answer = Object.entries(operation.responses).find(([status]) => /^2/.test(status))?.[1].content ?? {};
      if (answer['application/json']?.schema) row.answer = form(answer['application/json'].schema);
      if (answer['text/event-stream']?.schema) row.events = form(answer['text/event-stream'].schema);
      theirs.set(key, [row]);
    }
  }
  const side = (of) => ({ follow: (schema) => follow(of, schema) });
  for (const operation of surface.operations) {
    const [row] = theirs.get(keyOf(operation)) ?? [];
    if (!row) continue;
    if (operation.form && row.json && row.form && operation.form !== 'JsonOrForm') forms[operation.name] = 'JsonOrForm';
    // The clients name what a page holds, the document the page.
    if (operation.kind === 'page' && row.answer) row.answer = follow(defs, follow(defs, row.answer).node.properties?.data ?? {}).node.items;
  }
  /** What the document says of one of our types, each time it is met. */
  const said = new Map();
  const pairs = new Pairs(side(surface.defs), side(defs), {
    leaf(mine, { node }) {
      if (!said.has(mine.node)) said.set(mine.node, []);
      said.get(mine.node).push(node);
    },
  });
  pairs.operations(surface.operations, theirs);
  const types = {};
  const walk = (node, place) => {
    if (!node || typeof node !== 'object') return;
    const found = said.has(node) && agreed(node, said.get(node));
    if (found && Object.keys(found).length) types[place] = found;
    for (const [key, value] of Object.entries(node)) walk(value, `${place}/${key}`);
  };
  for (const name of Object.keys(surface.defs).sort()) walk(surface.defs[name], name);
  return { version: document.info.version, forms, types };
}

/** What all that was said of one type allows: where one place says less, the looser bound holds. */
function agreed(node, places) {
  const out = {};
  if (node.type === 'number' && places.every((one) => one.type === 'integer')) out.type = 'integer';
  const format = places[0].format;
  if (node.type === 'string' && !node.enum && !node.format && format && places.every((one) => one.format === format)) out.format = format;
  for (const bound of BOUNDS) {
    const values = places.map((one) => one[bound]);
    if (!values.every((one) => typeof one === 'number') || node.enum) continue;
    const value = /^m?i?n|Minimum/i.test(bound) ? Math.min(...values) : Math.max(...values);
    // What bounds nothing, or cannot be said exactly, is no fact.
    if (Math.abs(value) <= Number.MAX_SAFE_INTEGER && !(bound.startsWith('min') && bound !== 'minimum' && value === 0)) out[bound] = value;
  }
  return out;
}

/** Puts facts of the document onto the types; one that leads nowhere stops the generator. */
export function apply(surface, document) {
  for (const [name, form] of Object.entries(document.forms)) {
    const operation = surface.operations.find((one) => one.name === name);
    if (!operation) throw new Error(`document.json: there is no operation ${name}`);
    operation.form = form;
  }
  for (const [place, found] of Object.entries(document.types)) {
    const [name, ...path] = place.split('/');
    const node = path.reduce((at, key) => at?.[key], surface.defs[name]);
    if (!node) throw new Error(`document.json: ${place} leads nowhere`);
    Object.assign(node, found);
  }
}
