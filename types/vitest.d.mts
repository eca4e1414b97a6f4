// llemulator/vitest
import type { TestAPI } from 'vitest';
// @ts-ignore openai is an optional peer
import type OpenAI from 'openai';
import type { Emulator, Session } from '../index.js';
import type { SessionMatchers } from './matchers.js';

declare module 'vitest' {
  // As Vitest 5 declares it.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> extends SessionMatchers<R> {}
}

/** What a test gets. */
export interface Fixtures {
  /** One for each worker. */
  emulator: Emulator;
  /** A session named after the test. `finish()` runs after a test that passed. */
  api: Session;
  /** A client of that session; needs the package `openai`. */
  openai: OpenAI;
}

/** Vitest's `test` with these fixtures; extend it with your own. */
export const test: TestAPI<Fixtures>;
/** The same. */
export const it: typeof test;
export { expect } from 'vitest';
/** The matchers, already added to Vitest's `expect`. */
export const matchers: Record<keyof SessionMatchers, (this: any, received: unknown, ...expected: any[]) => { pass: boolean; message: () => string }>;
