// Virtual environments of Python, made once and kept while what is in them stays the same.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { run } from '../../scripts/run.mjs';

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
    fill((...packages) => run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]), python);
    writeFileSync(stamp, hash);
  }
  return python;
}
