// Walks two descriptions of one API side by side: what one of them calls a type need not be what the other calls it, so
// types meet where their operations' bodies, queries and answers lead to them.

/** A schema behind its references, and the name of the last one. */
export function follow(defs, schema, prefix = '#/$defs/') {
  let name;
  for (let node = schema; ; node = defs[name]) {
    if (typeof node?.$ref !== 'string') return { node, name };
    name = node.$ref.slice(prefix.length);
    if (!defs[name]) throw new Error(`${node.$ref} leads nowhere`);
  }
}

/** Members of a union with those of unions inside it; null is no member. */
function members(side, schema) {
  const { node, name } = side.follow(schema);
  if (!node) return [];
  if (node.anyOf) return node.anyOf.flatMap((one) => members(side, one));
  return node.type === 'null' ? [] : [{ node, name }];
}

const kind = (node) => (node.properties ? 'object' : node.additionalProperties ? 'map' : node.type === 'integer' ? 'number' : node.type ?? 'any');

/** Fields with one fixed value, by which objects of a union are told apart. */
function tags(side, node) {
  const out = {};
  for (const [key, value] of Object.entries(node.properties ?? {})) {
    const values = members(side, value).flatMap((one) => one.node.enum ?? [null]);
    if (values.length && !values.includes(null)) out[key] = values;
  }
  return out;
}

/** How well two objects fit: less than 0 if a fixed field says that they are different ones. */
function likeness(left, right, one, other) {
  const [mine, theirs] = [tags(left, one), tags(right, other)];
  let points = 0;
  for (const key of Object.keys(mine)) {
    if (!theirs[key]) continue;
    if (!mine[key].some((value) => theirs[key].includes(value))) return -1;
    points += 100;
  }
  const [names, others] = [Object.keys(one.properties), Object.keys(other.properties)];
  const shared = names.filter((name) => others.includes(name)).length;
  return points + shared / Math.max(1, names.length + others.length - shared);
}

/** What kinds of things a list holds. */
const shape = (side, node) => members(side, node.items).map((one) => kind(one.node)).sort().join();

/** Of ours the one that a member of the other's union means. */
function partner(left, right, ours, { node }) {
  const alike = ours.filter((one) => kind(one.node) === kind(node) || (kind(one.node) === 'map' && kind(node) === 'object'));
  const best = (points) => alike.map((one) => [points(one), one]).filter(([value]) => value > 0).sort(([a], [b]) => b - a)[0]?.[1];
  if (kind(node) === 'object') {
    if (ours.length === 1) return best((one) => (one.node.properties ? 1 + likeness(left, right, one.node, node) : 1));
    return best((one) => (one.node.properties ? likeness(left, right, one.node, node) : 1));
  }
  if (node.enum) return best((one) => (one.node.enum ? 1 + one.node.enum.filter((value) => node.enum.includes(value)).length : 0)) ?? best(() => 1);
  if (node.items) return best((one) => (shape(left, one.node) === shape(right, node) ? 2 : 0)) ?? (alike.length === 1 ? alike[0] : undefined);
  return best((one) => (one.node.enum ? 0 : 1)) ?? best(() => 1);
}

/**
 * Two descriptions side by side. `visit.leaf(mine, theirs)` sees each pair of plain types, lists, maps and objects;
 * `visit.field(mine, name, theirs)` a field only the other has; `visit.member(mine, theirs)` a member of a union only
 * the other has.
 */
export class Pairs {
  constructor(left, right, visit) {
    Object.assign(this, { left, right, visit });
    this.seen = new Set();
    /** Name of the other's type → name of ours. */
    this.names = new Map();
  }

  schemas(mine, theirs) {
    const [left, right] = [members(this.left, mine), members(this.right, theirs)];
    if (!left.length || !right.length || left.some((one) => kind(one.node) === 'any')) return;
    const named = [this.left.follow(mine), this.right.follow(theirs)];
    if (named[0].name && named[1].name) {
      const both = `${named[0].name} ${named[1].name}`;
      if (this.seen.has(both)) return;
      this.seen.add(both);
      if (!this.names.has(named[1].name)) this.names.set(named[1].name, named[0].name);
    }
    for (const other of right) {
      if (kind(other.node) === 'any') continue;
      const same = partner(this.left, this.right, left, other);
      if (same) this.pair(same, other, left);
      else this.visit.member?.(named[0], other);
    }
  }

  pair(mine, theirs, union) {
    if (mine.name && theirs.name) {
      const both = `${mine.name} ${theirs.name}`;
      if (this.seen.has(`=${both}`)) return;
      this.seen.add(`=${both}`);
      if (!this.names.has(theirs.name)) this.names.set(theirs.name, mine.name);
    }
    this.visit.leaf?.(mine, theirs, union);
    const [one, other] = [mine.node, theirs.node];
    if (one.items && other.items) this.schemas(one.items, other.items);
    if (one.additionalProperties && other.additionalProperties) this.schemas(one.additionalProperties, other.additionalProperties);
    if (!one.properties) return;
    for (const [name, value] of Object.entries(other.properties ?? {})) {
      if (Object.hasOwn(one.properties, name)) this.schemas(one.properties[name], value);
      else this.visit.field?.(mine, name, theirs);
    }
  }

  /** Operations of both sides by method and path; two of one path meet in their order. */
  operations(ours, theirs) {
    const used = new Map();
    for (const operation of ours) {
      const key = keyOf(operation);
      const at = used.get(key) ?? 0;
      used.set(key, at + 1);
      const other = theirs.get(key)?.[at];
      if (!other) continue;
      for (const place of ['body', 'query', 'answer', 'events']) {
        if (operation[place] && other[place]) this.schemas({ $ref: `#/$defs/${operation[place]}` }, other[place]);
      }
    }
  }
}

/** What tells operations apart in every description: names of parameters do not. */
export const keyOf = ({ method, path, variant }) => `${method} ${path.replace(/\{[^}]*\}/g, '{}')}${variant ? `?${variant}` : ''}`;
