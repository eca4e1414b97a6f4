// A virtual environment of Python, made once and kept while its list of packages stays the same.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { run } from '../../scripts/run.mjs';

/** The Python of the environment in `folder`, which has exactly the packages of the file `requirements`. */
export function environment(requirements, folder) {
  const stamp = `${folder}/requirements.sha256`;
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const python = `${folder}/bin/python`;
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== hash) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    run('python3', ['-m', 'venv', folder]);
    run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
    writeFileSync(stamp, hash);
  }
  return python;
}
