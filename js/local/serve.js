'use strict';
// A process of its own for `npx llemulator --local NAME`: an emulator that the model answers, asked by the other as the
// upstream of one model's name. The command line's process is Rust's; JavaScript does not run in it.
const { startEmulator } = require('../emulator.js');
const { localModel } = require('../local.js');
const { when } = require('../rules.js');
const { library } = require('./engine.js');

/** Longer than weights take to come. */
const PATIENCE_MS = 86_400_000;

/** Says on stderr how far it is: a bar on a terminal, else a line for every quarter. */
function reporter() {
  let said = '';
  return (/** @type {import('./weights.js').Progress} */ { what, done, total }) => {
    const share = total ? done / total : 0;
    const doing = what === 'download' ? 'downloading the weights' : 'loading the model';
    const size = what === 'download' ? ` ${(done / 1e6).toFixed(0)}${total ? ` of ${(total / 1e6).toFixed(0)}` : ''} MB` : '';
    if (process.stderr.isTTY) {
      const bar = `llemulator: ${doing} [${'█'.repeat(Math.floor(share * 30)).padEnd(30)}] ${Math.floor(share * 100)} %${size}`;
      if (bar !== said) process.stderr.write(`\r${(said = bar)}${share === 1 ? '\n' : ''}`);
      return;
    }
    const line = `llemulator: ${doing}, ${Math.floor(share * 4) * 25} %`;
    if (line !== said) process.stderr.write(`${(said = line)}${size}\n`);
  };
}

/** @param {{ name: string, source: { path?: string, name?: 'smollm', url?: string }, threads?: number, contextSize?: number }} asked */
async function serve({ name, source, threads, contextSize }) {
  await library();
  const report = reporter();
  let told = -1;
  /** @param {import('./weights.js').Progress} progress */
  const onProgress = (progress) => {
    report(progress);
    const percent = Math.floor((100 * progress.done) / (progress.total || Infinity));
    if (percent !== told) serves({ value: 'loading', progress });
    told = percent;
  };
  const model = localModel({ ...source, threads, contextSize, onProgress });
  const emulator = await startEmulator({ profile: 'relaxed', auth: 'optional', models: 'any', callbackTimeoutMs: PATIENCE_MS, logLevel: 'error' });
  // A try that failed, such as a download that broke off, is made again by the next request.
  const answers = when({}, async function* answer(/** @type {any} */ request, /** @type {any} */ context) {
    if (!loading) await loads();
    return yield* /** @type {any} */ (model(request, context));
  }, { times: Infinity });
  // How far it is stands where llama.cpp's own server says it; the other process shows it on its page.
  /** @param {{ value: string, progress?: import('./weights.js').Progress }} status */
  const serves = (status) => void emulator.script({ reset: true, rules: [{ match: { operation: 'models.retrieve' }, object: { status }, times: 'unlimited' }, answers] });
  /** @type {Promise<void> | undefined} */
  let loading;
  const loads = () => (loading ??= load().catch((/** @type {Error} */ failed) => {
    loading = undefined;
    serves({ value: 'failed' });
    process.stderr.write(`llemulator: ${failed.message}\n`);
    throw failed;
  }));
  const load = async () => {
    const started = performance.now();
    serves({ value: 'loading' });
    await model.load();
    serves({ value: 'loaded' });
    process.stderr.write(`llemulator: the model ${name} is ready after ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  };
  loads().catch(() => {});
  process.send?.({ url: emulator.baseURL });
}

// Its parent's end is its own.
process.on('disconnect', () => process.exit());
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {});
serve(JSON.parse(process.argv[2])).catch((/** @type {Error} */ failed) => {
  process.stderr.write(`llemulator: ${failed.message}\n`);
  process.exit(1);
});
