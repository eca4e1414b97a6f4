// What runs in containers and clusters, proved without a container engine: the documents by their own tools, the binary
// in a file system that holds nothing else.
//   node deploy/test/run.mjs [documents|image …]      all of them, or these
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../../scripts/addon.mjs';
import { environment } from '../../conformance/python/environment.mjs';
import { capture, run } from '../../scripts/run.mjs';
import { buildImage } from './image.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const files = (folder, pattern) => readdirSync(path.join(ROOT, folder)).filter((name) => pattern.test(name)).map((name) => `${folder}/${name}`);

/** The parts, by name. @type {Record<string, () => Promise<void> | void>} */
const parts = {
  documents() {
    const bin = path.dirname(environment(path.join(here, 'requirements-tools.txt'), path.join(here, '.venv', 'tools')));
    run(path.join(bin, 'hadolint'), ['--failure-threshold', 'info', 'deploy/Dockerfile']);
    console.log('ok  hadolint has nothing to say of the Dockerfile');
    const check = (...args) => run(path.join(bin, 'check-jsonschema'), ['--quiet', ...args]);
    check('--builtin-schema', 'vendor.compose-spec', ...files('deploy', /^compose.*\.yaml$/));
    check('--builtin-schema', 'vendor.github-workflows', ...files('.github/workflows', /\.yml$/));
    check('--builtin-schema', 'custom.github-workflows-require-timeout', ...files('.github/workflows', /\.yml$/));
    check('--builtin-schema', 'vendor.github-actions', 'action.yml');
    console.log('ok  compose files, workflows and the action are what their schemas say');
    const help = path.join(ROOT, 'target', 'help.txt');
    mkdirSync(path.dirname(help), { recursive: true });
    writeFileSync(help, capture(process.execPath, ['js/cli.js', '--help', '--all']));
    for (const file of ['deploy/Dockerfile', 'deploy/README.md', 'docs/containers.md', ...files('deploy', /\.yaml$/)]) {
      for (const [name] of readFileSync(path.join(ROOT, file), 'utf8').matchAll(/\b(LLEMULATOR|STREAM)_[A-Z_]+\b/g)) {
        assert.match(readFileSync(help, 'utf8'), new RegExp(`\\[env: ${name}[=\\]]`), `${file} sets ${name}, which is no option of the emulator`);
      }
    }
    console.log('ok  every variable that they set is one of the emulator’s');
    run(path.join(bin, 'python'), [path.join(here, 'chart.py'), help]);
  },
  async image() {
    if (process.platform !== 'linux') return console.log('SKIPPED  the image: name spaces and chroot are Linux’s');
    const binary = buildImage();
    run(process.execPath, ['--test', path.join(here, 'image.test.mjs')], { env: { ...process.env, LLEMULATOR_STATIC: binary } });
  },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !parts[name]);
assert.deepEqual(unknown, [], `there are: ${Object.keys(parts).join(', ')}`);
for (const name of wanted.length ? wanted : Object.keys(parts)) {
  console.log(`\n-- ${name}`);
  await parts[name]();
}
