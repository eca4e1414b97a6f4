// llemulator/jest
import type { CassetteOptions, Emulator, EmulatorOptions, Session } from '../index.js';
import type { MatcherFunctions, RequestsSerializer, SessionMatchers } from './matchers.js';

declare global {
  namespace jest {
    // For @types/jest.
    interface Matchers<R, T = {}> extends SessionMatchers<R> {}
  }
}

// For @jest/globals. Without Jest's types there is nothing to add to.
// @ts-ignore
declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends SessionMatchers<R> {}
}

/**
 * Starts an emulator for a test file and adds the matchers. Call it at the top of the file or of a `describe`. Sessions
 * made in a test are finished when it has passed, those of `test.concurrent` after the last test. What comes after a
 * session's test is told then too, and the emulator is stopped.
 */
export function setupEmulator(options?: EmulatorOptions): JestEmulator;

export interface JestEmulator extends Emulator {
  /**
   * A session that is answered by the recordings in `__cassettes__/name.jsonl` beside the test's file.
   * `LLEMULATOR_RECORD=on-miss npx jest` records what is missing, `LLEMULATOR_RECORD=all` everything anew; where `CI` is set
   * nothing is.
   */
  cassette(name: string, options?: CassetteOptions): Session;
}
/** The matchers, for `expect.extend()`. */
export const matchers: MatcherFunctions;
/** The serializer, for `expect.addSnapshotSerializer()`. */
export const serializer: RequestsSerializer;
export type { SessionMatchers };
