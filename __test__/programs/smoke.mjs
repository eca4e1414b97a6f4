// The package on whatever runs this: both doors, scripted and streamed replies, functions, threads, the end of the process.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { startEmulator, rateLimited, text } from 'llemulator';

assert.equal(createRequire(import.meta.url)('llemulator').startEmulator, startEmulator, 'import and require give one package');

const emulator = await startEmulator();
const api = emulator.session();

async function ask(content, stream = false) {
  const response = await fetch(`${api.baseURL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${api.apiKey}` },
    body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content }], stream }),
  });
  return { status: response.status, body: await response.text() };
}
const said = async (content) => JSON.parse((await ask(content)).body).choices[0].message.content;

api.replies('Paris.', rateLimited(), (request) => `you said ${request.lastUserText}`, async function* () { yield 'one '; yield 'two'; }, () => { throw new Error('thrown'); });
assert.equal(await said('a'), 'Paris.');
assert.equal((await ask('b')).status, 429);
assert.equal(await said('c'), 'you said c');
const streamed = (await ask('d', true)).body;
assert.ok(streamed.includes('"content":"one "') && streamed.trimEnd().endsWith('data: [DONE]'), streamed);
assert.match((await ask('e')).body, /thrown/);
assert.throws(() => api.finish(), { code: 'ERR_LLEMULATOR_UNFINISHED', cause: new Error('thrown') });
assert.equal(api.requests.length, 5);

api.replies(text('x '.repeat(500)));
assert.equal((await ask('f', true)).body.match(/"content":"/g).length >= 500, true);
const waiting = api.waitForRequest((request) => request.body.messages[0].content === 'g');
await ask('g');
assert.equal((await waiting).outcome, 'no_match');

await Promise.all([emulator.stop(), emulator.stop()]);
await assert.rejects(fetch(emulator.url));
console.log('ok');
