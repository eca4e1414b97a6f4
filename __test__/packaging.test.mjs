// What is published, as far as it can be seen without packing; scripts/pack-test.mjs installs it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { isNewer, newestGlibc } from '../scripts/glibc.mjs';
import { PLATFORMS } from '../scripts/platforms.mjs';
import { ROOT, runProgram } from './support.mjs';

const read = (file) => readFileSync(`${ROOT}${file}`, 'utf8');
const manifest = JSON.parse(read('package.json'));

test('nothing is downloaded or compiled after an install', () => {
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish']) expect(manifest.scripts).not.toHaveProperty(script);
  expect(manifest.dependencies).toBeUndefined();
});

test.each(['', 'bench/', 'conformance/js/', '__test__/runtimes/', 'ui/'])('%spackage-lock.json names no registry', (folder) => {
  expect(read(`${folder}package-lock.json`)).not.toContain('"resolved"');
});

test('what npm install brings runs on the oldest Node that package.json names', () => {
  const oldest = Number(/^>=(\d+)$/.exec(manifest.engines.node)[1]);
  // `>=18`, `^20.19.0 || >=22`, `18 || 20 || >=22`: as far as majors say.
  const takes = (part) => {
    const [, sign, major] = /^\s*(>=|\^|~)?\s*v?(\d+)/.exec(part) ?? [null, '>=', 0];
    return sign === '>=' ? Number(major) <= oldest : Number(major) === oldest;
  };
  const all = Object.entries(JSON.parse(read('package-lock.json')).packages).filter(([, { engines }]) => engines?.node);
  expect(all.length).toBeGreaterThan(50);
  expect(all.filter(([, { engines }]) => !engines.node.split('||').some(takes)).map(([name, { engines }]) => `${name} ${engines.node}`)).toEqual([]);
});

test('Cargo.toml has the version of package.json', () => {
  expect(read('Cargo.toml')).toContain(`\nversion = "${manifest.version}"\n`);
});

test('a panic unwinds: it must become an error, not the end of the test runner', () => {
  expect(read('Cargo.toml')).not.toMatch(/panic\s*=\s*"abort"/);
});

test('the addon is not built again while its sources stay the same', async () => {
  // Without cargo a build would fail.
  const run = await runProgram(process.execPath, ['scripts/ensure-built.mjs'], { env: { PATH: '' } });
  expect(run, 'run npm run build first, as npm test does').toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
});

test('the newest glibc that a binary names is found', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'llemulator-'));
  const needs = (...versions) => {
    writeFileSync(path.join(folder, 'binary'), ['\x7fELF', ...versions.map((version) => `GLIBC_${version}`), ''].join('\0'));
    return newestGlibc(path.join(folder, 'binary'));
  };
  try {
    expect(needs('2.2.5', '2.17', '2.9')).toBe('2.17');
    expect(needs('2.34', '2.3')).toBe('2.34');
    expect(needs()).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect([isNewer('2.34', '2.17'), isNewer('2.17', '2.17'), isNewer('2.9', '2.17'), isNewer('3.0', '2.17')]).toEqual([true, false, false, true]);
});

test('the workflows build every platform', () => {
  const build = read('.github/workflows/build.yml');
  for (const { name, target } of PLATFORMS) expect(build).toContain(`{ platform: ${name}, target: ${target}, `);
});
