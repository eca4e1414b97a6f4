// Errors as the client's classes, retries, and what the headers say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { ask, session, url } from './support.mjs';

const noRetries = { client: { maxRetries: 0 } };

for (const [status, Class] of [
  [400, OpenAI.BadRequestError],
  [401, OpenAI.AuthenticationError],
  [403, OpenAI.PermissionDeniedError],
  [404, OpenAI.NotFoundError],
  [409, OpenAI.ConflictError],
  [422, OpenAI.UnprocessableEntityError],
  [429, OpenAI.RateLimitError],
  [500, OpenAI.InternalServerError],
  [503, OpenAI.InternalServerError],
]) {
  test(`a scripted ${status} is a ${Class.name}`, async () => {
    const { client } = await session([{ error: { status, message: 'as told' } }], noRetries);
    await assert.rejects(client.chat.completions.create(ask()), (error) => {
      assert.ok(error instanceof Class, `${error}`);
      assert.equal(error.status, status);
      assert.match(error.message, /as told/);
      assert.deepEqual(Object.keys(error.error), ['message', 'type', 'param', 'code']);
      assert.match(error.requestID, /^req_[0-9a-f]{32}$/);
      return true;
    });
  });
}

test('an exhausted quota is told from a rate limit', async () => {
  const { client } = await session([{ error: { status: 429, code: 'insufficient_quota' } }], noRetries);
  await assert.rejects(client.chat.completions.create(ask()), (error) => {
    assert.deepEqual([error.code, error.type], ['insufficient_quota', 'insufficient_quota']);
    assert.match(error.message, /exceeded your current quota/);
    return true;
  });
});

test('the client retries a rate limit at once and counts its retries', async () => {
  const { client, requests } = await session([{ error: { status: 429 }, times: 2 }, 'third time lucky']);
  const started = performance.now();
  const completion = await client.chat.completions.create(ask());
  assert.equal(completion.choices[0].message.content, 'third time lucky');
  assert.ok(performance.now() - started < 1000, 'retry-after-ms keeps tests fast');
  const asked = await requests();
  assert.deepEqual(asked.map((one) => one.retry_count), [0, 1, 2]);
  assert.deepEqual(asked.map((one) => one.status), [429, 429, 200]);
});

test('retry-after-ms and retry-after are sent as scripted', async () => {
  const { client } = await session([{ error: { status: 429, retry_after_ms: 1500 } }], noRetries);
  await assert.rejects(client.chat.completions.create(ask()), (error) => {
    assert.equal(error.headers.get('retry-after-ms'), '1500');
    assert.equal(error.headers.get('retry-after'), '2');
    return true;
  });
});

test('an unscripted request says what to do and is not retried', async () => {
  const { client, requests } = await session([]);
  await assert.rejects(client.chat.completions.create(ask('what is this?')), (error) => {
    assert.deepEqual([error.status, error.type, error.code], [400, 'invalid_request_error', 'no_matching_rule']);
    assert.match(error.message, /what is this\?/);
    return true;
  });
  assert.equal((await requests()).length, 1);
});

test('a failed request uses no step of the script', async () => {
  const { client } = await session(['still here'], noRetries);
  await assert.rejects(client.chat.completions.create(ask('x', { model: 'no-such-model' })), OpenAI.NotFoundError);
  await assert.rejects(client.chat.completions.create({ model: 'gpt-4o', messages: [] }), OpenAI.BadRequestError);
  await assert.rejects(client.chat.completions.create(ask('x', { temperature: 3 })), OpenAI.BadRequestError);
  assert.equal((await client.chat.completions.create(ask())).choices[0].message.content, 'still here');
});

test('an unknown model: 404 on chat, 400 on responses, in OpenAI’s words', async () => {
  const { client } = await session('x', noRetries);
  await assert.rejects(client.chat.completions.create(ask('x', { model: 'no-such-model' })), (error) => {
    assert.equal(error.status, 404);
    assert.equal(error.code, 'model_not_found');
    assert.equal(error.error.message, 'The model `no-such-model` does not exist or you do not have access to it.');
    return true;
  });
  await assert.rejects(client.responses.create({ model: 'no-such-model', input: 'x' }), (error) => {
    assert.equal(error.status, 400);
    assert.deepEqual([error.code, error.param], ['model_not_found', 'model']);
    assert.equal(error.error.message, "The requested model 'no-such-model' does not exist.");
    return true;
  });
});

test('what OpenAI rejects is rejected with its param', async () => {
  const { client } = await session('x', noRetries);
  const cases = [
    [{ temperature: 'warm' }, 'invalid_type', 'temperature'],
    [{ nonsense: 1 }, 'unknown_parameter', 'nonsense'],
    [{ messages: [{ role: 'robot', content: 'x' }] }, 'invalid_value', 'messages[0].role'],
    [{ model: 'gpt-5', max_tokens: 5 }, 'unsupported_parameter', 'max_tokens'],
    [{ model: 'gpt-5', temperature: 0.5 }, 'unsupported_value', 'temperature'],
  ];
  for (const [more, code, param] of cases) {
    await assert.rejects(client.chat.completions.create(ask('x', more)), (error) => {
      assert.deepEqual([error.status, error.code, error.param], [400, code, param], error.message);
      return true;
    });
  }
});

test('a tool message without a call is refused', async () => {
  const { client } = await session('x', noRetries);
  const messages = [{ role: 'user', content: 'x' }, { role: 'tool', tool_call_id: 'call_1', content: 'y' }];
  await assert.rejects(client.chat.completions.create({ model: 'gpt-4o', messages }), (error) => {
    assert.equal(error.param, 'messages.[1].role');
    return true;
  });
});

test('keys: refused when empty, invalid or absent', async () => {
  const models = (headers) => fetch(`${url}/v1/models`, { headers });
  for (const authorization of [undefined, 'Bearer ', 'Bearer invalid-key', 'Bearer sk-invalid', 'Basic abc']) {
    const response = await models(authorization === undefined ? {} : { authorization });
    assert.equal(response.status, 401, authorization);
    const { error } = await response.json();
    assert.equal(error.type, 'invalid_request_error');
  }
  assert.equal((await models({ authorization: 'Bearer My API Key' })).status, 200);
});

test('an error in the middle of a stream reaches the reader', async () => {
  const { client } = await session([{ text: 'one two three', fault: { at: 2, kind: 'error' } }], noRetries);
  const stream = await client.chat.completions.create(ask('x', { stream: true }));
  let text = '';
  await assert.rejects(async () => {
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  }, OpenAI.APIError);
  assert.equal(text, 'one two');
});

test('withResponse() shows the headers clients read', async () => {
  const { client } = await session('x');
  const { response, request_id: id } = await client.chat.completions.create(ask()).withResponse();
  assert.match(id, /^req_[0-9a-f]{32}$/);
  const form = {
    'content-type': /^application\/json$/,
    'openai-version': /^2020-10-01$/,
    'openai-organization': /./,
    'openai-processing-ms': /^\d+$/,
    'openai-project': /^proj_[A-Za-z0-9]{24}$/,
    'x-ratelimit-limit-requests': /^\d+$/,
    'x-ratelimit-limit-tokens': /^\d+$/,
    'x-ratelimit-remaining-requests': /^\d+$/,
    'x-ratelimit-remaining-tokens': /^\d+$/,
    'x-ratelimit-reset-requests': /^(\d+m)?[\d.]+m?s$/,
    'x-ratelimit-reset-tokens': /^(\d+m)?[\d.]+m?s$/,
  };
  for (const [name, pattern] of Object.entries(form)) assert.match(response.headers.get(name) ?? '(absent)', pattern, name);
});
