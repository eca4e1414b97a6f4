// The documents as tests see them: their fenced blocks, and what strict TypeScript says of those.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './addon.mjs';

export const read = (/** @type {string} */ file) => readFileSync(path.join(ROOT, file), 'utf8');

/** The fenced blocks of `language` in a document. */
export const blocks = (/** @type {string} */ file, /** @type {string} */ language) =>
  [...read(file).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code);

/** What a page has introduced before a block that uses it. */
const GIVEN = {
  api: "declare const api: import('llemulator').Session;",
  emulator: "declare const emulator: import('llemulator').Emulator;",
  openai: "declare const openai: import('openai').OpenAI;",
  OpenAI: "import OpenAI from 'openai';",
};

/**
 * A block as a module of its own: what it takes for granted is declared before it.
 * @param {string} code
 * @param {string[]} exported  the names of the package, which pages use without importing them
 */
export function asModule(code, exported) {
  const free = (/** @type {string} */ name) => new RegExp(`(?<![.'\\w])${name}\\b`).test(code) && !new RegExp(`^(import|const|let)\\b[^=;]*\\b${name}\\b`, 'm').test(code);
  const given = Object.entries(GIVEN).filter(([name]) => free(name)).map(([, line]) => line);
  return `import { ${exported.filter(free).join(', ')} } from 'llemulator';\n${given.join('\n')}\n${code}\nexport {};\n`;
}

/**
 * What strict TypeScript says of these files, by name; nothing if all is well.
 * @param {string} folder  made anew; what it imports is found from there
 * @param {Record<string, string>} files
 * @param {object} [options]
 */
export function strictly(folder, files, options = {}) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const compilerOptions = { strict: true, noEmit: true, module: 'nodenext', target: 'es2022', lib: ['esnext', 'dom'], types: ['node'], ...options };
  const project = { compilerOptions, include: ['*'] };
  for (const [name, text] of Object.entries({ ...files, 'tsconfig.json': JSON.stringify(project) })) writeFileSync(path.join(folder, name), text);
  return spawnSync(process.execPath, [path.join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.'], { cwd: folder, encoding: 'utf8' }).stdout;
}
