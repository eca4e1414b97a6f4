// `docs/coverage.md`: every operation, how far it is served, and a test that calls it; `llemulator operations` shows the
// same tests from `src/surface/generated/tests.json`. `node scripts/coverage.mjs` writes both, asking the command that
// LLEMULATOR_COMMAND names, else the package's own; the docs stage compares.
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

/**
 * @typedef {{name: string, method: string, path: string, level: string, test: string | null}} Listed
 * @typedef {{openai: {npm: string, pypi: string}, operations: Listed[]}} Table  what `llemulator operations --json` prints;
 *   its tests are those of the last run
 */

const camel = (/** @type {string} */ name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

/** The files of a folder that match, each with its text. */
const sources = (/** @type {string} */ folder, /** @type {RegExp} */ ending) =>
  readdirSync(path.join(ROOT, folder), { recursive: true }).map((name) => path.posix.join(folder, String(name).replaceAll('\\', '/')))
    .filter((file) => ending.test(file) && !/node_modules|\.venv/.test(file)).sort().map((file) => ({ file, text: read(file) }));

/**
 * Each operation with the file of a test that calls it.
 * @param {Table} table
 * @returns {Map<Listed, string>}
 */
function tests({ operations }) {
  const clients = [...sources('conformance/js/test', /\.test\.mjs$/), ...sources('conformance/python', /test_\w+\.py$/)];
  // Those that ask all alike name some for what is particular to them.
  const sockets = sources('src', /_tests\.rs$/).filter(({ file }) => !/\/(answers|asking|object_rule|reach|stored_rules)_tests/.test(file));
  // A resource that is made goes through its whole life.
  const lives = (/** @type {string} */ name) =>
    /\.(create|list|retrieve|update|delete)$/.test(name) && operations.some((row) => row.name === name.replace(/\w+$/, 'create') && row.level === 'stored');
  const testOf = (/** @type {Listed} */ { level, name, path: address }) => {
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
  return new Map(operations.map((row) => [row, testOf(row)]));
}

/** What the command shows of them: the operations that each file calls, a file a line. */
function generated(/** @type {Map<Listed, string>} */ found) {
  const files = [...new Set(found.values())].sort().map((file) => {
    const names = [...found].filter(([, test]) => test === file).map(([{ name }]) => name);
    return `${JSON.stringify(file)}: ${JSON.stringify(names)}`;
  });
  return `{\n${files.join(',\n')}\n}\n`;
}

function document(/** @type {Table} */ { openai, operations }, /** @type {Map<Listed, string>} */ found) {
  const count = (/** @type {string} */ level) => operations.filter((row) => row.level === level).length;
  const out = [
    '# Every operation, and how far it is served',
    '',
    'For looking up what of the API is there: each call of the official clients with its level, and a test that makes it. Written by `node scripts/coverage.mjs`.',
    '',
    `${operations.length} operations of the openai clients (npm ${openai.npm}, PyPI ${openai.pypi}).`,
    '',
    '| level | operations | means |',
    '|---|---|---|',
    ...Object.entries(LEVELS).map(([level, means]) => `| ${level} | ${count(level)} | ${means} |`),
    '',
    'Every one of them is asked with requests as its types allow them, and the answer is held against its type and the OpenAI document, and with requests that its types forbid (`src/server/answers_tests.rs`); `conformance/python/test_answers.py` asks them through the official client with strict validation.',
  ];
  const rooms = new Map();
  for (const row of operations) {
    const room = row.name.split('.').slice(0, /^(beta|admin)\./.test(row.name) ? 2 : 1).join('.');
    rooms.set(room, [...(rooms.get(room) ?? []), row]);
  }
  for (const [room, all] of rooms) {
    out.push('', `## ${room}`, '', '| operation | | level | test |', '|---|---|---|---|');
    for (const row of all) out.push(`| \`${row.name}\` | \`${row.method} ${row.path}\` | ${row.level} | [${found.get(row)}](../${found.get(row)}) |`);
  }
  return `${out.join('\n')}\n`;
}

/**
 * What is written, by its file.
 * @param {Table} table
 * @returns {Record<string, string>}
 */
export function coverage(table) {
  const found = tests(table);
  return { 'docs/coverage.md': document(table, found), 'src/surface/generated/tests.json': generated(found) };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [program, ...words] = command;
  const table = JSON.parse(capture(program, [...words, 'operations', '--json']));
  for (const [file, text] of Object.entries(coverage(table))) writeFileSync(path.join(ROOT, file), text);
  console.log(`docs/coverage.md has ${table.operations.length} operations`);
}
