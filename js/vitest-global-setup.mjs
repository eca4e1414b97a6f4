// Vitest's globalSetup: one emulator for the whole run, for applications in other processes. Tests reach it with
// connectEmulator(), which finds LLEMULATOR_URL.
import llemulator from './index.js';

/** @type {import('./index.js').Emulator | undefined} */
let emulator;

export async function setup() {
  emulator = await llemulator.startEmulator();
  process.env.LLEMULATOR_URL = emulator.url;
}

export async function teardown() {
  delete process.env.LLEMULATOR_URL;
  await emulator?.stop();
}
