// `docs/coverage.md`: every operation, how far it is served, and a test that calls it. `node scripts/coverage.mjs` writes
// it, asking the command that LLEMULATOR_COMMAND names, else the package's own; the docs stage compares.
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { command } from '../conformance/server.mjs';
import { ROOT } from './addon.mjs';
import { read } from './documents.mjs';
import { capture } from './run.mjs';

const LEVELS = {
  behaves: 'as production does',
  stored: 'made, listed, shown, changed and deleted with the fields of its type; nothing happens by itself',
  synthesised: 'answered with the fields of its type; nothing is kept',
  'not served': '501 with its name (400 in tests); a rule that names it can stand in',
};

/** The operations as the command lists them: level, name, method, path. */
export const listed = (/** @type {string} */ text) =>
  [...text.matchAll(/^(behaves|stored|synthesised|not served) +(\S+) +([A-Z]+) +(\S+)$/gm)].map(([, level, name, method, address]) => ({ level, name, method, address }));

const camel = (/** @type {string} */ name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

/** The files of a folder that match, each with its text. */
const sources = (/** @type {string} */ folder, /** @type {RegExp} */ ending) =>
  readdirSync(path.join(ROOT, folder), { recursive: true }).map((name) => path.posix.join(folder, String(name).replaceAll('\\', '/')))
    .filter((file) => ending.test(file) && !/node_modules|\.venv/.test(file)).sort().map((file) => ({ file, text: read(file) }));

/**
 * The document.
 * @param {string} text  what `llemulator operations` prints
 */
export function coverage(text) {
  const clients = [...sources('conformance/js/test', /\.test\.mjs$/), ...sources('conformance/python', /test_\w+\.py$/)];
  // Those that ask all alike name some for what is particular to them.
  const sockets = sources('src', /_tests\.rs$/).filter(({ file }) => !/\/(answers|asking|object_rule|reach|stored_rules)_tests/.test(file));
  const rows = listed(text);
  // A resource that is made goes through its whole life.
  const lives = (/** @type {string} */ name) =>
    /\.(create|list|retrieve|update|delete)$/.test(name) && rows.some((row) => row.name === name.replace(/\w+$/, 'create') && row.level === 'stored');
  const testOf = (/** @type {{level: string, name: string, address: string}} */ { level, name, address }) => {
    const called = clients.find(({ text: source }) => source.includes(`.${camel(name)}(`) || source.includes(`.${name}(`));
    if (called) return called.file;
    if (level === 'not served') return 'src/server/surface_tests.rs';
    if (level === 'stored' && lives(name)) return 'src/server/objects_tests.rs';
    // A path as a test writes it: ids, or what is filled in, stand in its gaps.
    const written = new RegExp(`"${address.split('?')[0].replace(/\{\w+\}/g, '[^/"\\s]+').replaceAll('.', '\\.')}["?]`);
    const asked = sockets.find(({ text: source }) => source.includes(`"${name}"`) || written.test(source));
    // Every method is called by its name.
    return asked?.file ?? 'conformance/python/test_answers.py';
  };
  const count = (/** @type {string} */ level) => rows.filter((row) => row.level === level).length;
  const out = [
    '# Every operation, and how far it is served',
    '',
    'For looking up what of the API is there: each call of the official clients with its level, and a test that makes it. Written by `node scripts/coverage.mjs`.',
    '',
    text.trim().split('\n').at(-1).replace(/: .*/, '.'),
    '',
    '| level | operations | means |',
    '|---|---|---|',
    ...Object.entries(LEVELS).map(([level, means]) => `| ${level} | ${count(level)} | ${means} |`),
    '',
    'Every one of them is asked with requests as its types allow them, and the answer is held against its type and the OpenAI document, and with requests that its types forbid (`src/server/answers_tests.rs`); `conformance/python/test_answers.py` asks them through the official client with strict validation.',
  ];
  const rooms = new Map();
  for (const row of rows) {
    const room = row.name.split('.').slice(0, /^(beta|admin)\./.test(row.name) ? 2 : 1).join('.');
    rooms.set(room, [...(rooms.get(room) ?? []), row]);
  }
  for (const [room, all] of rooms) {
    out.push('', `## ${room}`, '', '| operation | | level | test |', '|---|---|---|---|');
    for (const row of all) out.push(`| \`${row.name}\` | \`${row.method} ${row.address}\` | ${row.level} | [${testOf(row)}](../${testOf(row)}) |`);
  }
  return `${out.join('\n')}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [program, ...words] = command;
  const operations = capture(program, [...words, 'operations']);
  writeFileSync(path.join(ROOT, 'docs/coverage.md'), coverage(operations));
  console.log(`docs/coverage.md has ${listed(operations).length} operations`);
}
