'use strict';
// `--local NAME` of the command line: what belongs to it, and the process that answers for the model.
const { fork } = require('node:child_process');
const path = require('node:path');
const { LLEmulatorError } = require('../errors.js');
const { mustBeGguf } = require('./gguf.js');
const { ADDRESSES, weights } = require('./weights.js');

/** Its flags and their variables. */
const FLAGS = { '--local': 'LLEMULATOR_LOCAL', '--local-model': 'LLEMULATOR_LOCAL_MODEL', '--local-threads': 'LLEMULATOR_LOCAL_THREADS', '--local-context': 'LLEMULATOR_LOCAL_CONTEXT' };

/**
 * Takes what belongs to the local model out of the arguments and the environment.
 * @param {string[]} args
 * @param {Record<string, string | undefined>} env
 */
function split(args, env) {
  /** @type {Record<string, string>} */
  const given = {};
  const rest = [];
  for (const [flag, variable] of Object.entries(FLAGS)) {
    if (env[variable]) given[flag] = /** @type {string} */ (env[variable]);
    delete env[variable];
  }
  for (let at = 0; at < args.length; at++) {
    const [flag, ...value] = args[at].split('=');
    if (!Object.hasOwn(FLAGS, flag)) rest.push(args[at]);
    else if (value.length) given[flag] = value.join('=');
    else if (at + 1 < args.length && !args[at + 1].startsWith('-')) given[flag] = args[++at];
    else throw new LLEmulatorError('ERR_LLEMULATOR_ARGUMENT', `${flag} needs a value; see llemulator --help --all`);
  }
  return { given, rest };
}

/**
 * The model that is asked for; `undefined` when none is.
 * @param {Record<string, string>} given
 */
function wanted(given) {
  const { '--local': name, '--local-model': model } = given;
  if (name === undefined && model === undefined) {
    const [alone] = Object.keys(given);
    if (alone) throw new LLEmulatorError('ERR_LLEMULATOR_ARGUMENT', `${alone} changes nothing without a local model: name one with --local or --local-model`);
    return undefined;
  }
  const source = model === undefined ? { name } : /^https?:\/\//.test(model) ? { url: model } : { path: model };
  if (model === undefined && !Object.hasOwn(ADDRESSES, name)) {
    throw new LLEmulatorError('ERR_LLEMULATOR_ARGUMENT', `--local ${name}: no weights are known by this name (there are: ${Object.keys(ADDRESSES).join(', ')}); give yours with --local-model FILE.gguf`);
  }
  /** @param {'--local-threads' | '--local-context'} flag */
  const whole = (flag) => {
    if (given[flag] === undefined) return undefined;
    if (!/^[1-9]\d{0,8}$/.test(given[flag])) throw new LLEmulatorError('ERR_LLEMULATOR_ARGUMENT', `${flag} is ${JSON.stringify(given[flag])}; expected a whole number from 1`);
    return Number(given[flag]);
  };
  return { name: name ?? path.basename(/** @type {string} */ (model)).replace(/\.gguf$/i, ''), source, threads: whole('--local-threads'), contextSize: whole('--local-context') };
}

/**
 * Starts the process of a local model, if one is asked for; gives the arguments that are left, with where it answers.
 * @param {string[]} args
 * @returns {Promise<{ args: string[], stop: () => void }>}
 */
async function withLocalModel(args) {
  const { given, rest } = split(args, process.env);
  const model = wanted(given);
  if (!model) return { args: rest, stop: () => {} };
  // A file that holds no weights is refused before anything starts; a download tells of itself.
  if (model.source.path !== undefined) await mustBeGguf(await weights(model.source));
  const child = fork(path.join(__dirname, 'serve.js'), [JSON.stringify(model)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const url = await new Promise((resolve, reject) => {
    child.once('message', (/** @type {{ url: string }} */ message) => resolve(message.url));
    // Its own words are on stderr already.
    child.once('exit', (code) => reject(new LLEmulatorError('ERR_LLEMULATOR_LOCAL_MODEL', `the process of the local model ended with code ${code}`)));
  });
  return { args: ['--upstream-model', `${model.name}=${url}`, ...rest], stop: () => child.kill('SIGKILL') };
}

module.exports = { split, wanted, withLocalModel };
