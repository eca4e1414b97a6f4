'use strict';
// How requests stand in a snapshot: without what differs from run to run.
const { REQUEST } = require('./session.js');

/** Ids that the emulator minted, in texts: `resp_0123…`. */
const IDS = /\b(resp|msg|rs|fc|call|chatcmpl|cmpl|conv|item|ctc|ws|mcp|modr|file|batch)([_-])(?=[0-9A-Za-z]*\d)[0-9A-Za-z]{12,}\b/g;

/** What a snapshot holds. Times, ids of requests and what clients add differ from run to run. */
const KEPT = ['operation', 'body', 'stream', 'toolResults', 'outcome', 'rule', 'status', 'said', 'explanation', 'aborted'];

/** @param {any} value */
const isRequest = (value) => Boolean(value?.[REQUEST]);

/**
 * Requests, or one, fit for a snapshot. Ids are numbered in the order in which they first come.
 * @param {any} value
 */
function forSnapshot(value) {
  /** @type {Map<string, string>} */
  const seen = new Map();
  const counts = /** @type {Record<string, number>} */ ({});
  const numbered = (/** @type {string} */ text) =>
    text.replace(IDS, (id, kind, mark) => {
      if (!seen.has(id)) seen.set(id, `${kind}${mark}${(counts[kind] = (counts[kind] ?? 0) + 1)}`);
      return /** @type {string} */ (seen.get(id));
    });
  const clean = (/** @type {any} */ part) =>
    JSON.parse(JSON.stringify(part, (_key, inner) => (typeof inner === 'string' ? numbered(inner) : inner)));
  const request = (/** @type {any} */ one) => clean(Object.fromEntries(KEPT.map((key) => [key, one[key]])));
  return Array.isArray(value) ? value.map(request) : request(value);
}

const serializer = {
  /** @param {any} value */
  test: (value) => isRequest(value) || (Array.isArray(value) && value.length > 0 && value.every(isRequest)),
  /**
   * @param {any} value
   * @param {any} config
   * @param {string} indentation
   * @param {number} depth
   * @param {any} refs
   * @param {(value: unknown, config: any, indentation: string, depth: number, refs: any) => string} printer
   */
  serialize: (value, config, indentation, depth, refs, printer) => printer(forSnapshot(value), config, indentation, depth, refs),
};

module.exports = { forSnapshot, serializer };
