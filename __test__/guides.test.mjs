// The guides tell the truth: what they show runs. Clients and recipes: conformance/js/test/guide.test.mjs and
// conformance/python; tests of the README and of runners: scripts/test-docs.mjs.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import OpenAI from 'openai';
import { afterAll, expect, test } from 'vitest';
import * as llemulator from 'llemulator';
import * as documents from '../scripts/documents.mjs';
import { ROOT, runProgram, startCommand } from './support.mjs';

const emulator = await llemulator.startEmulator();
afterAll(() => emulator.stop());
const folder = mkdtempSync(path.join(tmpdir(), 'llemulator-guides-'));
afterAll(() => rmSync(folder, { recursive: true }));

const guide = (file) => documents.read(`docs/${file}.md`);
const blocks = (file, language) => documents.blocks(`docs/${file}.md`, language);
const all = (files, language) => files.flatMap((file) => blocks(file, language).map((code) => [file, code]));
const AsyncFunction = (async () => {}).constructor;

/** Which blocks of which guide are run, and where. A block that stands in no row fails the test below. */
const RUN = {
  json: { here: ['scripting', 'streaming-and-faults', 'truth', 'skill/SKILL', 'record-replay'] },
  js: { here: ['scripting', 'streaming-and-faults', 'sessions', 'test-runners', 'skill/SKILL', 'record-replay', 'migrating'], 'conformance/js/test/guide.test.mjs': ['clients', 'recipes'], 'deploy/test/local.test.mjs': ['local-model'] },
  // How it was with another tool, run with that tool.
  mjs: { 'conformance/js/test/migrating.test.mjs': ['migrating'] },
  sh: { here: ['control-plane', 'command-line', 'control-room', 'script-files', 'any-language', 'recipes', 'telemetry', 'skill/SKILL', 'record-replay'], 'conformance/js/test/guide.test.mjs': ['clients'], 'deploy/test/run.mjs': ['containers', 'local-model', 'scaling'] },
  yaml: { here: ['script-files', 'recipes', 'telemetry'] },
  python: { 'conformance/python/test_guide.py': ['any-language', 'recipes'], 'conformance/python/test_cassettes.py': ['migrating'], 'conformance/python/clients/test_clients.py': ['clients'] },
  go: { 'scripts/test-docs.mjs': ['any-language'] },
  text: { here: ['command-line', 'record-replay'] },
};

test('every block of every guide is run by a test', () => {
  const files = [...readdirSync(`${ROOT}docs`), 'skill/SKILL.md'].filter((name) => name.endsWith('.md')).map((name) => name.slice(0, -3));
  let seen = 0;
  for (const file of files) {
    for (const [, language] of guide(file).matchAll(/^```(\w*)\n.*?^```$/gms)) {
      seen += 1;
      expect(Object.values(RUN[language] ?? {}).flat(), `${file}.md: a block of "${language}"`).toContain(file);
    }
  }
  expect(seen).toBeGreaterThan(40);
  for (const [where, files] of Object.values(RUN).flatMap(Object.entries)) {
    if (where !== 'here') expect(readFileSync(ROOT + where, 'utf8'), where).toMatch(/docs/);
    expect(files.length).toBeGreaterThan(0);
  }
});

test.each(all(RUN.json.here, 'json'))('%s: %s', (_file, code) => {
  const shown = JSON.parse(code);
  const isScript = ['responses', 'rules', 'defaults', 'models'].some((key) => key in shown);
  emulator.session().script(isScript ? shown : { responses: [shown] });
});

test.each(all(['scripting', 'streaming-and-faults'], 'js'))('%s: %s', (_file, code) => {
  const api = emulator.session();
  const names = { api, ...llemulator };
  new Function(...Object.keys(names), code)(...Object.values(names));
  // What it scripted waits for requests.
  expect(() => api.finish()).toThrow(expect.objectContaining({ code: 'ERR_LLEMULATOR_UNFINISHED' }));
});

test('sessions: its blocks one after another, with a request between', async () => {
  const [made, asked, waits] = blocks('sessions', 'js');
  const request = `api.replies('x'); await new OpenAI(api).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'hi' }] });`;
  const names = { OpenAI, console: { log: (text) => printed.push(text) }, ...llemulator };
  const printed = [];
  const end = 'await emulator.stop(); return [named.clock.mode, api.requests.length];';
  const left = await new AsyncFunction(...Object.keys(names), [made, request, asked, waits, end].join('\n'))(...Object.values(names));
  expect(left).toEqual(['manual', 0]);
  expect(printed).toEqual([expect.stringContaining('chat.completions.create user: "hi"'), 'late']);
});

test('test-runners: configurations name what the package has; the block for apps elsewhere runs', async () => {
  const [vitest, jest, playwright, elsewhere] = blocks('test-runners', 'js').slice(3);
  const { exports } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
  const paths = [vitest, jest].flatMap((code) => [...code.matchAll(/'llemulator(\/[\w/-]+)'/g)].map(([, name]) => `.${name}`));
  expect(paths).toEqual(['./vitest/global-setup', './jest/global-setup', './jest/global-teardown']);
  for (const name of paths) expect(exports).toHaveProperty([name]);
  const { webServer } = (await import(`data:text/javascript,${encodeURIComponent(playwright)}`)).default;
  const { url, stop } = await startCommand(webServer.command.replace('npx llemulator ', '').replace('8080', '0').split(' '));
  expect((await fetch(webServer.url.replace('http://127.0.0.1:8080', url))).status).toBe(200);
  process.env.LLEMULATOR_URL = url;
  const use = `await new OpenAI(api).responses.create({ model: 'gpt-4o', input: 'hi' });`;
  const names = { OpenAI, ...llemulator };
  const code = elsewhere.replace(/^import .*\n/, '').replace('// … let the app work …', use);
  await new AsyncFunction(...Object.keys(names), code)(...Object.values(names));
  delete process.env.LLEMULATOR_URL;
  await stop();
});

test('skill: the first lines of a test', async () => {
  const [code] = blocks('skill/SKILL', 'js');
  const names = { ...llemulator };
  await new AsyncFunction(...Object.keys(names), `${code}; api.reset(); await emulator.stop();`)(...Object.values(names));
});

/** `npx` that runs the package of this repository, and any program by its name. */
function programs(more = {}) {
  const bin = mkdtempSync(path.join(folder, 'bin-'));
  const shim = `#!/bin/sh\n[ "$1" = --yes ] && shift\nshift\nexec '${process.execPath}' '${ROOT}js/cli.js' "$@"\n`;
  for (const [name, text] of Object.entries({ npx: shim, ...more })) {
    writeFileSync(path.join(bin, name), text);
    chmodSync(path.join(bin, name), 0o755);
  }
  return { cwd: bin, env: { PATH: `${bin}:${process.env.PATH}` } };
}

// Windows has no sh; there the commands are tried by cli.test.mjs.
const shell = process.platform === 'win32' ? () => {} : test;

shell('control-plane: every line works, and every route is there', async () => {
  const { url, stop } = await startCommand(['--port', '0', '--debug', 'true']);
  const code = blocks('control-plane', 'sh').join('\n').replace('http://127.0.0.1:8080', url);
  const { code: ended, stdout, stderr } = await runProgram('sh', ['-euc', code]);
  expect([ended, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/"ok":true/);
  const { routes } = await (await fetch(`${url}/_emulator`)).json();
  for (const route of Object.keys(routes)) {
    const [method, where] = route.split(' ');
    const shown = code.replaceAll(/\/(release|sessions)\/\w+/g, '/$1/{name}').split('\n').filter((line) => new RegExp(`\\$URL${where.replaceAll(/[{}]/g, '\\$&')}(?![\\w/])`).test(line));
    const asked = shown.map((line) => /-X (\w+)/.exec(line)?.[1] ?? (/ -d /.test(line) ? 'POST' : 'GET'));
    expect(asked, route).toContain(method);
  }
  await stop();
});

shell('script-files and command-line: the commands do what they say', async () => {
  const [yaml] = blocks('script-files', 'yaml');
  const [run, validate, convert] = blocks('script-files', 'sh');
  const { cwd, env } = programs();
  const write = (name, text) => writeFileSync(path.join(cwd, name), text);
  write('replies.yaml', yaml);
  write('common.json', '{}');
  write('replies.json', '{"responses": ["a"]}');
  write('fixtures.json', '{"fixtures": [{"match": {"userMessage": "hi"}, "response": {"content": "hello"}}]}');
  const checked = await runProgram('sh', ['-euc', validate.replace(' scripts/', ' common.json')], { cwd, env });
  expect(checked).toMatchObject({ code: 0, stdout: '0 faults, 0 doubts\n' });
  expect((await runProgram('sh', ['-euc', convert], { cwd, env })).code).toBe(0);
  expect(JSON.parse(readFileSync(path.join(cwd, 'replies.json'), 'utf8')).rules.length).toBe(1);
  for (const code of [run, ...['command-line', 'control-room'].flatMap((file) => blocks(file, 'sh')).filter((code) => code.startsWith('npx llemulator --'))]) {
    const words = code.trim().split(' ').slice(2).map((word) => (/^replies\./.test(word) ? path.join(cwd, word) : word.replace('9000', '0')));
    const { stop } = await startCommand(words.includes('--port') ? words : ['--port', '0', ...words]);
    expect(await stop()).toEqual([0, null]);
  }
});

test('migrating-from-mock-openai-tool: every route of the older tool is there', async () => {
  const routes = [...guide('migrating-from-mock-openai-tool').matchAll(/`(GET|POST|PUT|DELETE) (\/api[^` ?]*)`/g)];
  expect(routes.length).toBeGreaterThan(12);
  const { url, stop } = await startCommand(['--port', '0', '--fallback', 'manual', '--manual-timeout-ms', '60000', '--trust-forwarded']);
  for (const [, method, where] of routes) {
    const answer = await fetch(url + where, { method, headers: { 'content-type': 'application/json' }, body: method === 'GET' ? undefined : '{}' });
    expect((await answer.json()).error?.code, `${method} ${where}`).not.toBe('unknown_route');
  }
  await stop();
});

shell('record-replay: its commands record, play and tell; a miss reads as shown', async () => {
  const [commands, looks] = blocks('record-replay', 'sh');
  const [record, play] = commands.trim().split('\n').map((line) => line.split(' ').slice(2));
  const { cwd, env } = programs();
  const place = (words) => words.map((word) => (word === 'cassettes' ? path.join(cwd, word) : word.replace('9000', '0').replace('https://api.openai.com', upstream.url)));
  const upstream = await llemulator.startEmulator({ fallback: 'echo', auth: 'optional' });
  const ask = async (url, content) => (await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content }] }) })).json();
  const recorder = await startCommand([...place(record), '--ci', 'false']);
  await ask(recorder.url, 'Weather in Oslo?');
  await recorder.stop();
  const player = await startCommand(place(play));
  expect((await ask(player.url, 'Weather in Oslo?')).choices[0].message.content).toBe('Echo: Weather in Oslo?');
  const { error } = await ask(player.url, 'Weather in Bergen?');
  const [told] = blocks('record-replay', 'text');
  expect(error.message.replace(/is \S+\.jsonl:/, 'is __cassettes__/weather.jsonl:')).toBe(told.trim());
  await player.stop();
  const { code, stdout, stderr } = await runProgram('sh', ['-euc', looks], { cwd, env });
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('1 recordings: 0 errors, 0 warnings, 0 infos');
  await upstream.stop();
});

test('record-replay: options and a test with a name', async () => {
  const [options, named] = blocks('record-replay', 'js');
  const upstream = await llemulator.startEmulator({ auth: 'optional', fallback: 'echo' });
  const here = options.replace('https://api.openai.com/v1', upstream.baseURL).replace("'cassettes'", 'folder');
  await new AsyncFunction(...Object.keys(llemulator), 'folder', `${here}; await emulator.stop();`)(...Object.values(llemulator), path.join(folder, 'options'));
  const project = mkdtempSync(path.join(folder, 'named-'));
  mkdirSync(path.join(project, 'node_modules'));
  symlinkSync(ROOT, path.join(project, 'node_modules/llemulator'));
  for (const name of ['vitest', 'openai']) symlinkSync(path.join(ROOT, 'node_modules', name), path.join(project, 'node_modules', name));
  writeFileSync(path.join(project, 'capital.test.mjs'), named.replace('The capital of France?', 'Is Paris the capital of France?'));
  const run = (env) => runProgram(process.execPath, ['node_modules/vitest/vitest.mjs', 'run'], { cwd: project, env: { ...process.env, CI: '', VITEST: '', NODE_OPTIONS: '', ...env } });
  const recorded = await run({ LLEMULATOR_RECORD: 'on-miss', LLEMULATOR_UPSTREAM: upstream.baseURL, OPENAI_API_KEY: 'sk-own' });
  expect(recorded.code, recorded.stdout + recorded.stderr).toBe(0);
  await upstream.stop();
  expect((await run({})).code).toBe(0);
  expect(readFileSync(path.join(project, '__cassettes__/capital.jsonl'), 'utf8')).not.toContain('sk-own');
}, 60_000);

test.each(blocks('migrating', 'js'))('migrating: %s', async (code) => {
  const recordings = mkdtempSync(path.join(folder, 'har-'));
  const asked = { model: 'gpt-4o', messages: [{ role: 'user', content: 'The capital of France?' }] };
  const said = { id: 'chatcmpl-1', object: 'chat.completion', choices: [{ index: 0, message: { role: 'assistant', content: 'Paris.' }, finish_reason: 'stop' }] };
  const request = { method: 'POST', url: 'https://api.openai.com/v1/chat/completions', headers: [], postData: { mimeType: 'application/json', text: JSON.stringify(asked) } };
  const entry = { request, response: { status: 200, headers: [{ name: 'content-type', value: 'application/json' }], content: { mimeType: 'application/json', text: JSON.stringify(said) } } };
  mkdirSync(path.join(recordings, 'capital_123'));
  writeFileSync(path.join(recordings, 'capital_123/recording.har'), JSON.stringify({ log: { version: '1.2', creator: { name: 'Polly.JS' }, entries: [entry] } }));
  const names = { OpenAI, recordings, ...llemulator };
  const end = 'await emulator.stop(); return typeof text === "string" ? text : answer.choices[0].message.content;';
  const whole = `${/let text/.test(code) ? '' : 'let text; '}${code.replace("'recordings'", 'recordings')}; ${end}`;
  // `text` is a helper of the package too.
  const { text: _, ...given } = names;
  expect(await new AsyncFunction(...Object.keys(given), whole)(...Object.values(given))).toBe('Paris.');
});

test('command-line: lines of the log are as shown', async () => {
  const { url, printed, stop } = await startCommand();
  const headers = { authorization: 'Bearer my-test', 'content-type': 'application/json' };
  const send = (where, body) => fetch(url + where, { method: 'POST', headers, body: JSON.stringify(body) });
  await send('/_emulator/script', { responses: ['Cold.'], models: ['gpt-4o'] });
  for (const [model, content] of [['gpt-4o', 'Is it cold in Oslo?'], ['gpt-99', 'x']]) await send('/v1/chat/completions', { model, messages: [{ role: 'user', content }] });
  await stop();
  const plain = (line) => line.replace(/^\S+Z/, '').replace(/ \d+ms/, '');
  const [shown] = blocks('command-line', 'text');
  expect(printed.out.trim().split('\n').slice(3).map(plain)).toEqual(shown.trim().split('\n').map(plain));
});

shell('any-language, recipes, skill: the shell finds what it is told', async () => {
  const [variables] = blocks('any-language', 'sh');
  const own = programs({ 'your-program': '#!/bin/sh\necho "$OPENAI_BASE_URL $OPENAI_API_KEY"\n' });
  expect((await runProgram('sh', ['-euc', variables], own)).stdout).toBe('http://127.0.0.1:8080/v1 my-test\n');
  const [ci] = blocks('recipes', 'sh');
  const port = String(new URL(emulator.url).port ^ 1);
  const { code, stdout } = await runProgram('sh', ['-euc', ci.replaceAll('8089', port)], programs());
  expect([code, stdout.includes('"object": "list"') || stdout.includes('"object":"list"')]).toEqual([0, true]);
  const [started] = blocks('skill/SKILL', 'sh');
  const { stop } = await startCommand(started.trim().split(' ').slice(2));
  await stop();
});

shell('telemetry: metrics are where the guide and its scraper ask for them, and lines are JSON', async () => {
  const [scraped, logged] = blocks('telemetry', 'sh');
  const { url, printed, stop } = await startCommand([...logged.trim().split(' ').slice(2), '--port', '0']);
  const { code, stdout } = await runProgram('sh', ['-euc', scraped.replace('http://127.0.0.1:8080', url)]);
  expect([code, stdout.includes('llemulator_requests_total') || stdout.includes('llemulator_sessions')]).toEqual([0, true]);
  // The scraper is told a host and a port; Prometheus adds `/metrics`.
  const [scraper] = blocks('telemetry', 'yaml');
  expect(scraper).toContain(`targets: ['${new URL(/http\S+/.exec(scraped)[0]).host}']`);
  await fetch(`${url}/v1/models`);
  await stop();
  const lines = printed.out.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).path).filter(Boolean)).toContain('/v1/models');
});

test('what goes wrong: every reply of the table loads', () => {
  const text = guide('streaming-and-faults');
  const rows = [...text.slice(text.indexOf('What goes wrong')).matchAll(/^\| [^|`]+ \| `(\{.*?\})`[^|]*\|$/gm)].map(([, json]) => JSON.parse(json));
  expect(rows.length).toBeGreaterThan(7);
  emulator.session().script({ responses: rows });
});

shell('action.yml: its script starts one, and tells the steps after it where', async () => {
  const action = readFileSync(`${ROOT}action.yml`, 'utf8');
  const [, script] = /^ {6}run: \|\n((?: {8}.*\n|\n)+)/m.exec(action);
  const inputs = [...action.slice(0, action.indexOf('outputs:')).matchAll(/^ {2}(\w+):$/gm)].map(([, name]) => name);
  // The workflow of the recipe gives inputs that there are.
  const [workflow] = blocks('recipes', 'yaml');
  for (const [, name] of workflow.slice(workflow.indexOf('with:')).matchAll(/^ {6}(\w+):/gm)) expect(inputs).toContain(name);
  // Each input reaches the script.
  for (const name of inputs) expect(action).toContain(`\${{ inputs.${name} }}`);
  const { cwd, env } = programs();
  writeFileSync(path.join(cwd, 'npx'), `#!/bin/sh\necho $$ > pid\necho "$@" > words\nshift 2\nexec '${process.execPath}' '${ROOT}js/cli.js' "$@"\n`);
  writeFileSync(path.join(cwd, 'replies.yaml'), 'responses: {"": Hello!}\n');
  const files = Object.fromEntries(['GITHUB_ENV', 'GITHUB_OUTPUT'].map((name) => [name, path.join(cwd, name)]));
  const given = { VERSION: '0.1.0', EMULATOR_PORT: '0', SCRIPT: 'replies.yaml', EMULATOR_PROFILE: 'strict', ARGUMENTS: '--seed 7', RUNNER_TEMP: cwd, ...files };
  const run = (more) => runProgram('bash', ['-eo', 'pipefail', '-c', script.replaceAll(/^ {8}/gm, '')], { cwd, env: { ...env, ...given, ...more } });
  const { code, stdout } = await run();
  const pid = Number(readFileSync(path.join(cwd, 'pid'), 'utf8'));
  try {
    expect([code, stdout]).toEqual([0, expect.stringContaining('LLEmulator listens on http://')]);
    expect(readFileSync(path.join(cwd, 'words'), 'utf8')).toBe('--yes llemulator@0.1.0 --port 0 --profile strict --script replies.yaml --seed 7\n');
    const told = Object.fromEntries(readFileSync(files.GITHUB_ENV, 'utf8').trim().split('\n').map((line) => line.split('=')));
    expect(readFileSync(files.GITHUB_OUTPUT, 'utf8')).toBe(`url=${told.LLEMULATOR_URL}\n`);
    const client = new OpenAI({ baseURL: told.OPENAI_BASE_URL, apiKey: told.OPENAI_API_KEY });
    expect((await client.responses.create({ model: 'gpt-4o', input: 'hi' })).output_text).toBe('Hello!');
  } finally {
    process.kill(pid, 'SIGTERM');
  }
  // A start that fails is a step that fails, with the reason.
  expect(await run({ SCRIPT: 'none.yaml', RUNNER_TEMP: mkdtempSync(path.join(cwd, 'run-')) })).toMatchObject({ code: 1, stdout: expect.stringContaining('none.yaml') });
});
