// Virtual environments of Python, made once and kept while what is in them stays the same.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { capture, run } from '../../scripts/run.mjs';

/** Installs in seconds what takes pip minutes. */
const UV = 'uv==0.13.9';

/** How uv is told what a machine's pip is told by its configuration and variables. */
const AS_PIP = { 'index-url': '--index-url', 'extra-index-url': '--extra-index-url', 'find-links': '--find-links', 'trusted-host': '--allow-insecure-host' };

/** The Python of the environment in `folder`, which has exactly the packages of the file `requirements`. */
export const environment = (requirements, folder) => environmentOf(readFileSync(requirements), folder, (install) => install('-r', requirements));

/**
 * The Python of the environment in `folder`.
 * @param {string | Buffer} what  all that decides what is in it: made anew when this is another
 * @param {string} folder
 * @param {(install: (...packages: string[]) => void, python: string) => void} fill
 */
export function environmentOf(what, folder, fill) {
  const stamp = `${folder}/requirements.sha256`;
  const hash = createHash('sha256').update(what).digest('hex');
  const python = `${folder}/bin/python`;
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== hash) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    run('python3', ['-m', 'venv', folder]);
    run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', UV]);
    const { args, env } = asPip(python);
    const install = (...packages) => run(python, ['-m', 'uv', 'pip', 'install', '--quiet', '--python', python, '--compile-bytecode', ...args, ...packages], { env });
    fill(install, python);
    writeFileSync(stamp, hash);
  }
  return python;
}

/**
 * Where packages come from, as pip knows it, for uv.
 * @param {string} python
 */
function asPip(python) {
  const args = [];
  const env = { ...process.env };
  // `global.index-url='…'`; of variables, which come last and win, `:env:.index-url='…'`.
  for (const [, name, value] of capture(python, ['-m', 'pip', 'config', 'list']).matchAll(/^[\w:]+\.([\w-]+)='(.*)'$/gm)) {
    const flag = AS_PIP[name];
    if (flag) args.push(...value.split(/\s+/).flatMap((one) => [flag, one]));
    if (name === 'cert') env.SSL_CERT_FILE ??= value;
  }
  return { args, env };
}
