// The house: `npm test -- house` reads src/ and fails, naming the line, on an import that runs upwards (a room may use only
// rooms above it in this list), on a comparison of an operation's name, and on a type's name that is given twice.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './addon.mjs';

/** The rooms from the ground up; names on one line may not use each other. */
export const ROOMS = [
  ['bounds', 'near', 'newest', 'random', 'runtime', 'sorting', 'url'],
  ['redact', 'clock', 'folders'],
  ['log'],
  ['tokens'],
  ['wire'],
  ['surface'],
  ['budget'],
  ['reply'],
  ['prompt'],
  ['script'],
  ['options'],
  ['memory', 'upstream'],
  ['session'],
  ['desk'],
  ['telemetry'],
  ['cassette', 'cluster'],
  ['emulator'],
  ['turn'],
  ['generate'],
  ['responders'],
  ['api'],
  ['exchange'],
  ['control'],
  ['room'],
  ['server'],
  ['cli', 'fuzz'],
  ['node'],
  ['main', 'lib'],
];

/** Every path of a source that starts at the crate, with its line. Tests may look anywhere. */
function* paths(file) {
  const text = readFileSync(file, 'utf8').split('\n');
  let group;
  for (const [index, line] of text.entries()) {
    if (/^#\[cfg\(test\)\]/.test(line) && /^(pub )?mod \w+ \{/.test(text[index + 1] ?? '')) return;
    if (/^\s*\/\//.test(line)) continue;
    for (const [, one, many] of line.matchAll(/\bcrate::(?:(\w+)|\{(.*))/g)) {
      if (one) yield [index + 1, one];
      else group = many;
    }
    if (group !== undefined) {
      for (const [, name] of (group || line).matchAll(/(?:^|[{,]|^\s+)\s*(\w+)/g)) yield [index + 1, name];
      group = line.includes('};') ? undefined : '';
    }
  }
}

/** The sources that are no tests, by their paths below src/. */
function sources(src) {
  return readdirSync(src, { recursive: true }).sort()
    .filter((name) => name.endsWith('.rs') && !/(^|_|\/)tests?\.rs$|_tests\//.test(name));
}

/** The lines of a source, without comments and up to its tests. */
function* code(file) {
  const text = readFileSync(file, 'utf8').split('\n');
  for (const [index, line] of text.entries()) {
    if (/^#\[cfg\(test\)\]/.test(line) && /^(pub )?mod \w+ \{/.test(text[index + 1] ?? '')) return;
    if (!/^\s*\/\//.test(line)) yield [index + 1, line];
  }
}

/** Where operations may be named: their table, the way to them, and the names that another tool has for them. */
const NAMED = ['surface/operations.rs', 'surface/router.rs', 'script/files/aimock.rs', 'telemetry/otlp/mokku.rs'];

/** Facts about an operation are fields of its row: nothing else names one but the list of what a resource serves. */
export function named(root = ROOT) {
  const table = JSON.parse(readFileSync(path.join(root, 'src/surface/generated/operations.json'), 'utf8'));
  const names = new Set(table.operations.map(({ name }) => name));
  const src = path.join(root, 'src');
  const found = [];
  for (const name of sources(src)) {
    if (NAMED.includes(name.replaceAll(path.sep, '/'))) continue;
    for (const [number, line] of code(path.join(src, name))) {
      // A row of the table, on one line or broken into several.
      if (/\bServed \{ name: "|^\s*name: "[^"]*",$/.test(line)) continue;
      const quoted = [...line.matchAll(/"([a-z_.]+)"/g)].map(([, text]) => text).find((text) => names.has(text));
      const prefix = /\boperation(\.name)?\.(starts|ends)_with\("|\boperation(\.name)? [!=]= "|\boperation(\.name)?\.split\(/.exec(line);
      if (!quoted && !prefix) continue;
      found.push(`src/${name}:${number}: ${quoted ?? prefix[0]}: make what is meant a field of the operation's row`);
    }
  }
  return found;
}

/** No two types share one name: a reader who looks for it finds one. */
export function twice(root = ROOT) {
  const src = path.join(root, 'src');
  const places = new Map();
  for (const name of sources(src)) {
    for (const [number, line] of code(path.join(src, name))) {
      const type = /^\s*(?:pub(?:\([^)]*\))? )?(struct|enum|union|trait|type) ([A-Z]\w*)(.)/.exec(line);
      // What a trait asks for and its implementations give is indented.
      if (!type || (type[1] === 'type' && /^\s/.test(line))) continue;
      places.set(type[2], [...places.get(type[2]) ?? [], `src/${name}:${number}`]);
    }
  }
  return [...places].filter(([, where]) => where.length > 1)
    .map(([name, where]) => `${where.join(', ')}: ${name} names ${where.length} types`);
}

export function upward(root = ROOT) {
  const level = new Map(ROOMS.flatMap((names, height) => names.map((name) => [name, height])));
  const found = [];
  const src = path.join(root, 'src');
  for (const name of sources(src)) {
    const room = name.split(path.sep)[0].replace(/\.rs$/, '');
    if (!level.has(room)) { found.push(`src/${name}: the room ${room} is not in the list of scripts/house.mjs`); continue; }
    for (const [line, used] of paths(path.join(src, name))) {
      if (used === room || !level.has(used)) continue;
      if (level.get(used) >= level.get(room)) found.push(`src/${name}:${line}: ${room} uses ${used}, which stands above it`);
    }
  }
  return found;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const rules = { 'imports upwards': upward, "operations named outside the table": named, 'names given twice': twice };
  for (const [rule, find] of Object.entries(rules)) {
    const found = find(process.argv[2]);
    for (const one of found) console.log(one);
    console.log(`${found.length} ${rule}`);
    if (found.length) process.exitCode = 1;
  }
}
