// What people build on the client: the Agents SDK, the AI SDK, LangChain.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOpenAI } from '@ai-sdk/openai';
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool as langchainTool } from '@langchain/core/tools';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, run, setTracingDisabled, tool as agentTool, toolNamespace, toolSearchTool } from '@openai/agents';
import { embed, generateText, isStepCount, Output, streamText, tool as aiTool } from 'ai';
import { z } from 'zod';
import { session, url } from './support.mjs';

const cities = z.object({ city: z.string() });
const callThenAnswer = [{ tool_calls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }] }, 'It is 4 °C in Oslo.'];

setTracingDisabled(true);
for (const Model of [OpenAIResponsesModel, OpenAIChatCompletionsModel]) {
  for (const stream of [false, true]) {
    test(`Agents SDK runs a tool, ${Model.name}, stream: ${stream}`, async () => {
      const { client } = await session(callThenAnswer);
      const asked = [];
      const weather = agentTool({
        name: 'get_weather',
        description: 'Weather of a city',
        parameters: cities,
        execute: ({ city }) => {
          asked.push(city);
          return '4 °C';
        },
      });
      const agent = new Agent({ name: 'Weather', instructions: 'Be brief.', model: new Model(client, 'gpt-4o-mini'), tools: [weather] });
      const result = await run(agent, 'Weather in Oslo?', { stream });
      if (stream) await result.completed;
      assert.equal(result.finalOutput, 'It is 4 °C in Oslo.');
      assert.deepEqual(asked, ['Oslo']);
    });
  }
}

for (const Model of [OpenAIResponsesModel, OpenAIChatCompletionsModel]) {
  for (const [model, store] of [['gpt-4o', true], ['gpt-5', true], ['gpt-5', false]]) {
    test(`Agents SDK takes its own history further, ${Model.name}, ${model}, store: ${store}`, async () => {
      const thought = model === 'gpt-5' && Model === OpenAIResponsesModel ? { reasoning: 'Hm.' } : {};
      const call = { ...thought, tool_calls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }] };
      const { client } = await session([call, { ...thought, text: 'Cold.' }, call, { ...thought, text: 'Still cold.' }]);
      const weather = agentTool({ name: 'get_weather', description: 'Weather', parameters: cities, execute: () => '4 °C' });
      const agent = new Agent({ name: 'Weather', model: new Model(client, model), tools: [weather], modelSettings: { store } });
      const first = await run(agent, 'Weather in Oslo?');
      const second = await run(agent, [...first.history, { role: 'user', content: 'And now?' }]);
      assert.equal(second.finalOutput, 'Still cold.');
    });
  }
}

for (const stream of [false, true]) {
  test(`Agents SDK finds a tool by the namespace its call names, stream: ${stream}`, async () => {
    const loaded = { type: 'function', name: 'find_customer', description: 'Customers of a city', defer_loading: true, strict: true, parameters: {} };
    const { client } = await session([
      { output: [
        { type: 'tool_search_call', arguments: { paths: ['crm'] } },
        { type: 'tool_search_output', tools: [{ type: 'namespace', name: 'crm', description: 'Customers', tools: [loaded] }] },
      ], tool_calls: [{ name: 'find_customer', arguments: { city: 'Oslo' } }] },
      'Ada lives there.',
    ]);
    const asked = [];
    const find = agentTool({
      name: 'find_customer',
      description: 'Customers of a city',
      parameters: cities,
      deferLoading: true,
      execute: ({ city }) => {
        asked.push(city);
        return 'Ada';
      },
    });
    const tools = [...toolNamespace({ name: 'crm', description: 'Customers', tools: [find] }), toolSearchTool()];
    const agent = new Agent({ name: 'CRM', instructions: 'Be brief.', model: new OpenAIResponsesModel(client, 'gpt-5.4'), tools });
    const result = await run(agent, 'Who lives in Oslo?', { stream });
    if (stream) await result.completed;
    assert.equal(result.finalOutput, 'Ada lives there.');
    assert.deepEqual(asked, ['Oslo']);
  });
}

const aiWeather = aiTool({ description: 'Weather of a city', inputSchema: cities, execute: async () => '4 °C' });
for (const kind of ['chat', 'responses']) {
  test(`AI SDK generates with a tool, ${kind}`, async () => {
    const { key } = await session(callThenAnswer);
    const model = createOpenAI({ apiKey: key, baseURL: `${url}/v1` })[kind]('gpt-4o-mini');
    const result = await generateText({ model, prompt: 'Weather in Oslo?', tools: { get_weather: aiWeather }, stopWhen: isStepCount(3) });
    assert.equal(result.text, 'It is 4 °C in Oslo.');
    assert.equal(result.steps.length, 2);
  });

  test(`AI SDK streams with a tool, ${kind}`, async () => {
    const { key } = await session(callThenAnswer);
    const model = createOpenAI({ apiKey: key, baseURL: `${url}/v1` })[kind]('gpt-4o-mini');
    const result = streamText({ model, prompt: 'Weather in Oslo?', tools: { get_weather: aiWeather }, stopWhen: isStepCount(3) });
    let text = '';
    for await (const piece of result.textStream) text += piece;
    assert.equal(text, 'It is 4 °C in Oslo.');
    assert.equal(await result.finishReason, 'stop');
  });

  test(`AI SDK gets an object, ${kind}`, async () => {
    const { key } = await session([{ json: { city: 'Oslo' } }]);
    const model = createOpenAI({ apiKey: key, baseURL: `${url}/v1` })[kind]('gpt-4o-mini');
    const { output } = await generateText({ model, prompt: 'Which city?', output: Output.object({ schema: cities }) });
    assert.deepEqual(output, { city: 'Oslo' });
  });
}

test('AI SDK embeds', async () => {
  const { key } = await session();
  const model = createOpenAI({ apiKey: key, baseURL: `${url}/v1` }).embedding('text-embedding-3-small');
  assert.equal((await embed({ model, value: 'x' })).embedding.length, 1536);
});

for (const useResponsesApi of [false, true]) {
  test(`LangChain calls a tool, useResponsesApi: ${useResponsesApi}`, async () => {
    const { key } = await session(callThenAnswer);
    const weather = langchainTool(async () => '4 °C', { name: 'get_weather', description: 'Weather of a city', schema: cities });
    const model = new ChatOpenAI({ apiKey: key, model: 'gpt-4o-mini', useResponsesApi, configuration: { baseURL: `${url}/v1` } }).bindTools([weather]);
    const messages = [new HumanMessage('Weather in Oslo?')];
    const first = await model.invoke(messages);
    assert.deepEqual(first.tool_calls.map((call) => [call.name, call.args]), [['get_weather', { city: 'Oslo' }]]);
    messages.push(first, new ToolMessage({ content: '4 °C', tool_call_id: first.tool_calls[0].id }));
    assert.equal((await model.invoke(messages)).text, 'It is 4 °C in Oslo.');
  });

  test(`LangChain streams, useResponsesApi: ${useResponsesApi}`, async () => {
    const { key } = await session('one two three');
    const model = new ChatOpenAI({ apiKey: key, model: 'gpt-4o-mini', useResponsesApi, configuration: { baseURL: `${url}/v1` } });
    let text = '';
    for await (const chunk of await model.stream('count')) text += chunk.text;
    assert.equal(text, 'one two three');
  });
}

test('LangChain embeds', async () => {
  const { key } = await session();
  const embeddings = new OpenAIEmbeddings({ apiKey: key, model: 'text-embedding-3-small', configuration: { baseURL: `${url}/v1` } });
  assert.equal((await embeddings.embedQuery('x')).length, 1536);
});
