'use strict';
// A real small model as a reply function.
const { LLEmulatorError, badArgument, isPlainObject, show, unknownName } = require('./errors.js');
const { library, loadEngine } = require('./local/engine.js');
const { promptOf } = require('./local/prompt.js');
const { addressOf, weights } = require('./local/weights.js');
const { mustBeAll } = require('./options.js');
const { contextLengthExceeded, error } = require('./replies.js');

/** The options: what each must be. @type {Record<string, (value: any) => string | undefined>} */
const OPTIONS = {
  path: mustBeText,
  name: mustBeText,
  url: (value) => (/^https?:\/\//.test(value) ? undefined : 'an address that begins with https:// or http://'),
  sha256: (value) => (/^[0-9a-f]{64}$/i.test(value) ? undefined : '64 hexadecimal digits'),
  cache: mustBeText,
  threads: (value) => mustBeWhole(value, 1, 1024),
  contextSize: (value) => mustBeWhole(value, 64, 1 << 24),
  queue: (value) => mustBeWhole(value, 0, 1 << 20),
  temperature: (value) => (value >= 0 && value <= 2 ? undefined : 'a number from 0 to 2'),
  topP: (value) => (value > 0 && value <= 1 ? undefined : 'a number above 0, up to 1'),
  seed: (value) => mustBeWhole(value, 0, 2 ** 32 - 1),
  gpu: (value) => (typeof value === 'boolean' ? undefined : 'true or false'),
  onProgress: (value) => (typeof value === 'function' ? undefined : 'a function'),
};

/** @param {unknown} value */
function mustBeText(value) {
  return typeof value === 'string' && value ? undefined : 'a string that is not empty';
}

/**
 * @param {unknown} value
 * @param {number} least
 * @param {number} most
 */
function mustBeWhole(value, least, most) {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most ? undefined : `a whole number from ${least} to ${most}`;
}

/** @type {typeof import('../index.d.ts').localModel} */
function localModel(options, ...rest) {
  mustBeAll('localModel()', rest, 'give all options in one object');
  if (!isPlainObject(options)) throw badArgument(`localModel(): expected an object such as { path: 'model.gguf' } or { name: 'smollm' }, not ${show(options)}`);
  const given = /** @type {Record<string, any>} */ (options);
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(OPTIONS, key)) throw unknownName('localModel(): there is no option ', key, Object.keys(OPTIONS));
    const expected = OPTIONS[key](value);
    if (expected) throw badArgument(`localModel(): ${key} must be ${expected}, not ${show(value)}`);
  }
  // A name that nobody knows is told at this line, not at the first request.
  addressOf(given);
  const model = new LocalModel(given);
  /** @type {any} */
  const reply = (/** @type {any} */ request, /** @type {{ signal: AbortSignal }} */ { signal }) => model.answer(request, signal);
  return Object.assign(reply, {
    load: () => model.load().then(() => undefined),
    dispose: () => model.dispose(),
    [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]: () => model.dispose(),
  });
}

class LocalModel {
  #options;
  /** @type {Promise<import('./local/engine.js').Engine> | undefined} */
  #engine;
  #waiting = 0;
  /** The end of whoever has the model now. @type {Promise<void>} */
  #turn = Promise.resolve();
  #disposed = new AbortController();

  /** @param {Record<string, any>} options */
  constructor(options) {
    this.#options = options;
  }

  /** Loads it, once; a try that failed can be made again. */
  load() {
    this.#engine ??= this.#start().catch((failed) => {
      this.#engine = undefined;
      throw failed;
    });
    return this.#engine;
  }

  async #start() {
    const { onProgress = () => {}, threads, contextSize = 4096, temperature = 0.7, topP = 0.9, seed = 0, gpu = false } = this.#options;
    // First what costs nothing to find out.
    const llamaCpp = await library();
    const file = await weights(this.#options, { signal: this.#disposed.signal, onProgress });
    return await loadEngine(llamaCpp, file, { threads, contextSize, temperature, topP, seed, gpu }, (done) => onProgress({ what: 'load', done, total: 1 }));
  }

  /**
   * Answers a request, one at a time.
   * @param {any} request
   * @param {AbortSignal} signal  the client has left
   */
  async *answer(request, signal) {
    const most = this.#options.queue ?? 16;
    if (this.#waiting > most) {
      return error(503, { message: `The local model is busy and ${most} requests wait for it already.`, code: 'local_model_busy', headers: { 'retry-after-ms': '1000' } });
    }
    const stop = AbortSignal.any([signal, this.#disposed.signal]);
    const before = this.#turn;
    let leave = () => {};
    this.#turn = new Promise((resolve) => (leave = () => resolve(undefined)));
    this.#waiting++;
    try {
      await before;
      if (stop.aborted) return undefined;
      const engine = await this.load();
      const prompt = promptOf(request);
      let total = { prompt: 0, completion: 0 };
      for (let choice = 0; choice < prompt.choices && !stop.aborted; choice++) {
        const ended = yield* spoken((say, gone) => engine.generate(prompt, choice, (piece) => say({ choice, ...piece }), gone), stop);
        if (ended.tooLong) return contextLengthExceeded({ message: `This model's maximum context length is ${engine.contextSize} tokens. However, your messages resulted in ${ended.prompt} tokens.` });
        total = { prompt: ended.prompt, completion: total.completion + ended.completion };
        yield { choice, finishReason: ended.finish };
      }
      yield { usage: { prompt_tokens: total.prompt, completion_tokens: total.completion, total_tokens: total.prompt + total.completion } };
    } finally {
      this.#waiting--;
      leave();
    }
  }

  async dispose() {
    this.#disposed.abort(new LLEmulatorError('ERR_LLEMULATOR_STOPPED', 'the local model was disposed'));
    await this.#turn;
    const engine = await this.#engine?.catch(() => undefined);
    await engine?.dispose();
  }
}

/**
 * What a run says, as it says it; the run is ended when nobody listens any more.
 * @template T
 * @param {(say: (piece: object) => void, signal: AbortSignal) => Promise<T>} run
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<object, T>}
 */
async function* spoken(run, signal) {
  const left = new AbortController();
  /** @type {object[]} */
  const pieces = [];
  let wake = () => {};
  let over = false;
  const ended = run((piece) => (pieces.push(piece), wake()), AbortSignal.any([signal, left.signal])).finally(() => ((over = true), wake()));
  // Looked at below; until then it is nobody's.
  ended.catch(() => {});
  try {
    for (;;) {
      while (pieces.length) yield /** @type {object} */ (pieces.shift());
      if (over) return await ended;
      await new Promise((resolve) => (wake = () => resolve(undefined)));
    }
  } finally {
    left.abort();
    // The next one may have the model when this one has let go of it.
    await ended.catch(() => {});
  }
}

module.exports = { localModel };
