// llemulator/jest
import type { Emulator, EmulatorOptions } from '../index.js';
import type { SessionMatchers } from './matchers.js';

declare global {
  namespace jest {
    // For @types/jest.
    interface Matchers<R, T = {}> extends SessionMatchers<R> {}
  }
}

/**
 * Starts an emulator for a test file and adds the matchers. Call it at the top of the file or of a `describe`. Sessions
 * made in a test are finished when it has passed; the emulator is stopped after the last test.
 */
export function setupEmulator(options?: EmulatorOptions): Emulator;
/** The matchers, for `expect.extend()`. */
export const matchers: Record<keyof SessionMatchers, (this: any, received: unknown, ...expected: any[]) => { pass: boolean; message: () => string }>;
export type { SessionMatchers };
