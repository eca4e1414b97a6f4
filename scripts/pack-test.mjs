// `npm run test:pack`: uses the packed and installed packages as a user would. The only test that sees a wrong
// "files", "exports" or "bin".
//   node scripts/pack-test.mjs [DIR]      DIR: test the tarballs in it instead of packing (the release does)
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isNewer, newestGlibc } from './glibc.mjs';
import { LICENCES } from './licences.mjs';
import { emptyProject, install, serve, tarballs } from './packed.mjs';
import { manifest, packageOf } from './packages.mjs';
import { GLIBC, hostPlatform } from './platforms.mjs';
import { capture } from './run.mjs';

/** One request to an emulator in the same process; prints the answer. */
const USE = `
startEmulator().then(async (emulator) => {
  const api = emulator.session();
  api.replies('Paris.');
  const answer = await fetch(api.baseURL + '/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer ' + api.apiKey },
    body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'The capital of France?' }] }),
  });
  console.log((await answer.json()).choices[0].message.content);
  await emulator.stop();
});
`;

const TYPES = `import { startEmulator, text } from 'llemulator';
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
`;

const STRICT = { compilerOptions: { strict: true, noEmit: true, skipLibCheck: false, module: 'nodenext', target: 'es2022', types: [] }, files: ['use.ts'] };

const platform = hostPlatform();
const { root, platform: binary } = tarballs(process.argv[2]);
const folder = emptyProject('user');
const write = (name, content) => writeFileSync(path.join(folder, name), content);

/** What must hold, in order. Each throws when it does not. */
const CHECKS = {
  'both packages install'() {
    install(folder, [binary, root]);
    assert.ok(existsSync(path.join(folder, 'node_modules', packageOf(platform))), 'the platform package is there');
  },
  'a released Linux binary needs no newer glibc than promised'() {
    if (!process.argv[2] || platform.libc !== 'glibc') return;
    const needed = newestGlibc(path.join(folder, 'node_modules', packageOf(platform), `llemulator.${platform.name}.node`));
    assert.ok(needed && !isNewer(needed, GLIBC), `it needs glibc ${needed}, more than ${GLIBC}`);
  },
  'every file that package.json names is packed'() {
    const installed = path.join(folder, 'node_modules', 'llemulator');
    const { main, types, exports, bin } = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8'));
    const files = (value) => (typeof value === 'object' && value ? Object.values(value).flatMap(files) : value ? [value] : []);
    for (const file of files([main, types, exports, bin])) {
      assert.ok(existsSync(path.join(installed, file)), `package.json names ${file}, which is not packed`);
    }
  },
  'the licences of what is in the binary come with it'() {
    const text = readFileSync(path.join(folder, 'node_modules', packageOf(platform), LICENCES), 'utf8');
    for (const part of [`for ${platform.name}`, '\ntokio 1', '\nhyper 1', '\ntiktoken ', 'Permission is hereby granted']) assert.ok(text.includes(part), `${LICENCES} says ${part}`);
  },
  'the package says where to look and whom to ask'() {
    for (const name of ['llemulator', packageOf(platform)]) {
      const installed = JSON.parse(readFileSync(path.join(folder, 'node_modules', name, 'package.json'), 'utf8'));
      for (const field of ['homepage', 'bugs', 'repository', 'license', 'description']) assert.ok(installed[field], `package.json of ${name} has ${field}`);
    }
    assert.ok(readFileSync(path.join(folder, 'node_modules', 'llemulator', 'CHANGELOG.md'), 'utf8').includes(`## ${manifest.version}`), 'CHANGELOG.md tells of this version');
    assert.ok(existsSync(path.join(folder, 'node_modules', 'llemulator', 'docs', 'skill', 'SKILL.md')), 'coding agents find the skill');
  },
  'import works'() {
    write('use.mjs', `import { startEmulator } from 'llemulator';${USE}`);
    assert.equal(capture(process.execPath, ['use.mjs'], { cwd: folder }), 'Paris.');
  },
  'require works'() {
    write('use.cjs', `const { startEmulator } = require('llemulator');${USE}`);
    assert.equal(capture(process.execPath, ['use.cjs'], { cwd: folder }), 'Paris.');
  },
  'npx llemulator --version prints the version'() {
    const printed = capture('npx', ['--no-install', 'llemulator', '--version'], { cwd: folder });
    assert.equal(printed.split(' ').at(-1), manifest.version);
  },
  async 'the command serves, and SIGTERM ends it with code 0'() {
    const server = await serve(folder);
    const models = await fetch(`${server.url}/v1/models`, { headers: { authorization: 'Bearer sk-test' } });
    assert.equal(models.status, 200);
    assert.equal((await models.json()).object, 'list');
    const [code, signal] = await server.stop();
    // Windows knows no signals; there the process is ended from outside.
    if (process.platform !== 'win32') assert.deepEqual([code, signal], [0, null]);
  },
  'the types compile under tsc --strict, without openai and @types/node'() {
    install(folder, ['typescript']);
    write('use.ts', TYPES);
    write('tsconfig.json', JSON.stringify(STRICT));
    capture('npx', ['--no-install', 'tsc', '-p', '.'], { cwd: folder });
  },
  'without the platform package the error names platform, package and remedy'() {
    const bare = emptyProject('without-binary');
    install(bare, ['--omit=optional', root]);
    rmSync(path.join(bare, 'node_modules', '@llemulator'), { recursive: true, force: true });
    const { status, stderr } = spawnSync(process.execPath, ['-e', "require('llemulator').startEmulator()"], { cwd: bare, encoding: 'utf8' });
    assert.notEqual(status, 0, 'starting fails');
    for (const part of [process.platform, process.arch, platform.libc ?? '', packageOf(platform), 'npm install']) {
      assert.ok(stderr.includes(part), `the error names ${part}:\n${stderr}`);
    }
  },
};

for (const [name, check] of Object.entries(CHECKS)) {
  await check();
  console.log(`ok  ${name}`);
}
