// The first release that has a type, a field or a value, as far as the releases asked tell (packages.mjs lists them).
// What the oldest of them has is not written down; a field as old as its type is not, either.
import { declared } from './npm.mjs';
import { readPython, unite } from './union.mjs';

/** A type's fields and values: those in it, not in the types it refers to. */
function contents(schema) {
  const fields = new Map();
  const visit = (node, place) => {
    if (!node || typeof node !== 'object') return;
    if (node.enum) {
      const known = fields.get(place) ?? new Set();
      for (const value of node.enum) known.add(String(value));
      fields.set(place, known);
    }
    for (const one of node.anyOf ?? []) visit(one, place);
    visit(node.items, place);
    visit(node.additionalProperties, place);
    for (const [key, value] of Object.entries(node.properties ?? {})) {
      const inner = place ? `${place}.${key}` : key;
      if (!fields.has(inner)) fields.set(inner, new Set());
      visit(value, inner);
    }
  };
  visit(schema, '');
  return fields;
}

/**
 * `{Type: {since?, fields?: {field: release}, values?: {field: {value: release}}}}` for the types of `surface`.
 * @param {[string, Record<string, object>][]} releases name and types, oldest first; the last one is the newest
 */
function history(defs, releases) {
  const older = releases.map(([release, of]) => [release, new Map(Object.entries(of).map(([name, schema]) => [name, contents(schema)]))]);
  const first = (has) => older.find(([, of]) => has(of))?.[0];
  const out = {};
  for (const name of Object.keys(defs).sort()) {
    const entry = {};
    const since = first((of) => of.has(name));
    if (since !== older[0][0]) entry.since = since;
    for (const [field, values] of contents(defs[name])) {
      const came = first((of) => of.get(name)?.has(field));
      if (field && came !== since) (entry.fields ??= {})[field] = came;
      for (const value of values) {
        const known = first((of) => of.get(name)?.get(field)?.has(value));
        if (known !== came && known !== since) ((entry.values ??= {})[field] ??= {})[value] = known;
      }
    }
    if (Object.keys(entry).length) out[name] = entry;
  }
  return out;
}

/**
 * Asks the older releases. `newest` = [name, surface] of npm alone and of the union.
 * @param {{npm: [string, string][], pypi: [string, string][]}} folders release and folder, oldest first
 */
export function since(union, npmAlone, folders) {
  const releases = folders.npm.map(([release, folder]) => [`npm ${release}`, declared(folder)]);
  releases.push([`npm ${folders.newest.npm}`, npmAlone.defs]);
  for (const [release, folder] of folders.pypi) {
    const with_ = structuredClone(npmAlone);
    unite(with_, readPython(folder));
    releases.push([`pypi ${release}`, with_.defs]);
  }
  releases.push([`pypi ${folders.newest.pypi}`, union.defs]);
  return history(union.defs, releases);
}

/** When all came, from a description made earlier: what it does not have is new in `release`. */
export function newest(defs, earlier, release) {
  const out = {};
  for (const [name, schema] of Object.entries(defs)) {
    const old = earlier[name];
    if (!old) {
      out[name] = { since: release };
      continue;
    }
    const entry = structuredClone(old['x-since'] ?? {});
    const [before, now] = [contents(old), contents(schema)];
    // What is gone came never.
    for (const field of Object.keys(entry.fields ?? {})) if (!now.has(field)) delete entry.fields[field];
    for (const [field, values] of now) {
      if (!before.has(field) && field) (entry.fields ??= {})[field] = release;
      for (const value of values) if (before.has(field) && !before.get(field).has(value)) ((entry.values ??= {})[field] ??= {})[value] = release;
    }
    if (Object.keys(entry).length) out[name] = entry;
  }
  return out;
}
