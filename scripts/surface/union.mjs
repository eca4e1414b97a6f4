// PyPI's `openai` is ahead of npm's in places: what only it has goes into the surface too.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Pairs, follow, keyOf } from './align.mjs';

const ref = (name) => ({ $ref: `#/$defs/${name}` });

/** Operations and types of a release of PyPI's package. */
export function readPython(folder) {
  const script = fileURLToPath(new URL('pypi.py', import.meta.url));
  return JSON.parse(execFileSync('python3', [script, folder], { maxBuffer: 1 << 28, encoding: 'utf8' }));
}

/** Adds to `surface` what only Python has. Returns what was added, for people. */
export function unite(surface, python) {
  const { defs } = surface;
  const added = [];
  const theirs = new Map();
  for (const row of python.operations) {
    const [path, variant] = row.path.split('?');
    const operation = { method: row.method, path, variant };
    for (const place of ['body', 'query', 'answer', 'events']) if (row[place]) operation[place] = ref(row[place]);
    const key = keyOf(operation);
    theirs.set(key, [...(theirs.get(key) ?? []), { ...operation, at: row.at }]);
  }
  const ours = new Set(surface.operations.map(keyOf));
  for (const [key, [row]] of theirs) if (!ours.has(key)) throw new Error(`${row.at}: npm has no ${key}: the generator must learn where such an operation comes from`);

  // Fields before members: a type that becomes a union has none of its own any more.
  const [fields, others] = [[], []];
  const side = (of) => ({ follow: (schema) => follow(of, schema) });
  const pairs = new Pairs(side(defs), side(python.defs), {
    leaf(mine, { node }, union) {
      if (node.type === 'integer' && mine.node.type === 'number') mine.node.type = 'integer';
      if (!mine.node.enum || !node.enum) return;
      const known = union.flatMap((one) => one.node.enum ?? []);
      for (const value of node.enum.filter((one) => !known.includes(one))) {
        mine.node.enum.push(value);
        added.push(`${mine.name ?? ''} ${JSON.stringify(value)}`);
      }
    },
    field(mine, name, { node }) {
      fields.push(() => {
        if (Object.hasOwn(mine.node.properties, name)) return;
        mine.node.properties[name] = convert(node.properties[name]);
        added.push(`${mine.name ?? ''}.${name}`);
      });
    },
    member(mine, { node, name }) {
      others.push(() => {
        const own = name ? convert(ref(name)) : convert(node);
        if (!mine.node.anyOf) {
          const single = { ...mine.node };
          for (const key of Object.keys(mine.node)) delete mine.node[key];
          mine.node.anyOf = [single];
        }
        if (mine.node.anyOf.some((one) => JSON.stringify(one) === JSON.stringify(own))) return;
        mine.node.anyOf.push(own);
        added.push(`${mine.name ?? ''} | ${name ?? JSON.stringify(node)}`);
      });
    },
  });
  /** One of Python's schemas in our names: types that met keep ours, others come along. */
  const convert = (schema) => {
    if (Array.isArray(schema)) return schema.map(convert);
    if (!schema || typeof schema !== 'object') return schema;
    if (typeof schema.$ref !== 'string') return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, convert(value)]));
    const name = schema.$ref.slice(8);
    const met = pairs.names.get(name);
    if (met) return ref(met);
    const own = name.replace(/^types\./, '');
    if (!defs[own]) {
      defs[own] = {};
      Object.assign(defs[own], convert(python.defs[name]));
    }
    return ref(own);
  };
  pairs.operations(surface.operations, theirs);
  for (const name of surface.messages) {
    const [room, own] = [name.split('.')[0], name.split('.').at(-1)];
    const other = python.messages.find((one) => one.startsWith(`types.${room}.`) && one.endsWith(`.${own}`));
    if (other) pairs.schemas(ref(name), ref(other));
  }
  for (const one of [...fields, ...others]) one();
  return added;
}
