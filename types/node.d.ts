// llemulator/node
import type { Session, SessionOptions } from '../index.js';

/** What is used of a test of `node:test`. */
export interface TestContext {
  readonly name: string;
  readonly fullName?: string;
  readonly passed?: boolean;
  after(hook: () => void): void;
}

/** A session named after the test, on an emulator of this process. `finish()` runs after a test that passed. */
export function setupEmulator(t: TestContext, options?: SessionOptions): Promise<Session>;
