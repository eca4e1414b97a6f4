// The types say what the package does: compiled by tsc, never run.
import * as jest from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import OpenAI from 'openai';
import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions';
import {
  type ClientOptions, type Emulator, type LLEmulatorError, type RecordedRequest, type RemoteSession, type ReplyObject, type Rule, type Session,
  connectEmulator, disconnect, error, output, raw, reply, startEmulator, text, toolCall, toolCalls, when,
} from 'llemulator';
import { setupEmulator as setupJest } from 'llemulator/jest';
import { assertReceivedRequest, assertReceivedRequests, setupEmulator as setupNode } from 'llemulator/node';
import { test as vitest } from 'llemulator/vitest';
import { setup } from 'llemulator/vitest/global-setup';

expectTypeOf<NonNullable<Parameters<typeof startEmulator>[0]>>().toHaveProperty('checkReplies');
expectTypeOf(startEmulator).returns.resolves.toEqualTypeOf<Emulator>();
// @ts-expect-error a port is a number
void startEmulator({ port: 'any' });
// @ts-expect-error no such option
void startEmulator({ prot: 1 });

export async function use(): Promise<void> {
  await using emulator = await startEmulator({ clock: 'instant', seed: 1 });
  const api = emulator.session('name', { clock: 'manual' });
  expectTypeOf(emulator.session({ seed: 1 })).toEqualTypeOf<Session>();
  expectTypeOf(api).toExtend<ClientOptions>();
  // A session is what the client takes.
  const openai = new OpenAI(api);
  expectTypeOf(openai.chat).not.toBeAny();

  const queue = emulator.queue('session:name');
  expectTypeOf(queue.add('One.', error(429), { reply: text('x'), times: Infinity }, { response: {}, status: 201, fill: true })).toEqualTypeOf<string[]>();
  // @ts-expect-error functions answer requests as they come
  queue.add(() => 'x');
  // @ts-expect-error no such key
  queue.add({ response: {}, stauts: 1 });
  emulator.on('pending', (request) => emulator.answer(request, request.smallest, { keep: /x/, times: 2 }));
  emulator.on('cancelled', ({ reason }) => expectTypeOf(reason).toEqualTypeOf<'client_left' | 'timed_out' | 'reset' | 'stopped'>());
  expectTypeOf(emulator.answer('1', ['a', 'b'])).toEqualTypeOf<Promise<void>>();
  emulator.act('1', 'fallback', { to: 'echo' });
  // @ts-expect-error no such way out
  emulator.act('1', 'fallback', { to: 'nowhere' });
  // @ts-expect-error no such event
  emulator.on('pendng', () => {});
  const elsewhere = await connectEmulator();
  expectTypeOf(elsewhere.queue('127.0.0.1').add('One.')).toEqualTypeOf<Promise<string[]>>();
  expectTypeOf(elsewhere.pending).resolves.toExtend<readonly { asked: string }[]>();

  api.replies('Paris.', text('one', { chunk: 'word', delayMs: [1, 2] }), toolCall('f', { a: 1 }), error(429, { retryAfterMs: null }), raw({ body: {} }));
  api.replies(() => 'x', async () => text('x'), () => undefined, async () => {}, () => {});
  api.replies(async function* (request) {
    yield request.lastUserText;
    yield toolCall('f');
  });
  api.replies(async () => (function* () { yield 'a'; })());
  api.replies((request, { signal }) => {
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    expectTypeOf(request.toolResults[0]?.name).toEqualTypeOf<string | null>();
    return request.messages.map((message) => message.text).join();
  });
  api.replies(when(/x/i, 'y', { times: Infinity }), when({ toolResult: 'f', not: { stream: true } }, () => 'z'), when('a', ['b', () => 'c']));
  // @ts-expect-error at least one
  api.replies();
  // @ts-expect-error a number is no reply
  api.replies(42);
  // @ts-expect-error a list is spread
  api.replies(['a', 'b']);
  // @ts-expect-error no such condition
  when({ usr: 'x' }, 'y');
  // @ts-expect-error no such option
  text('x', { delay: 1 });
  // @ts-expect-error calls only
  toolCalls(text('x'));
  // @ts-expect-error a function gives a reply
  api.replies(() => 42);
  // @ts-expect-error a rule is no reply
  api.otherwise(when('a', 'b'));

  // @ts-expect-error no such key of a reply
  api.replies({ txet: 'x' });
  // @ts-expect-error an OpenAI message is no reply
  api.replies({ role: 'assistant', content: 'x' });
  api.replies({ text: 'x', pace: { delay_ms: 1 } });
  api.script('Hello');
  api.script(['a', { match: /x/, text: 'b' }, () => 'c']);
  api.script({ reset: true, models: ['...', { id: 'm' }], responses: { '^hello': 'Hi', '.*': { text: 'x' } }, rules: [{ match: { user: /x/, not: 'y' }, response: () => 'x', times: 'unlimited' }] });
  api.script({ defaults: { fallback: 'echo', chaos: [{ error: { status: 503 }, every: 2 }], rate_limits: { '*': { rpm: 3 } } } });
  // @ts-expect-error no such key of a script
  api.script({ respones: [] });
  // @ts-expect-error nor of a reply in it
  api.script({ responses: ['a', { txet: 'x' }] });
  // @ts-expect-error nor of a condition
  api.script({ rules: [{ match: { usr: 'x' }, response: 'y' }] });
  // @ts-expect-error nor of a fault
  emulator.script({ responses: [{ text: 'x', fault: { kind: 'explode' } }] });

  expectTypeOf(api.requests).toEqualTypeOf<readonly RecordedRequest[]>();
  expectTypeOf(api.lastRequest).toEqualTypeOf<RecordedRequest | undefined>();
  expectTypeOf(api.transcript()).toBeString();
  expectTypeOf(api.finish()).toBeVoid();
  expectTypeOf(api.clock.now).toBeNumber();
  const chat = await api.waitForRequest((request): request is RecordedRequest<'chat.completions.create'> => request.operation === 'chat.completions.create');
  expectTypeOf(chat.body).toEqualTypeOf<ChatCompletionCreateParams>();
  expectTypeOf(chat.body.model).not.toBeAny();
  const request = await api.waitForRequest();
  expectTypeOf(request.body).toBeAny();
  if (request.operation === 'chat.completions.create') expectTypeOf(request.body).toEqualTypeOf<ChatCompletionCreateParams>();
  if (request.operation === 'models.list') expectTypeOf(request.body).toBeAny();
  // @ts-expect-error no such operation
  if (request.operation === 'chat.create') void 0;
  api.replies((asked) => (asked.operation === 'responses.create' ? String(asked.body.instructions) : 'x'));
  expectTypeOf(emulator.stop()).resolves.toBeVoid();

  const remote = await (await connectEmulator('http://127.0.0.1:8080')).session();
  expectTypeOf(remote).toEqualTypeOf<RemoteSession>();
  expectTypeOf(remote.requests).resolves.toEqualTypeOf<readonly RecordedRequest[]>();
  expectTypeOf(remote.clock.mode).resolves.toEqualTypeOf<'real' | 'instant' | 'manual'>();
  expectTypeOf(remote.clock.advance(1)).resolves.toBeVoid();
  await remote.replies('a', when('x', 'y'));
  // @ts-expect-error no functions elsewhere
  await remote.replies(() => 'x');
  // @ts-expect-error nor in rules
  await remote.replies(when('x', () => 'y'));
}

expectTypeOf(reply.text).toEqualTypeOf(text);
expectTypeOf(disconnect('x', { at: 2 })).toEqualTypeOf<ReplyObject>();
expectTypeOf(output(['a', toolCall('f'), { type: 'web_search_call' }])).toEqualTypeOf<ReplyObject>();
expectTypeOf(when('a', 'b')).toExtend<Rule>();
expectTypeOf<LLEmulatorError['code']>().toExtend<`ERR_LLEMULATOR_${string}`>();

vitest('fixtures', async ({ api, openai, emulator, expect }) => {
  expectTypeOf(api).toEqualTypeOf<Session>();
  expectTypeOf(openai).toEqualTypeOf<OpenAI>();
  expectTypeOf(emulator).toEqualTypeOf<Emulator>();
  expect(api).toHaveReceivedRequests(1);
  expect(api).not.toHaveReceivedRequest({ body: {} });
  expect(api).toHaveCalledTool('f', { a: 1 });
  expect(api).toHaveUsedAllReplies();
  expect(api).toHaveStreamed();
  expect(api).toHaveReceivedMessages(['a', /b/, { role: 'tool', text: expect.any(String) }]);
  // @ts-expect-error no such role
  expect(api).toHaveReceivedMessages([{ role: 'robot' }]);
  // @ts-expect-error a number
  expect(api).toHaveReceivedRequests('1');
});
expectTypeOf(setupJest).returns.toExtend<Emulator>();
expectTypeOf(setupNode).returns.resolves.toEqualTypeOf<Session>();
expectTypeOf(setup).returns.resolves.toBeVoid();

jest.test('@jest/globals', () => {
  const api = setupJest().session();
  jest.expect(api).toHaveReceivedRequest({ body: {} });
  jest.expect(api).not.toHaveUsedAllReplies();
  // @ts-expect-error a number
  jest.expect(api).toHaveReceivedRequests('1');
});

export async function assertions(api: Session, remote: RemoteSession): Promise<void> {
  expectTypeOf(assertReceivedRequest(api, { body: {} })).toBeVoid();
  expectTypeOf(assertReceivedRequests(remote, 1)).resolves.toBeVoid();
}
