// Builds what the Dockerfile builds, from the files that it lets in and by its own commands, but static against glibc (no
// musl target is installed here) and without optimisation.
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../scripts/addon.mjs';
import { IN_IMAGE, TESTED, built } from '../../scripts/binary.mjs';
import { isNewer } from '../../scripts/glibc.mjs';
import { capture, run } from '../../scripts/run.mjs';

/** The files of a checkout that `Dockerfile.dockerignore` lets into the build. */
function context() {
  const lines = readFileSync(path.join(ROOT, 'deploy/Dockerfile.dockerignore'), 'utf8').trim().split('\n');
  assert.equal(lines[0], '*', 'nothing that is not named goes into the build');
  const under = (name, folder) => name === folder || name.startsWith(`${folder}/`);
  // The last line that matches decides, as in Docker.
  const goesIn = (name) => lines.findLast((line) => line === '*' || under(name, line.replace('!', '')))?.startsWith('!') ?? false;
  const names = capture('git', ['ls-files', '--cached', '--others', '--exclude-standard']).split('\n');
  return names.filter((name) => goesIn(name) && existsSync(path.join(ROOT, name)));
}

/** Builds the binary; gives its path. */
export function buildImage() {
  const dockerfile = readFileSync(path.join(ROOT, 'deploy/Dockerfile'), 'utf8');
  const page = 'node scripts/page.mjs';
  const cargo = ['build', '--release', '--locked', ...IN_IMAGE, '--bin', 'llemulator'];
  for (const command of [page, `cargo ${cargo.join(' ')}`]) assert.ok(dockerfile.includes(`RUN ${command}`), `the Dockerfile runs ${command}`);

  const folder = path.join(ROOT, 'target', 'image', 'build');
  rmSync(folder, { recursive: true, force: true });
  for (const name of context()) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    // With its times, so that cargo sees what changed.
    cpSync(path.join(ROOT, name), path.join(folder, name), { preserveTimestamps: true });
  }
  run(process.execPath, page.split(' ').slice(1), { cwd: folder });
  // The same target folder: most libraries are compiled already.
  const target = path.join(ROOT, 'target');
  const env = { ...process.env, CARGO_TARGET_DIR: target };
  // As build.rs links it with musl, where there is a glibc that can start such a binary.
  const { glibcVersionRuntime: glibc } = process.report.getReport().header;
  const packed = glibc && !isNewer('2.36', glibc) ? ['-C', 'link-arg=-Wl,-z,pack-relative-relocs'] : [];
  const args = ['rustc', ...TESTED, ...IN_IMAGE, '--bin', 'llemulator', '--', '-C', 'target-feature=+crt-static', ...packed];
  run('cargo', args, { cwd: folder, env });
  const binary = path.join(ROOT, 'target', 'image', 'llemulator');
  copyFileSync(built(target), binary);
  return binary;
}
