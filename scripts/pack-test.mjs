// `npm run test:pack`: packs the root and this machine's platform package, installs both tarballs in an empty folder,
// and uses them as a user would. The only test that sees a wrong "files", "exports" or "bin".
//   node scripts/pack-test.mjs [DIR]      DIR: test the tarballs in it instead of packing (the release does)
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { hostPlatform } from './platforms.mjs';
import { manifest, packPlatform, packRoot, packageOf } from './packages.mjs';
import { capture, run } from './run.mjs';

const platform = hostPlatform();
const temporary = mkdtempSync(path.join(tmpdir(), 'llemulator-pack-'));
const tarballs = process.argv[2] ? tarballsIn(path.resolve(process.argv[2])) : packed();

/** The smallest test a user can write, but for the line that imports. */
const USE = `
  startEmulator().then(async (emulator) => {
    const api = emulator.session();
    api.replies('Paris.');
    const answer = await fetch(api.baseURL + '/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer ' + api.apiKey },
      body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'Capital of France?' }] }),
    });
    console.log((await answer.json()).choices[0].message.content);
    await emulator.stop();
  });
`;

/** Names what is checked, then checks it. Each check throws when it fails. */
const CHECKS = {
  'both packages install'(folder) {
    install(folder, [tarballs.platform, tarballs.root]);
    assert.ok(existsSync(path.join(folder, 'node_modules', packageOf(platform))), 'the platform package is there');
  },
  'every file the exports name is there'(folder) {
    const root = path.join(folder, 'node_modules', 'llemulator');
    const packedManifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    const files = (value) => (typeof value === 'string' ? [value] : Object.values(value ?? {}).flatMap(files));
    const named = [packedManifest.main, packedManifest.types, ...files(packedManifest.exports), ...files(packedManifest.bin)];
    for (const file of named.filter((name) => name && !name.includes('*'))) {
      assert.ok(existsSync(path.join(root, file)), `package.json names ${file}, which is not packed`);
    }
  },
  'import works'(folder) {
    writeFileSync(path.join(folder, 'use.mjs'), `import { startEmulator } from 'llemulator';${USE}`);
    assert.equal(capture(process.execPath, ['use.mjs'], { cwd: folder }), 'Paris.');
  },
  'require works'(folder) {
    writeFileSync(path.join(folder, 'use.cjs'), `const { startEmulator } = require('llemulator');${USE}`);
    assert.equal(capture(process.execPath, ['use.cjs'], { cwd: folder }), 'Paris.');
  },
  'npx llemulator --version prints the version'(folder) {
    const printed = capture('npx', ['--no-install', 'llemulator', '--version'], { cwd: folder });
    assert.equal(printed.split(' ').at(-1), manifest.version);
  },
  async 'the command serves, and SIGTERM ends it with code 0'(folder) {
    const server = spawn(process.execPath, [path.join('node_modules', 'llemulator', manifest.bin.llemulator), '--port', '0'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(server, 'exit');
    const [line] = await Promise.race([once(createInterface(server.stdout), 'line'), exited]);
    const url = /^LLEmulator listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1];
    assert.ok(url, `the first line names the address, got ${line}`);
    const models = await fetch(`${url}/v1/models`, { headers: { authorization: 'Bearer sk-test' } });
    assert.equal(models.status, 200);
    assert.equal((await models.json()).object, 'list');
    server.kill('SIGTERM');
    // Windows has no signals: there the process is simply ended.
    if (process.platform !== 'win32') assert.deepEqual(await exited, [0, null]);
  },
  'the types compile under tsc --strict, without openai and @types/node'(folder) {
    install(folder, [`typescript@${manifest.devDependencies.typescript}`]);
    writeFileSync(path.join(folder, 'use.ts'), `import { startEmulator, text } from 'llemulator';
export async function use(): Promise<string> {
  const emulator = await startEmulator({ port: 0 });
  const api = emulator.session();
  api.replies('Paris.', text('one two', { chunk: 'word' }));
  const url: string = api.baseURL;
  // @ts-expect-error a port is a number
  await startEmulator({ port: 'any' });
  await emulator.stop();
  return url;
}
`);
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--skipLibCheck', 'false', '--types', ''];
    capture('npx', ['--no-install', 'tsc', ...options, 'use.ts'], { cwd: folder });
  },
  'without the platform package the error names platform, package and remedy'() {
    const folder = emptyProject('missing');
    // npm leaves a platform package out when a lockfile was written on another system.
    install(folder, ['--omit=optional', tarballs.root]);
    rmSync(path.join(folder, 'node_modules', '@llemulator'), { recursive: true, force: true });
    const { status, stderr } = spawnSync(process.execPath, ['-e', "require('llemulator')"], { cwd: folder, encoding: 'utf8' });
    assert.notEqual(status, 0, 'requiring it fails');
    for (const part of [process.platform, process.arch, packageOf(platform), 'npm install']) {
      assert.ok(stderr.includes(part), `the error names ${part}:\n${stderr}`);
    }
  },
};

try {
  const folder = emptyProject('user');
  for (const [name, check] of Object.entries(CHECKS)) {
    await check(folder);
    console.log(`ok  ${name}`);
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}

function packed() {
  run(process.execPath, ['scripts/ensure-built.mjs']);
  return { root: packRoot(temporary), platform: packPlatform(platform, temporary) };
}

function tarballsIn(folder) {
  const find = (prefix) => {
    const file = readdirSync(folder).find((name) => name === `${prefix}-${manifest.version}.tgz`);
    assert.ok(file, `no ${prefix}-${manifest.version}.tgz in ${folder}`);
    return path.join(folder, file);
  };
  return { root: find('llemulator'), platform: find(`llemulator-${platform.name}`) };
}

function emptyProject(name) {
  const folder = path.join(temporary, name);
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  return folder;
}

function install(folder, what) {
  capture('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...what], { cwd: folder });
}
