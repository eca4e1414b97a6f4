// The documents tell the truth: the README's examples run as written on the installed packages, every link leads
// somewhere, every deviation names a test that exists, and every crate has its reason.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './addon.mjs';
import { coverage } from './coverage.mjs';
import { blocks, read } from './documents.mjs';
import { emptyProject, install, serve, tarballs } from './packed.mjs';
import { capture, run } from './run.mjs';

const guides = readdirSync(path.join(ROOT, 'docs'), { recursive: true }).map((name) => `docs/${name.replaceAll('\\', '/')}`).filter((file) => file.endsWith('.md'));
const documents = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', 'llms.txt', ...guides, 'deploy/README.md', 'bench/README.md', 'conformance/README.md'];

for (const file of documents) {
  for (const [, link, anchor] of read(file).matchAll(/\]\(([^)#:]*)(?:#([^)]*))?\)/g)) {
    const target = link ? path.join(path.dirname(file), link) : file;
    assert.ok(existsSync(path.join(ROOT, target)), `${file} links to ${link}, which is not there`);
    if (!anchor) continue;
    const headings = [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, text]) => text.toLowerCase().replaceAll(/[^\w\- ]/g, '').replaceAll(' ', '-'));
    assert.ok(headings.includes(anchor), `${file} links to #${anchor} of ${target}, which has no such heading`);
  }
}
console.log('ok  every link leads somewhere');

for (const file of guides) {
  const first = read(file).split('\n').slice(read(file).startsWith('---') ? 5 : 1).find((line) => line && !line.startsWith('#'));
  assert.match(first, /^For /, `${file}: the first line says what the page is for, as "For …"`);
  const index = path.posix.relative('docs', file);
  assert.ok(index === 'README.md' || read('docs/README.md').includes(`](${index})`), `docs/README.md leads to ${file}`);
}
console.log('ok  every guide says what it is for, and the index leads to it');

// `| a, b | x, y |` of the README: the operations that behave as production does, and no other.
const table = read('README.md').split('## What is served')[1].split('\n## ')[0];
const served = [...table.matchAll(/^\| (`.*?) \| (.*) \|$/gm)].flatMap(([, resources, operations]) =>
  [...resources.matchAll(/`([^`]+)`/g)].flatMap(([, resource]) => operations.split(', ').map((operation) => `${resource}.${operation}`)));


// A row ends with `file` "name of the test"; the name must stand in that file.
const rows = read('docs/deviations.md').split('\n').filter((line) => /^\| (?!---|what )/.test(line));
for (const row of rows) {
  const [, file, name] = /`([^`]+)`: `([^`]+)` \|$/.exec(row) ?? [];
  assert.ok(file && name, `docs/deviations.md: this row names no test, as in \`file\`: \`test\` at its end:\n${row}`);
  assert.ok(existsSync(path.join(ROOT, file)) && read(file).includes(name), `docs/deviations.md: ${file} holds no test ${name}`);
}
console.log(`ok  each of ${rows.length} deviations names its test`);

const named = new Set([...read('docs/dependencies.md').matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell]) => cell.split(/, | \(/)));
for (const [, section] of read('Cargo.toml').matchAll(/^\[(?:build-|dev-)?dependencies\]\n((?:.+\n)*)/gm)) {
  for (const [, crate] of section.matchAll(/^([\w-]+) =/gm)) {
    assert.ok(named.has(crate), `docs/dependencies.md does not say why ${crate} is here`);
  }
}
console.log('ok  every crate has its reason');

const { root, platform } = tarballs();
const folder = emptyProject('readme');
install(folder, [platform, root, 'openai', 'vitest', 'jest']);
const write = (name, content) => (mkdirSync(path.dirname(path.join(folder, name)), { recursive: true }), writeFileSync(path.join(folder, name), content));
const help = capture('npx', ['--no-install', 'llemulator', '--help', '--all'], { cwd: folder });
for (const [option] of read('docs/command-line.md').matchAll(/(?<=\| `)--[a-z-]+|(?<=`)[A-Z]+(_[A-Z]+)*(?=` \|)/g)) {
  assert.ok(help.includes(option), `docs/command-line.md names ${option}, which --help does not`);
}
console.log('ok  every option of the guide is in --help');

const known = JSON.parse(capture('npx', ['--no-install', 'llemulator', 'operations', '--json'], { cwd: folder }));
const behaving = known.operations.filter(({ level }) => level === 'behaves').map(({ name }) => name);
assert.deepEqual(served.sort(), behaving.sort(), 'README.md, What is served');
console.log('ok  what the README calls served is served, and nothing else is');
for (const [file, text] of Object.entries(coverage(known))) assert.equal(read(file), text, `${file} is old: node scripts/coverage.mjs writes it`);
console.log('ok  the table of all operations is of today');

const [example, application] = blocks('README.md', 'js');
write('vitest/readme.test.js', example);
write('vitest/application.test.js', application);
write('vitest/app.js', `import OpenAI from 'openai';
const openai = new OpenAI();
export async function capital(country) {
  const answer = await openai.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'The capital of ' + country + '?' }] });
  return answer.choices[0].message.content;
}
`);
const [vitest, jest, node] = blocks('docs/test-runners.md', 'js');
write('vitest/guide.test.js', vitest);
write('jest/guide.test.js', jest);
write('node/guide.test.mjs', node);
run('npx', ['--no-install', 'vitest', 'run', 'vitest/'], { cwd: folder });
run('npx', ['--no-install', 'jest', 'jest/'], { cwd: folder });
run(process.execPath, ['--test', 'node/guide.test.mjs'], { cwd: folder });
console.log('ok  the README’s Vitest tests pass as written, and the guide’s for Vitest, Jest and node:test');

const script = blocks('README.md', 'sh').find((code) => code.startsWith('curl'));
const server = await serve(folder);
const printed = capture('sh', ['-euc', script.replaceAll('http://127.0.0.1:8080', server.url)]);

// Go's test as it stands, with an application of its own; then with a script that is refused, and with a reply too many.
const [go] = blocks('docs/any-language.md', 'go');
write('go/go.mod', 'module app\n\ngo 1.18\n');
write('go/app.go', `package app

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
)

func capital(country string) string {
	body := \`{"model": "gpt-4o", "messages": [{"role": "user", "content": "The capital of \` + country + \`?"}]}\`
	request, _ := http.NewRequest("POST", os.Getenv("OPENAI_BASE_URL")+"/chat/completions", strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+os.Getenv("OPENAI_API_KEY"))
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	var completion struct{ Choices []struct{ Message struct{ Content string } } }
	json.NewDecoder(answer.Body).Decode(&completion)
	return completion.Choices[0].Message.Content
}
`);
for (const [replies, code, says] of [
  ['"Paris."', 0, /^ok/m],
  ['map[string]any{"txet": "Paris."}', 1, /app_test\.go:\d+: \/_emulator\/script: .*txet/],
  ['"Paris.", "Rome."', 1, /unused replies/],
]) {
  write('go/app_test.go', go.replace('script(t, "Paris.")', `script(t, ${replies})`));
  const env = { ...process.env, LLEMULATOR_URL: server.url, GOFLAGS: '', GOPROXY: 'off', GOTOOLCHAIN: 'local' };
  const { status, stdout, stderr, error } = spawnSync('go', ['test', '-count=1', './...'], { cwd: path.join(folder, 'go'), encoding: 'utf8', env });
  if (error) throw error;
  assert.equal(status, code, stdout + stderr);
  assert.match(stdout, says);
}
assert.equal(capture('gofmt', ['-l', 'app_test.go'], { cwd: path.join(folder, 'go') }), '', 'the Go of the guide is formatted');
console.log('ok  the guide’s test in Go passes, and fails with the emulator’s words');

await server.stop();
assert.match(printed, /^\{"status":"loaded","rules":2\}/);
assert.match(printed, /"content": ?"Paris\."/);
console.log('ok  the README’s curl script answers as it says');
