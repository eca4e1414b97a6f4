// The layers of the house: `npm test -- house` reads every import of src/ and fails on one that runs upwards, naming the
// line. A room may use only rooms above it in this list.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './addon.mjs';

/** The rooms from the ground up; names on one line may not use each other. */
export const ROOMS = [
  ['bounds', 'near', 'log', 'url', 'random'],
  ['redact', 'clock', 'runtime'],
  ['tokens'],
  ['wire'],
  ['surface'],
  ['budget'],
  ['reply'],
  ['prompt'],
  ['script'],
  ['options'],
  ['memory'],
  ['session'],
  ['emulator'],
  ['turn'],
  ['generate'],
  ['responders'],
  ['api'],
  ['exchange'],
  ['control'],
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

export function upward(root = ROOT) {
  const level = new Map(ROOMS.flatMap((names, height) => names.map((name) => [name, height])));
  const found = [];
  const src = path.join(root, 'src');
  for (const name of readdirSync(src, { recursive: true }).sort()) {
    if (!name.endsWith('.rs') || /(^|_|\/)tests?\.rs$|_tests\//.test(name)) continue;
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
  const found = upward(process.argv[2]);
  for (const one of found) console.log(one);
  console.log(`${ROOMS.flat().length} rooms, ${found.length} imports upwards`);
  process.exitCode = found.length ? 1 : 0;
}
