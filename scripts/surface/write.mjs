// The generated files: one line per operation, the document's facts, and the types in compressed blocks.
import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** Types reached from operations and messages: what only led to others is left out. */
export function reachable({ operations, messages, defs }) {
  const out = {};
  const visit = (node) => {
    if (!node || typeof node !== 'object') return;
    if (typeof node.$ref === 'string') take(node.$ref.slice(8));
    else Object.values(node).forEach(visit);
  };
  const take = (name) => {
    if (name in out) return;
    if (!defs[name]) throw new Error(`${name} is mentioned but not described`);
    out[name] = defs[name];
    visit(defs[name]);
  };
  for (const row of operations) ['body', 'query', 'answer', 'events'].forEach((place) => row[place] && take(row[place]));
  messages.forEach(take);
  return out;
}

const lines = (rows) => rows.map((row) => JSON.stringify(row)).join(',\n');

export const operationsText = (versions, { operations, messages }) =>
  `{"openai":${JSON.stringify(versions)},"operations":[\n${lines(operations)}\n],"messages":${JSON.stringify(messages)}}\n`;

export const documentText = ({ version, forms, types }) =>
  `{"version":${JSON.stringify(version)},"forms":${JSON.stringify(forms)},"types":{\n${Object.entries(types).map(([place, found]) => `${JSON.stringify(place)}:${JSON.stringify(found)}`).join(',\n')}\n}}\n`;

/** One line per type, `name<tab>schema`, in the order of names. */
export const typesText = (defs) => Object.keys(defs).sort().map((name) => `${name}\t${JSON.stringify(defs[name])}\n`).join('');

/** Lines are cut into blocks of about this size, so that a reader inflates only the types it wants. */
const BLOCK = 64 * 1024;

/** A line of JSON, `[[first name, bytes, inflated bytes], …]`, then the blocks, each deflated by itself. */
export function pack(text) {
  const blocks = [];
  for (const line of text.match(/.*\n/g)) {
    const last = blocks.at(-1);
    if (last && last.length + line.length <= BLOCK) blocks[blocks.length - 1] = last + line;
    else blocks.push(line);
  }
  const packed = blocks.map((block) => deflateRawSync(block, { level: 9 }));
  const head = blocks.map((block, at) => [block.slice(0, block.indexOf('\t')), packed[at].length, Buffer.byteLength(block)]);
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...packed]);
}

/** The text of a packed file: what `--check` compares, since releases of zlib deflate differently. */
export function unpack(bytes) {
  const end = bytes.indexOf(10);
  let at = end + 1;
  return JSON.parse(bytes.subarray(0, end).toString()).map(([, length]) => inflateRawSync(bytes.subarray(at, at += length)).toString()).join('');
}
