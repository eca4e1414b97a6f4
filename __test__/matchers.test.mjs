// The matchers: what passes, and what a failure says. In Jest, node:test and other versions of Vitest: projects/.
import { afterAll, expect, test } from 'vitest';
import { connectEmulator, disconnect, startEmulator, text, toolCall } from 'llemulator';
import * as node from 'llemulator/node';
import { assertReceivedMessages, assertReceivedRequest, assertUsedAllReplies, forSnapshot } from 'llemulator/node';
import 'llemulator/vitest';
import { chat, client, pieces, thrown } from './support.mjs';

const emulator = await startEmulator();
afterAll(() => emulator.stop());

/** What a failed expectation says. */
const failure = (act) => thrown(act).message;

test('the nearest request is shown with the difference', async () => {
  const api = emulator.session();
  api.otherwise('ok');
  await chat(api, 'one', { temperature: 0.5 });
  await chat(api, 'two', { temperature: 0.5 });
  await client(api).responses.create({ model: 'gpt-4o', input: 'three' });
  expect(api).toHaveReceivedRequest({ body: { model: /^gpt/, messages: [{ content: 'two' }], temperature: expect.any(Number) } });
  expect(api).not.toHaveReceivedRequest({ body: { messages: [] } });
  const wanted = { operation: 'chat.completions.create', body: { messages: [{ role: 'user', content: /^TWO/ }], temperature: 0.5, seed: 1 } };
  expect(failure(() => expect(api).toHaveReceivedRequest(wanted))).toBe(`expected the session to have received a request with:

- Expected
+ Received: request 2, the nearest of 3

  {
    "operation": "chat.completions.create",
    "body": {
      "messages": [
        {
          "role": "user",
-         "content": /^TWO/,
+         "content": "two",
        },
      ],
      "temperature": 0.5,
-     "seed": 1,
    },
  }

The session:
1. chat.completions.create user: "one"
   → [fallback] 200 "ok"
2. chat.completions.create user: "two"
   → [fallback] 200 "ok"
3. responses.create user: "three"
   → [fallback] 200 "ok"`);
  expect(failure(() => expect(api).not.toHaveReceivedRequest({ body: { input: 'three' } }))).toContain('request 3 is one');
  expect(failure(() => expect(emulator.session()).toHaveReceivedRequest({ body: {} }))).toContain('it received none');
  expect(failure(() => expect(api).toHaveReceivedRequests(1))).toContain('to have received 1 request; it received 3');
  // The same words for node:test.
  expect(thrown(() => assertReceivedRequest(api, wanted))).toMatchObject({ code: 'ERR_ASSERTION', message: failure(() => expect(api).toHaveReceivedRequest(wanted)) });
});

test('a conversation is the same whatever the endpoint', async () => {
  const api = emulator.session();
  const openai = client(api);
  api.otherwise('ok');
  await openai.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'system', content: 'Be terse.' }, { role: 'user', content: [{ type: 'text', text: 'Hi' }] }] });
  const asked = [{ role: 'system', text: /terse/ }, 'Hi'];
  expect(api).toHaveReceivedMessages(asked);
  expect(api).not.toHaveReceivedMessages(['Hi']);
  const other = emulator.session();
  other.otherwise('ok');
  await client(other).responses.create({ model: 'gpt-4o', instructions: 'Be terse.', input: 'Hi' });
  expect(other).toHaveReceivedMessages(asked);
  assertReceivedMessages(other, asked);
  expect(failure(() => expect(other).toHaveReceivedMessages([{ role: 'system' }, { role: 'user', text: 'Ho' }, 'more']))).toContain(`
    {
      "role": "user",
-     "text": "Ho",
+     "text": "Hi",
    },
-   {"text":"more"},
  ]`);
});

test('an answer was streamed to its end, or not', async () => {
  const api = emulator.session();
  api.replies('whole', text('one two', { chunk: 'word' }), disconnect(text('one two', { chunk: 'word' }), { at: 1 }));
  await chat(api, 'x');
  expect(failure(() => expect(api).toHaveStreamed())).toContain('-   "stream": true,\n+   "stream": false,');
  await pieces(api, 'y');
  expect(api).toHaveStreamed();
  expect(api).toHaveStreamed({ body: { messages: [{ content: 'y' }] } });
  await expect(pieces(api, 'z')).rejects.toThrow();
  expect(api).not.toHaveStreamed({ body: { messages: [{ content: 'z' }] } });
});

test('an answer that still streams was not streamed to its end', async () => {
  const api = emulator.session();
  api.replies(text('one two', { chunk: 'word', hold: { afterChunks: 1, until: 'go' } }));
  const streamed = pieces(api, 'x');
  await api.waitForRequest(({ waitingFor, status }) => waitingFor && status);
  expect(failure(() => expect(api).toHaveStreamed())).toContain('-   "state": "done",\n+   "state": "in_flight",');
  expect(api).not.toHaveStreamed();
  api.release('go');
  await streamed;
  expect(api).toHaveStreamed({ state: 'done', stream: true, status: expect.any(Number), aborted: false });
});

test('a tool was called with other arguments', async () => {
  const api = emulator.session();
  api.replies(toolCall('get_weather', { city: 'Oslo', days: 2 }, { check: false }), 'Cold.');
  const openai = client(api);
  const messages = [{ role: 'user', content: 'x' }];
  const { message } = (await openai.chat.completions.create({ model: 'gpt-4o', messages })).choices[0];
  expect(failure(() => expect(api).toHaveCalledTool('get_weather'))).toContain('it called: none');
  messages.push(message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: '4 °C' });
  await openai.chat.completions.create({ model: 'gpt-4o', messages });
  expect(api).toHaveCalledTool('get_weather', { city: 'Oslo' });
  expect(failure(() => expect(api).toHaveCalledTool('get_weather', { city: 'Rome' }))).toContain('-   "city": "Rome",\n+   "city": "Oslo",');
  expect(failure(() => expect(api).toHaveCalledTool('get_time'))).toContain('it called: get_weather({"city":"Oslo","days":2})');
  // Requests in a snapshot: the id of the call is numbered, here and there.
  expect(api.requests).toMatchSnapshot();
  expect(forSnapshot(api.lastRequest)).not.toHaveProperty('headers');
});

test('of an emulator elsewhere they are promises', async () => {
  const api = await (await connectEmulator(emulator.url)).session('elsewhere');
  await api.replies('Paris.', 'left');
  await chat(api, 'x');
  await expect(api).toHaveReceivedRequests(1);
  await expect(api).not.toHaveUsedAllReplies();
  await expect(expect(api).toHaveReceivedMessages(['y'])).rejects.toThrow('+     "text": "x"');
  await expect(assertUsedAllReplies(api)).rejects.toThrow('1 reply was not used');
});

test('what can never hold is refused, also when it is negated', async () => {
  const api = emulator.session();
  api.otherwise('ok');
  await chat(api, 'x');
  const keys = Object.keys(api.lastRequest).join(', ');
  const cases = {
    toHaveReceivedRequests: [[[], 'whole number from 0, not undefined'], [['1'], 'not "1"'], [[NaN], 'not NaN (a number)'], [[{}], 'not {}'], [[-1], 'not -1'], [[1.5], 'not 1.5'], [[1, 2], 'toHaveReceivedRequests(): 2 (a number) is an argument too many']],
    toHaveReceivedRequest: [
      [[], `toHaveReceivedRequest(): expected an object with some of ${keys}, not undefined`],
      [[() => true], 'not () => true'],
      [[/re/], 'not /re/'],
      [[[]], 'not []'],
      [[{}, { body: {} }], 'toHaveReceivedRequest(): {"body":{}} is an argument too many'],
      [[{ bdy: {} }], 'did you mean body?'],
      [[{ model: 'gpt-4o' }], `toHaveReceivedRequest(): there is no key (what was sent stands in body) model; there are: ${keys}`],
    ],
    toHaveReceivedMessages: [[[['x'], 'y'], 'toHaveReceivedMessages(): "y" is an argument too many; give all messages in one list'], [[], 'a list of messages, not undefined'], [['x'], 'not "x"'], [[['x', 1]], 'message 2: expected an object with some of role, text, not 1'], [[[{ rol: 'user' }]], 'message 1: there is no key rol; there are: role, text; did you mean role?']],
    toHaveStreamed: [[['chat'], 'not "chat"'], [[null], 'not null'], [[{ operatoin: 'x' }], 'did you mean operation?'],
      [[{ status: 500 }], 'toHaveStreamed(): status is 500, but of an answer streamed to its end it is 200; leave it out, or ask toHaveReceivedRequest()'],
      ...[{ stream: false }, { aborted: true }, { state: 'in_flight' }, { explanation: /cut/ }, { waitingFor: { kind: 'hold' } }, { status: undefined }, { stream: expect.any(String) }].map((subset) => [[subset], 'but of an answer streamed to its end it is']),
      [[{}, {}], 'toHaveStreamed(): {} is an argument too many'], [[expect.objectContaining({})], 'ObjectContaining']],
    toHaveUsedAllReplies: [[[1], 'toHaveUsedAllReplies(): 1 (a number) is an argument too many']],
    toHaveCalledTool: [[['f', {}, {}], 'toHaveCalledTool(): {} is an argument too many'], [[], "the tool's name, not undefined"], [[{ name: 'f' }], 'not {"name":"f"}'], [[/x/], 'not /x/']],
  };
  const elsewhere = await (await connectEmulator(emulator.url)).session();
  for (const [name, calls] of Object.entries(cases)) {
    for (const [args, message] of calls) {
      const refused = { code: 'ERR_LLEMULATOR_ARGUMENT', message: expect.stringContaining(message) };
      expect(thrown(() => expect(api)[name](...args))).toMatchObject(refused);
      expect(thrown(() => expect(api).not[name](...args))).toMatchObject(refused);
      expect(thrown(() => node[name.replace('toHave', 'assert')](api, ...args))).toMatchObject(refused);
      expect(thrown(() => expect(elsewhere).not[name](...args))).toMatchObject(refused);
    }
  }
  expect(api).toHaveReceivedRequest(expect.objectContaining({ outcome: 'fallback' }));
  expect(api).toHaveReceivedMessages([expect.objectContaining({ role: 'user' })]);
  expect(api).not.toHaveStreamed({});
});

test('what is no session is refused', () => {
  expect(failure(() => expect([]).toHaveReceivedRequests(1))).toContain('expected a session, as emulator.session() gives it; got []');
});
