'use strict';
// llama.cpp in this process, by the optional package node-llama-cpp: loaded only when a model is asked for.
const { createRequire } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { LLEmulatorError } = require('../errors.js');
const { mustBeGguf } = require('./gguf.js');
const { freeThreads } = require('./threads.js');

/** The version that is tested. */
const VERSION = '3.21.1';

/** How much less likely what was said before is. */
const REPEAT_PENALTY = 1.1;

/** The package, from where we are installed or from the user's project. */
async function library() {
  let missing;
  for (const from of [__filename, path.join(process.cwd(), 'package.json')]) {
    let found;
    try {
      found = createRequire(from).resolve('node-llama-cpp');
    } catch (cause) {
      missing = cause;
      continue;
    }
    // Bundlers leave it alone: it is not there for most.
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ pathToFileURL(found).href);
  }
  throw new LLEmulatorError('ERR_LLEMULATOR_LOCAL_MODEL', `a local model needs the package node-llama-cpp, which is not installed: npm install --save-dev node-llama-cpp@${VERSION}`, { cause: missing });
}

/**
 * A loaded model.
 * @typedef {object} Engine
 * @property {number} contextSize
 * @property {(prompt: import('./prompt.js').LocalPrompt, choice: number, say: (piece: Record<string, any>) => void, signal: AbortSignal) => Promise<Ending>} generate
 * @property {() => Promise<void>} dispose
 *
 * @typedef {{ prompt: number, completion: number, finish: string, tooLong?: boolean }} Ending
 */

/**
 * @param {any} llamaCpp  the package
 * @param {string} file
 * @param {{ threads?: number, contextSize: number, temperature: number, topP: number, seed: number, gpu: boolean }} settings
 * @param {(share: number) => void} onProgress  from 0 to 1
 * @returns {Promise<Engine>}
 */
async function loadEngine(llamaCpp, file, settings, onProgress) {
  await mustBeGguf(file);
  const threads = settings.threads ?? freeThreads();
  // Never compiles and never downloads: what is not there is an error.
  const llama = await llamaCpp.getLlama({ gpu: settings.gpu ? 'auto' : false, build: 'never', logLevel: 'error', maxThreads: threads });
  const loading = llama.loadModel({ modelPath: file, onLoadProgress: onProgress, ...(settings.gpu ? {} : { gpuLayers: 0 }) });
  const model = await loading.catch((/** @type {Error} */ cause) => {
    throw new LLEmulatorError('ERR_LLEMULATOR_LOCAL_MODEL', `the weights ${file} cannot be loaded, they may be damaged or of a kind that node-llama-cpp does not know: ${cause.message}`, { cause });
  });
  const contextSize = Math.min(settings.contextSize, model.trainContextSize ?? settings.contextSize);
  const context = await model.createContext({ contextSize, threads });
  const sequence = context.getSequence();
  const template = model.fileInfo?.metadata?.tokenizer?.chat_template;
  const chatWrapper = template ? new llamaCpp.JinjaTemplateChatWrapper({ template, tokenizer: model.tokenizer }) : 'auto';
  const chat = new llamaCpp.LlamaChat({ contextSequence: sequence, chatWrapper });
  const completion = new llamaCpp.LlamaCompletion({ contextSequence: sequence });

  /** @param {import('./prompt.js').LocalPrompt} prompt */
  const grammarOf = async ({ schema, json, forced, anyOf, functions }) => {
    const of = (/** @type {any} */ made) => llama.createGrammarForJsonSchema(made);
    if (schema) return await of(schema);
    if (json) return await llama.getGrammarFor('json');
    if (forced) return await of(functions?.[forced].params);
    if (anyOf) return await of({ oneOf: anyOf.map((name) => ({ type: 'object', properties: { name: { const: name }, arguments: functions?.[name].params } })) });
    return undefined;
  };

  /** @param {import('./prompt.js').LocalPrompt} prompt */
  const tokensOf = ({ text, history, functions }) => {
    if (text !== undefined) return model.tokenize(text).length;
    const { contextText } = chat.chatWrapper.generateContextState({ chatHistory: history, availableFunctions: functions });
    return contextText.tokenize(model.tokenizer).length;
  };

  return {
    contextSize,
    async generate(prompt, choice, say, signal) {
      const asked = tokensOf(prompt);
      const room = contextSize - asked;
      if (room < 1) return { prompt: asked, completion: 0, finish: 'length', tooLong: true };
      const before = sequence.tokenMeter.getState();
      const grammar = await grammarOf(prompt);
      const { forced, anyOf } = prompt;
      const calls = forced !== undefined || anyOf !== undefined;
      /** @type {string[]} */
      const held = [];
      /** @type {number | undefined} */
      let call;
      const options = {
        signal,
        stopOnAbortSignal: true,
        maxTokens: Math.min(prompt.maxTokens ?? room, room),
        temperature: prompt.temperature ?? settings.temperature,
        topP: prompt.topP ?? settings.topP,
        seed: ((prompt.seed ?? settings.seed) + choice) >>> 0,
        customStopTriggers: prompt.stop,
        // Small models say the same for ever otherwise.
        repeatPenalty: { penalty: REPEAT_PENALTY, frequencyPenalty: prompt.frequencyPenalty, presencePenalty: prompt.presencePenalty },
        onTextChunk: (/** @type {string} */ text) => {
          if (anyOf) held.push(text);
          else if (forced) say({ toolCall: held.push(text) > 1 ? { argumentsDelta: text } : { name: forced, argumentsDelta: text } });
          else say({ textDelta: text });
        },
      };
      let finish;
      if (prompt.text !== undefined) {
        const { metadata } = await completion.generateCompletionWithMeta(prompt.text, { ...options, grammar });
        finish = metadata.stopReason;
      } else {
        const more = grammar
          ? { grammar }
          : prompt.functions && {
              functions: prompt.functions,
              maxParallelFunctionCalls: prompt.parallel ? undefined : 1,
              onFunctionCallParamsChunk: (/** @type {any} */ { callIndex, functionName, paramsChunk }) => {
                say({ toolCall: call === callIndex ? { argumentsDelta: paramsChunk } : { name: functionName, argumentsDelta: paramsChunk } });
                call = callIndex;
              },
            };
        const { metadata } = await chat.generateResponse(prompt.history, { ...options, ...more });
        finish = metadata.stopReason;
      }
      if (anyOf && finish !== 'maxTokens' && !signal.aborted) {
        const { name, arguments: given } = JSON.parse(held.join(''));
        say({ toolCall: { name, argumentsDelta: JSON.stringify(given) } });
      }
      const { usedOutputTokens } = sequence.tokenMeter.diff(before);
      return {
        prompt: asked,
        completion: usedOutputTokens,
        finish: finish === 'maxTokens' ? 'length' : calls || finish === 'functionCalls' ? 'tool_calls' : 'stop',
      };
    },
    dispose: async () => {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    },
  };
}

module.exports = { library, loadEngine };
