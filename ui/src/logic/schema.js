// JSON Schema as a form needs it: what kind of field something is, and the smallest value that is right.

/** How deep values are made and forms drawn; a schema may refer to itself. */
const DEEPEST = 8;

/** The schema itself, behind its local `$ref` and with its `allOf` taken together. */
export function resolve(schema, root, depth = 0) {
  if (schema === true || schema == null || typeof schema !== 'object') return {};
  if (depth > DEEPEST) return {};
  if (typeof schema.$ref === 'string') {
    const found = schema.$ref.startsWith('#') ? schema.$ref.split('/').slice(1).reduce((at, step) => at?.[step.replace(/~1/g, '/').replace(/~0/g, '~')], root) : undefined;
    const { $ref, ...beside } = schema;
    return { ...resolve(found, root, depth + 1), ...beside };
  }
  if (!Array.isArray(schema.allOf)) return schema;
  const { allOf, ...own } = schema;
  return allOf.map((part) => resolve(part, root, depth + 1)).concat(own).reduce((all, part) => ({
    ...all,
    ...part,
    properties: all.properties || part.properties ? { ...all.properties, ...part.properties } : undefined,
    required: [...(all.required ?? []), ...(part.required ?? [])],
  }), {});
}

/** The alternatives of a schema: of `anyOf`, `oneOf`, and a list of types. */
export function alternatives(schema, root) {
  const known = resolve(schema, root);
  const listed = known.anyOf ?? known.oneOf;
  if (Array.isArray(listed)) return listed.map((one) => resolve(one, root));
  if (Array.isArray(known.type)) return known.type.map((type) => ({ ...known, type }));
  return [known];
}

/**
 * What a form shows for a schema: `string`, `number`, `integer`, `boolean`, `enum`, `const`, `object`, `array`, `null`,
 * or `any`, which is written as JSON.
 */
export function kindOf(schema) {
  if ('const' in schema) return 'const';
  if (Array.isArray(schema.enum)) return 'enum';
  if (['string', 'number', 'integer', 'boolean', 'null', 'array'].includes(schema.type)) return schema.type;
  if (schema.type === 'object' || schema.properties) return schema.properties ? 'object' : 'any';
  return 'any';
}

/** The alternative a value is of; the first when it is of none. */
export function alternativeOf(choices, value) {
  const fits = (schema) => {
    switch (kindOf(schema)) {
      case 'const': return schema.const === value;
      case 'enum': return schema.enum.includes(value);
      case 'null': return value === null;
      case 'string': return typeof value === 'string';
      case 'integer': case 'number': return typeof value === 'number';
      case 'boolean': return typeof value === 'boolean';
      case 'array': return Array.isArray(value);
      case 'object': return value !== null && typeof value === 'object' && !Array.isArray(value);
      default: return value !== undefined;
    }
  };
  const keys = value && typeof value === 'object' ? Object.keys(value) : [];
  const close = choices.filter(fits);
  return Math.max(0, choices.indexOf(close.find((one) => keys.every((key) => !one.properties || key in one.properties)) ?? close[0]));
}

/** The smallest value a schema allows: what an editor opens with. */
export function smallest(schema, root = schema, depth = 0) {
  const known = resolve(schema, root);
  if ('const' in known) return known.const;
  if ('default' in known) return known.default;
  if (Array.isArray(known.enum)) return known.enum[0];
  const [first] = alternatives(known, root);
  if (first !== known && depth < DEEPEST) return smallest(first, root, depth + 1);
  switch (kindOf(first)) {
    case 'string': return text(first);
    case 'number': case 'integer': return least(first);
    case 'boolean': return false;
    case 'array': return depth < DEEPEST ? Array.from({ length: Math.min(first.minItems ?? 0, 20) }, () => smallest(first.items, root, depth + 1)) : [];
    case 'object': return Object.fromEntries(required(first, depth).map((name) => [name, smallest(first.properties[name], root, depth + 1)]));
    case 'null': return null;
    default: return first.type === 'object' ? {} : null;
  }
}

const required = (schema, depth) => (depth < DEEPEST ? [...new Set(schema.required ?? [])].filter((name) => Object.hasOwn(schema.properties, name)) : []);

const FORMATS = {
  date: '2026-01-01', time: '00:00:00Z', 'date-time': '2026-01-01T00:00:00Z', email: 'a@example.com', uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000', ipv4: '127.0.0.1', ipv6: '::1', hostname: 'example.com', duration: 'P1D',
};

const text = (schema) => FORMATS[schema.format] ?? 'x'.repeat(Math.min(schema.minLength ?? 0, 1000));

function least(schema) {
  const step = schema.multipleOf ?? (schema.type === 'integer' ? 1 : 0);
  const above = schema.exclusiveMinimum;
  const from = Math.max(schema.minimum ?? -Infinity, above ?? -Infinity);
  if (from === -Infinity) return Math.min(0, schema.maximum ?? (schema.exclusiveMaximum ?? 1) - 1);
  if (!step) return from === above ? from + 1 : from;
  const first = Math.ceil(from / step) * step;
  return first === above ? first + step : first;
}

/**
 * What is missing or of the wrong kind, at the first place found; null when a form can send it. The emulator checks
 * the whole schema; this says early what it would say late.
 * @returns {{ path: string, message: string } | null}
 */
export function fault(schema, value, root = schema, path = '', depth = 0) {
  if (depth > DEEPEST) return null;
  const choices = alternatives(schema, root);
  const faults = choices.map((one) => faultOfOne(one, value, root, path, depth));
  return faults.includes(null) ? null : faults[alternativeOf(choices, value)];
}

function faultOfOne(schema, value, root, path, depth) {
  const wrong = (message) => ({ path: path || '$', message });
  const kind = kindOf(schema);
  if (kind === 'any') return schema.type === 'object' && !isObject(value) ? wrong('object') : null;
  if (kind === 'const') return value === schema.const ? null : wrong(JSON.stringify(schema.const));
  if (kind === 'enum') return schema.enum.includes(value) ? null : wrong(schema.enum.map((one) => JSON.stringify(one)).join(' | '));
  if (kind === 'object') {
    if (!isObject(value)) return wrong('object');
    const missing = (schema.required ?? []).find((name) => !Object.hasOwn(value, name));
    if (missing !== undefined) return { path: `${path}.${missing}`, message: 'required' };
    for (const [name, one] of Object.entries(value)) {
      if (Object.hasOwn(schema.properties, name)) {
        const found = fault(schema.properties[name], one, root, `${path}.${name}`, depth + 1);
        if (found) return found;
      } else if (schema.additionalProperties === false) return { path: `${path}.${name}`, message: 'unknown' };
    }
    return null;
  }
  if (kind === 'array') {
    if (!Array.isArray(value)) return wrong('array');
    if (value.length < (schema.minItems ?? 0)) return wrong(`≥ ${schema.minItems}`);
    if (value.length > (schema.maxItems ?? Infinity)) return wrong(`≤ ${schema.maxItems}`);
    for (const [index, one] of value.entries()) {
      const found = schema.items && fault(schema.items, one, root, `${path}[${index}]`, depth + 1);
      if (found) return found;
    }
    return null;
  }
  if (kind === 'null') return value === null ? null : wrong('null');
  if (kind === 'integer') return Number.isInteger(value) ? bounds(schema, value, wrong) : wrong('integer');
  if (kind === 'number') return typeof value === 'number' ? bounds(schema, value, wrong) : wrong('number');
  return typeof value === kind ? null : wrong(kind);
}

function bounds({ minimum = -Infinity, maximum = Infinity }, value, wrong) {
  return value < minimum ? wrong(`≥ ${minimum}`) : value > maximum ? wrong(`≤ ${maximum}`) : null;
}

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
