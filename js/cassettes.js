'use strict';
// Cassettes with a test's name: a file beside the test, recorded when the environment says so.
const path = require('node:path');
const { badArgument, show } = require('./errors.js');
const { mustBeAll } = require('./options.js');

/** What a file's name cannot have on every system, or is awkward to type. */
const AWKWARD = /[^\p{L}\p{N}._-]+/gu;

/**
 * Lets a session play, and record, the cassette of this name.
 * @param {import('../index.js').Session} session
 * @param {string} test  the test's file
 * @param {string} name
 * @param {import('../index.js').CassetteOptions} [options]
 * @param {unknown[]} rest
 */
function insert(session, test, name, options, ...rest) {
  mustBeAll('cassette()', rest, 'give a name and one object of options');
  if (typeof name !== 'string' || !name.replace(AWKWARD, '')) throw badArgument(`cassette(): expected a name, not ${show(name)}`);
  const file = path.join(path.dirname(test), '__cassettes__', `${name.replace(AWKWARD, '-').replace(/^[-.]+|-+$/g, '')}.jsonl`);
  session.cassette(file, { ...fromEnvironment(), ...options });
}

/** `LLEMULATOR_RECORD=on-miss npx vitest` records what is missing. */
function fromEnvironment() {
  const { LLEMULATOR_RECORD: record, LLEMULATOR_UPSTREAM: upstream = 'https://api.openai.com/v1', LLEMULATOR_UPSTREAM_KEY, OPENAI_API_KEY } = process.env;
  if (!record) return {};
  return { record: /** @type {'on-miss' | 'all'} */ (record), upstream, upstreamKey: LLEMULATOR_UPSTREAM_KEY || OPENAI_API_KEY || undefined };
}

module.exports = { insert };
