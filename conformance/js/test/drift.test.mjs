// `llemulator drift` on the packages that npm installs: the newest, one of an earlier major, and one that is newer still.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { command, repository } from '../../server.mjs';

const installed = (name) => fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url));

/** What drift says of a package, and its exit code. */
function drift(folder) {
  const [program, ...words] = [...command, 'drift', '--json', '--npm', folder];
  const { status, stdout, stderr } = spawnSync(program, words, { cwd: repository, encoding: 'utf8' });
  assert.ok(stdout, stderr);
  return { code: status, ...JSON.parse(stdout) };
}

test('the package that the surface was read from does not differ', () => {
  const { code, compared, differences } = drift(installed('openai'));
  assert.deepEqual([code, differences], [0, []]);
  assert.match(compared[0], /^npm 7\./);
});

test('an older package lacks calls, and sends what is refused today', () => {
  const { code, compared, differences } = drift(installed('openai-v4'));
  assert.deepEqual([code, compared], [4, ['npm 4.104.0']]);
  const of = (tier, change) => differences.filter((one) => one.tier === tier && one.change === change).map((one) => one.place);
  assert.ok(of('info', 'removed').includes('POST /videos'));
  assert.ok(of('error', 'added').includes('ChatCompletionAudioParam.voice'));
});

test('a newer package is told by what was added, removed and changed', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'newer-'));
  try {
    for (const part of ['package.json', 'src/resources', 'src/lib', 'resources']) await cp(path.join(installed('openai'), part), path.join(folder, part), { recursive: true });
    const edit = async (file, from, to) => {
      const text = await readFile(path.join(folder, file), 'utf8');
      assert.ok(text.includes(from), `${file} has ${from}`);
      await writeFile(path.join(folder, file), text.replace(from, to));
    };
    await edit('package.json', /"version": "[^"]+"/.exec(await readFile(path.join(folder, 'package.json'), 'utf8'))[0], '"version": "900.0.0"');
    const files = 'src/resources/files.ts';
    await edit(files, "      '/files',\n      resolve", "      '/files/new',\n      resolve");
    await edit(files, 'purpose: FilePurpose;', 'purpose: FilePurpose;\n\n  colour?: string;');
    await edit(files, '  bytes: number;', '  bytes: string;\n\n  smell: string;');
    await edit(files, '  filename: string;', '  filename?: string;');
    await edit('src/resources/beta/assistants.ts', 'export type AssistantTool = ', 'export type AssistantTool = TelepathyTool | ');
    await edit(files, "  status: 'uploaded' | 'processed' | 'error';", "  status: 'uploaded' | 'processed' | 'eaten';");
    const { code, compared, differences } = drift(folder);
    const told = differences.map(({ tier, change, place, what }) => `${tier} ${change} ${place}: ${what}`);
    assert.deepEqual([code, compared], [4, ['npm 900.0.0']]);
    const infos = told.filter((one) => one.startsWith('info'));
    assert.deepEqual(told.slice(0, -infos.length), [
      'error added AssistantTool: the kind TelepathyTool',
      'error added FileCreateParams.colour: a field that is not known here',
      'error added POST /files/new: a call that is not known here',
      'warning added FileObject.smell: a field that is not known here',
      'warning added FileObject.status: the value "eaten"',
      'warning changed FileObject.bytes: a number here, and a text there',
      'warning changed FileObject.filename: required here, and optional there',
    ]);
    // Beside what only Python's client has.
    for (const gone of ['FileObject.status: the value "error"', 'POST /files: files.create, which this client cannot call']) {
      assert.ok(infos.includes(`info removed ${gone}`), gone);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
