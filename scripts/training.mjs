// What a released addon is trained with (scripts/profile.mjs): requests as tests make them, of each kind so many as tests
// make of it. Counted, not timed: a slow machine learns the same.
import assert from 'node:assert/strict';
import http from 'node:http';
import { createRequire } from 'node:module';

const { startEmulator, text, toolCall, when } = createRequire(import.meta.url)('../js/index.js');

/** Requests on the way at a time. */
const AT_ONCE = 32;
const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });

const emulators = await Promise.all(['error', 'echo', 'generate'].map((fallback) => startEmulator({ fallback })));
const [scripted, echo, generated] = emulators.map((emulator) => emulator.session());
const words = (count) => 'lorem '.repeat(count);
const rules = Array.from({ length: 200 }, (_, i) => when(new RegExp(`^question ${i}$`), words(20), { times: 'unlimited' }));
const schema = { type: 'object', properties: { city: { type: 'string' }, degrees: { type: 'number' } }, required: ['city', 'degrees'], additionalProperties: false };
const weather = { name: 'weather', description: 'The weather of a city', parameters: schema, strict: true };

scripted.replies(
  ...rules,
  when('weather', toolCall('weather', { city: 'Paris', degrees: 20 }), { times: 'unlimited' }),
  when('long', text(words(2000)), { times: 'unlimited' }),
  when('paced', text(words(20), { chunk: 'word', delayMs: 1 }), { times: 'unlimited' }),
  when('stream', text(words(300), { chunk: 'word', delayMs: 0 }), { times: 'unlimited' }),
  when('function', (request) => `You said ${request.lastUserText}`, { times: 'unlimited' }),
);

/** Sends one request, reads the whole answer. */
function ask(session, method, path, body) {
  return new Promise((resolve, reject) => {
    const sent = body && Buffer.from(JSON.stringify(body));
    const headers = { authorization: `Bearer ${session.apiKey}`, ...(sent && { 'content-type': 'application/json', 'content-length': sent.length }) };
    const request = http.request(`${session.baseURL}${path}`, { method, headers, agent }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode)).on('error', reject);
    });
    request.on('error', reject).end(sent);
  });
}

/** So many requests, `AT_ONCE` at a time; each must be answered with `status`. */
async function load(count, session, path, body, status = 200) {
  let left = count;
  const one = async () => {
    while (left-- > 0) assert.equal(await ask(session, body ? 'POST' : 'GET', path, body), status, `${path} ${JSON.stringify(body)}`);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

const chat = (content, more) => ({ model: 'gpt-4o', messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content }], ...more });
const respond = (input, more) => ({ model: 'gpt-4o', input, ...more });
for (let i = 0; i < 10; i++) {
  await load(800, scripted, '/chat/completions', chat(`question ${i * 17}`));
  await load(200, scripted, '/responses', respond(`question ${i * 17}`));
}
// A long script, of conditions of each form.
const library = emulators[0].session();
const forms = [(n) => `^order ${n} .*refund`, (n) => `question ${n} of`, (n) => ({ operation: 'chat', model: `gpt-4o-${n}`, stream: false })];
library.script({ models: 'any', rules: Array.from({ length: 3000 }, (_, n) => ({ match: forms[n % 3](n), text: 'Fine.', times: 'unlimited' })) });
for (let n = 0; n < 3000; n += 60) {
  await load(20, library, '/chat/completions', chat(`order ${n} needs a refund`));
  await load(10, library, '/chat/completions', chat(`Here is question ${n + 1} of many`));
  await load(10, library, '/chat/completions', { ...chat('hi'), model: `gpt-4o-${n + 2}` });
}
await load(100, library, '/chat/completions', chat('Hello there'), 400);
await load(60, scripted, '/chat/completions', chat('stream', { stream: true, stream_options: { include_usage: true } }));
await load(30, scripted, '/responses', respond('stream', { stream: true }));
await load(200, scripted, '/chat/completions', chat('question 1', { stream: true }));
await load(100, scripted, '/chat/completions', chat('paced', { stream: true }));
await load(100, scripted, '/chat/completions', chat('long'));
await load(300, scripted, '/chat/completions', chat('function'));
await load(300, scripted, '/chat/completions', chat('weather', { tools: [{ type: 'function', function: weather }] }));
await load(100, scripted, '/responses', respond('weather', { tools: [{ type: 'function', ...weather }], stream: true }));
await load(500, echo, '/chat/completions', chat('What is said is said again.'));
await load(100, generated, '/chat/completions', chat('Anything.', { response_format: { type: 'json_schema', json_schema: { name: 'weather', strict: true, schema } } }));
await load(200, generated, '/embeddings', { model: 'text-embedding-3-small', input: ['one', 'two'] });
await load(100, echo, '/moderations', { model: 'omni-moderation-latest', input: 'Something.' });
await load(200, echo, '/models');
// What fewer tests ask for is neither cold nor in anybody's way.
await load(100, echo, '/chat/completions', chat('What is said streams again.', { stream: true }));
await load(100, echo, '/responses', respond('What is said streams again.', { stream: true }));
await load(50, echo, '/completions', { model: 'gpt-3.5-turbo-instruct', prompt: 'Once upon a time', stream: true });
await load(50, echo, '/chat/completions', { ...chat('Choices.'), n: 3, logprobs: true, top_logprobs: 2 });
await load(50, echo, '/chat/completions', { ...chat('A model of long ago.'), model: 'gpt-4' });
await load(20, echo, '/chat/completions', chat('All work and no play makes Jack a dull boy. '.repeat(2000)));
await load(50, echo, '/responses', respond([{ role: 'user', content: [{ type: 'input_text', text: 'Stored.' }] }], { store: true }));
await load(50, generated, '/responses', respond('Weather?', { tools: [{ type: 'function', ...weather }], tool_choice: 'required' }));
await load(20, generated, '/images/generations', { model: 'gpt-image-1', prompt: 'A lighthouse', size: '1024x1024' });
await load(20, generated, '/audio/speech', { model: 'gpt-4o-mini-tts', voice: 'alloy', input: 'Hello.' });
await load(50, echo, '/conversations', { items: [{ type: 'message', role: 'user', content: 'Hello.' }] });
await load(100, echo, '/chat/completions', { ...chat('x'), nothing: 1 }, 400);
await load(100, echo, '/chat/completions/none', undefined, 404);
assert.ok(scripted.requests.length > 1000);
agent.destroy();
await Promise.all(emulators.map((emulator) => emulator.stop()));
