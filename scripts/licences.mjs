// The licences of everything that is in a platform's binary, as one text; packages.mjs puts it beside the binary.
//   node scripts/licences.mjs [PLATFORM]      prints it
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './addon.mjs';
import { hostPlatform, platformNamed } from './platforms.mjs';
import { capture } from './run.mjs';

/** Its name in the platform packages. */
export const LICENCES = 'THIRD-PARTY-LICENCES.txt';

/** Crates that only build the binary, but whose data is in it: OpenAI's vocabularies. */
const DATA = ['tiktoken'];

/** What may be shipped in a binary under our own licence with no more than its text. */
const FREE = ['MIT', 'MIT-0', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'Zlib', 'Unlicense', 'Apache-2.0', 'Unicode-3.0', 'CC0-1.0', 'BSL-1.0'];

/** The crates in a platform's binary, sorted: those it needs, theirs, and so on. */
export function crates(platform) {
  const { packages, resolve } = JSON.parse(capture('cargo', ['metadata', '--format-version', '1', '--locked', '--filter-platform', platform.target]));
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const details = new Map(packages.map((one) => [one.id, one]));
  const found = new Set();
  const visit = (id) => {
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      // No kind = normal; build and dev dependencies leave nothing in the binary.
      const used = kinds.some(({ kind }) => kind === null) || (id === resolve.root && DATA.includes(details.get(pkg).name));
      if (used && !found.has(pkg)) (found.add(pkg), visit(pkg));
    }
  };
  visit(resolve.root);
  return [...found].map((id) => details.get(id)).sort((a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version));
}

/** The licence texts that a crate brings; of several to choose from, MIT. */
function texts(crate) {
  const folder = path.dirname(crate.manifest_path);
  // Some crates have a folder LICENSES.
  const here = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => /^(licen[cs]e|copying|unlicense|notice|copyright)/i.test(name));
  const files = here.flatMap((entry) => (entry.isDirectory() ? readdirSync(path.join(folder, entry.name)).map((name) => `${entry.name}/${name}`) : entry.name)).sort();
  if (crate.license_file && existsSync(path.join(folder, crate.license_file))) files.push(crate.license_file);
  const mit = files.filter((name) => /mit/i.test(name));
  const chosen = /\bMIT\b/.test(crate.license ?? '') && /\bOR\b|\//.test(crate.license) && mit.length ? mit : files;
  return [...new Set(chosen)].map((name) => readFileSync(path.join(folder, name), 'utf8').replaceAll('\r\n', '\n').trim()).filter(Boolean);
}

/** The terms of a crate that brings no text, nor does another one of its repository. */
function terms({ name, license, authors }) {
  // Its text need not stand beside what is made of it, and there is nothing else to say.
  if (license === '0BSD') return [`BSD Zero Clause License: use, copy, modify and distribute for any purpose, without warranty.\nCopyright (c) ${authors.join(', ')}`];
  if (!/\bMIT\b/.test(license)) throw new Error(`${name} brings no text of its licence, ${license}, and we have none`);
  const own = readFileSync(path.join(ROOT, 'LICENSE'), 'utf8');
  return [`MIT License\n\nCopyright (c) ${authors.join(', ') || `the authors of ${name}`}`, own.slice(own.indexOf('Permission is hereby granted')).trim()];
}

/** Throws when no licence of a crate is one of FREE: whoever added it must look. */
function check({ name, version, license }) {
  const choices = (license ?? '').replace(/[()]/g, ' ').split(/\s+OR\s+|\//);
  const free = choices.some((choice) => choice.split(/\s+AND\s+/).every((one) => FREE.includes(one.trim().replace(/ WITH LLVM-exception$/, ''))));
  if (!free) throw new Error(`${name} ${version} is under ${license}: none of ${FREE.join(', ')}`);
}

/** The whole text for a platform. Crates with the same text stand together. */
export function licences(platform) {
  const groups = new Map();
  const all = crates(platform);
  for (const crate of all) {
    check(crate);
    const sisters = all.filter((one) => one.repository && one.repository === crate.repository);
    const found = [crate, ...sisters].map(texts).find((each) => each.length) ?? terms(crate);
    const text = found.join('\n\n');
    const title = `${crate.name} ${crate.version} (${crate.license})${crate.repository ? `  ${crate.repository}` : ''}`;
    groups.set(text, [...(groups.get(text) ?? []), title]);
  }
  const line = '-'.repeat(80);
  const parts = [...groups].map(([text, titles]) => `${line}\n${titles.join('\n')}\n\n${text}\n`);
  return `The binary of llemulator for ${platform.name} holds these crates and the standard library of Rust\n(MIT or Apache-2.0, https://github.com/rust-lang/rust).\n\n${parts.join('\n')}`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(licences(process.argv[2] ? platformNamed(process.argv[2]) : hostPlatform()));
}
