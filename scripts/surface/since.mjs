// The first release that has a type, a field or a value, as far as the releases asked tell (packages.mjs lists them).
// What the oldest of them has is not written down; a field as old as its type is not, either.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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

/** What all types of a release have: `[[type, [[field, [value, …]], …]], …]`. */
const summary = (defs) => Object.entries(defs).map(([name, schema]) => [name, [...contents(schema)].map(([field, values]) => [field, [...values]])]);

/** The same of an older release of npm's, kept beside it: releases do not change. */
export function summaryOf(folder) {
  const kept = join(dirname(folder), 'contents.json');
  if (!existsSync(kept)) writeFileSync(kept, JSON.stringify(summary(declared(folder))));
  return JSON.parse(readFileSync(kept, 'utf8'));
}

/** Which release has what first. */
class Firsts {
  known = new Map();
  oldest = undefined;

  add(release, types) {
    this.oldest ??= release;
    const see = (...place) => this.known.has(place.join('\0')) || this.known.set(place.join('\0'), release);
    for (const [name, fields] of types) {
      see(name);
      for (const [field, values] of fields) {
        see(name, field);
        for (const value of values) see(name, field, value);
      }
    }
  }

  of(...place) {
    return this.known.get(place.join('\0'));
  }
}

/** `{Type: {since?, fields?: {field: release}, values?: {field: {value: release}}}}` for the types of `defs`. */
function history(defs, firsts) {
  const out = {};
  for (const name of Object.keys(defs).sort()) {
    const entry = {};
    const since = firsts.of(name);
    if (since !== firsts.oldest) entry.since = since;
    for (const [field, values] of contents(defs[name])) {
      const came = firsts.of(name, field);
      if (field && came !== since) (entry.fields ??= {})[field] = came;
      for (const value of values) {
        const known = firsts.of(name, field, value);
        if (known !== came && known !== since) ((entry.values ??= {})[field] ??= {})[value] = known;
      }
    }
    if (Object.keys(entry).length) out[name] = entry;
  }
  return out;
}

/**
 * Asks the older releases. `npmAlone` is the surface of npm's newest, `union` that of both.
 * @param {{npm: [string, string][], pypi: [string, string][], newest: {npm: string, pypi: string}}} folders release and
 *   folder, oldest first
 */
export function since(union, npmAlone, folders) {
  const firsts = new Firsts();
  for (const [release, folder] of folders.npm) firsts.add(`npm ${release}`, summaryOf(folder));
  firsts.add(`npm ${folders.newest.npm}`, summary(npmAlone.defs));
  for (const [release, folder] of folders.pypi) {
    const with_ = structuredClone(npmAlone);
    unite(with_, readPython(folder));
    firsts.add(`pypi ${release}`, summary(with_.defs));
  }
  firsts.add(`pypi ${folders.newest.pypi}`, summary(union.defs));
  return history(union.defs, firsts);
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
