// Structured outputs and the client's tool loops.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zodFunction, zodResponseFormat, zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { ask, session, weatherTool } from './support.mjs';

const Event = z.object({ name: z.string(), day: z.string(), people: z.array(z.string()) });
const event = { name: 'Science fair', day: 'Friday', people: ['Alice', 'Bob'] };

test('chat.completions.parse with a zod schema', async () => {
  const { client } = await session([{ json: event }]);
  const { choices } = await client.chat.completions.parse(ask('When?', { response_format: zodResponseFormat(Event, 'event') }));
  assert.deepEqual(choices[0].message.parsed, event);
  assert.equal(choices[0].message.content, JSON.stringify(event));
});

test('a refusal leaves nothing parsed', async () => {
  const { client } = await session([{ refusal: 'No.' }]);
  const { choices } = await client.chat.completions.parse(ask('When?', { response_format: zodResponseFormat(Event, 'event') }));
  assert.equal(choices[0].message.parsed, null);
  assert.equal(choices[0].message.refusal, 'No.');
});

test('chat.completions.stream parses what it streamed', async () => {
  const { client } = await session([{ json: event }]);
  const stream = client.chat.completions.stream(ask('When?', { response_format: zodResponseFormat(Event, 'event') }));
  const completion = await stream.finalChatCompletion();
  assert.deepEqual(completion.choices[0].message.parsed, event);
});

test('chat.completions.parse parses the arguments of a zod function', async () => {
  const { client } = await session([{ tool_calls: [{ name: 'plan', arguments: event }] }]);
  const { choices } = await client.chat.completions.parse(ask('Plan it', { tools: [zodFunction({ name: 'plan', parameters: Event })] }));
  assert.deepEqual(choices[0].message.tool_calls[0].function.parsed_arguments, event);
});

test('responses.parse with a zod schema', async () => {
  const { client } = await session([{ json: event }]);
  const response = await client.responses.parse({ model: 'gpt-4o-mini', input: 'When?', text: { format: zodTextFormat(Event, 'event') } });
  assert.deepEqual(response.output_parsed, event);
});

test('responses.parse parses the arguments of a zod function', async () => {
  const { client } = await session([{ tool_calls: [{ name: 'plan', arguments: event }] }]);
  const response = await client.responses.parse({
    model: 'gpt-4o-mini',
    input: 'Plan it',
    tools: [zodResponsesFunction({ name: 'plan', parameters: Event })],
  });
  assert.deepEqual(response.output[0].parsed_arguments, event);
});

test('what zod describes is generated so that zod accepts it', async () => {
  const strings = ['email', 'uuid', 'uuidv7', 'url', 'hostname', 'emoji', 'base64', 'jwt', 'nanoid', 'cuid2', 'ulid', 'ipv4', 'ipv6', 'cidrv4', 'e164'];
  const times = ['datetime', 'date', 'time', 'duration'];
  const Tree = z.object({ name: z.string(), get children() { return z.array(Tree); } });
  const All = z.object({
    ...Object.fromEntries(strings.map((name) => [name, z[name]()])),
    ...Object.fromEntries(times.map((name) => [name, z.iso[name]()])),
    key: z.string().startsWith('sk-').endsWith('z').min(10).max(12),
    path: z.string().regex(/^[\w.+-]+\/[\w-]{2,}$/),
    quarter: z.number().multipleOf(0.25).min(1).max(2),
    small: z.int().nonnegative().max(3),
    literal: z.literal(['a', 1, null]),
    maybe: z.string().nullable(),
    either: z.discriminatedUnion('type', [
      z.object({ type: z.literal('a'), x: z.int() }),
      z.object({ type: z.literal('b'), y: z.array(z.string()).min(2) }),
    ]),
    both: z.intersection(z.object({ a: z.string() }), z.object({ b: z.number().max(3) })),
    tuple: z.tuple([z.string(), z.int()]),
    record: z.record(z.enum(['k', 'l']), z.boolean()),
    tree: Tree,
  });
  const { client } = await session(undefined, { script: { defaults: { fallback: 'generate' } } });
  const schema = z.toJSONSchema(All);
  for (let seed = 0; seed < 10; seed += 1) {
    const format = { type: 'json_schema', json_schema: { name: 'all', schema } };
    const { choices } = await client.chat.completions.create(ask('Go', { seed, response_format: format }));
    All.parse(JSON.parse(choices[0].message.content));
    const stream = await client.responses.create({ model: 'gpt-4o', input: `Go ${seed}`, stream: true, text: { format: { type: 'json_schema', name: 'all', schema } } });
    let text = '';
    for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta;
    All.parse(JSON.parse(text));
  }
});

test('json_object answers JSON', async () => {
  const { client } = await session([{ json: { a: 1 } }]);
  const { choices } = await client.chat.completions.create(ask('Answer in json', { response_format: { type: 'json_object' } }));
  assert.deepEqual(JSON.parse(choices[0].message.content), { a: 1 });
});

for (const stream of [false, true]) {
  test(`runTools calls the function and goes on, stream: ${stream}`, async () => {
    const { client, requests } = await session([
      { tool_calls: ['Oslo', 'Rome'].map((city) => ({ name: 'get_weather', arguments: { city } })) },
      'Cold in Oslo, warm in Rome.',
    ]);
    const asked = [];
    const tool = {
      ...weatherTool,
      function: {
        ...weatherTool.function,
        parse: JSON.parse,
        function: ({ city }) => {
          asked.push(city);
          return city === 'Oslo' ? '4 °C' : '20 °C';
        },
      },
    };
    const runner = client.chat.completions.runTools(ask('Weather?', { tools: [tool], stream }));
    assert.equal(await runner.finalContent(), 'Cold in Oslo, warm in Rome.');
    assert.deepEqual(asked, ['Oslo', 'Rome']);
    assert.equal((await requests()).filter((one) => one.operation === 'chat.completions.create').length, 2);
  });
}

for (const stream of [false, true]) {
  test(`a loop of generated tool calls ends by itself, stream: ${stream}`, async () => {
    const { client, requests } = await session(undefined, { script: { defaults: { fallback: { generate: { tools: 'sequence' } } } } });
    const asked = [];
    const tool = (name) => ({
      type: 'function',
      function: {
        name,
        parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
        parse: JSON.parse,
        function: ({ city }) => (asked.push([name, city]), 'fine'),
      },
    });
    const runner = client.chat.completions.runTools(ask('The weather in Oslo?', { tools: [tool('first'), tool('second')], stream }));
    assert.ok((await runner.finalContent()).length > 100);
    assert.deepEqual(asked, [['first', 'Oslo'], ['second', 'Oslo']]);
    assert.equal((await requests()).length, 2);
  });
}
