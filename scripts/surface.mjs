// Writes src/surface/generated/: every operation the official clients can call and every type they know, read from npm's
// `openai` and PyPI's, which scripts/surface/packages.mjs names.
//
//   npm ci --prefix conformance/js && node scripts/surface.mjs [--check] [--history] [--document openapi.json]
//
// --check only compares (`npm test` does). --history asks the older releases when each field came; without it what is
// written down already stands, and what is new is of the newest release. The OpenAPI document stands beside a checkout
// (../shared/spec): without it the numbers taken from it earlier, generated/document.json, stand.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apply, facts } from './surface/document.mjs';
import { read } from './surface/npm.mjs';
import { NPM, OLDER_NPM, OLDER_PYPI, PYPI, npm, pypi } from './surface/packages.mjs';
import { newest, since } from './surface/since.mjs';
import { readPython, unite } from './surface/union.mjs';
import { documentText, operationsText, pack, reachable, typesText, unpack } from './surface/write.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const generated = join(root, 'src/surface/generated');
const files = { operations: join(generated, 'operations.json'), document: join(generated, 'document.json'), types: join(generated, 'types.bin') };
const option = (name) => process.argv.includes(name);
const check = option('--check');

/** The OpenAPI document, if it stands here. */
function openDocument() {
  const named = option('--document') && process.argv[process.argv.indexOf('--document') + 1];
  for (let folder = root; ; folder = dirname(folder)) {
    const path = named || join(folder, 'shared/spec/openapi.json');
    if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8'));
    if (named || folder === dirname(folder)) return undefined;
  }
}

const surface = read(npm(NPM));
const alone = option('--history') ? structuredClone(surface) : undefined;
const added = unite(surface, readPython(pypi(PYPI)));
surface.defs = reachable(surface);

const document = openDocument();
if (!document) console.warn('NO OPENAPI DOCUMENT HERE (../shared/spec/openapi.json): its ranges and lengths are not compared, generated/document.json is taken as it stands.');
const known = document ? facts(surface, document) : JSON.parse(readFileSync(files.document, 'utf8'));
apply(surface, known);

const earlier = existsSync(files.types) ? Object.fromEntries(unpack(readFileSync(files.types)).trimEnd().split('\n').map((line) => line.split('\t'))) : {};
const came = option('--history')
  ? since(surface, alone, { npm: OLDER_NPM.map((version) => [version, npm(version)]), pypi: OLDER_PYPI.map((version) => [version, pypi(version)]), newest: { npm: NPM, pypi: PYPI } })
  : newest(surface.defs, Object.fromEntries(Object.entries(earlier).map(([name, schema]) => [name, JSON.parse(schema)])), `npm ${NPM}, pypi ${PYPI}`);
for (const [name, entry] of Object.entries(came)) surface.defs[name]['x-since'] = entry;

const text = {
  operations: operationsText({ npm: NPM, pypi: PYPI }, surface),
  document: documentText(known),
  types: typesText(surface.defs),
};
if (check) {
  const stale = Object.keys(files).filter((name) => {
    const bytes = readFileSync(files[name]);
    return (name === 'types' ? unpack(bytes) : bytes.toString()) !== text[name];
  });
  if (stale.length) {
    console.error(`src/surface/generated: ${stale.join(', ')} is not what the openai packages say: run node scripts/surface.mjs`);
    process.exit(1);
  }
} else {
  mkdirSync(generated, { recursive: true });
  writeFileSync(files.operations, text.operations);
  writeFileSync(files.document, text.document);
  writeFileSync(files.types, pack(text.types));
}
console.log(`${surface.operations.length} operations, ${Object.keys(surface.defs).length} types (${text.types.length} bytes) of npm ${NPM} and PyPI ${PYPI}; ${added.length} things only PyPI has, ${Object.keys(known.types).length} bounds of the document ${known.version}`);
