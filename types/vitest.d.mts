// llemulator/vitest
import type { TestAPI } from 'vitest';
// @ts-ignore openai is an optional peer
import type OpenAI from 'openai';
import type { CassetteOptions, Emulator, Session } from '../index.js';
import type { MatcherFunctions, RequestsSerializer, SessionMatchers } from './matchers.js';

declare global {
  namespace Chai {
    // Vitest's own interfaces have other parameters in every version; this one they all extend.
    interface Assertion extends SessionMatchers<void> {}
  }
}

/** What a test gets. */
export interface Fixtures {
  /**
   * One for each worker. Sessions that a test makes are finished when it has passed; those made outside, or by one of
   * several tests that run side by side, after the file's last test; so is what comes after a session's test.
   */
  emulator: Emulator;
  /** A session named after the test. `finish()` runs after a test that passed. */
  api: Session;
  /**
   * Lets `api` be answered by the recordings in `__cassettes__/name.jsonl` beside the test's file.
   * `LLEMULATOR_RECORD=on-miss npx vitest` records what is missing, `LLEMULATOR_RECORD=all` everything anew; where `CI` is
   * set nothing is.
   */
  cassette: (name: string, options?: CassetteOptions) => void;
  /** A client of that session; needs the package `openai`. */
  openai: OpenAI;
}

/** Vitest's `test` with these fixtures; extend it with your own. */
export const test: TestAPI<Fixtures>;
/** The same. */
export const it: typeof test;
export { expect } from 'vitest';
/** The matchers, already added to Vitest's `expect`. */
export const matchers: MatcherFunctions;
/** The serializer, already added to Vitest's snapshots. */
export const serializer: RequestsSerializer;
