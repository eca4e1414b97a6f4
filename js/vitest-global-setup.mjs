// Vitest's globalSetup: one emulator for the whole run, for applications in other processes. Tests reach it with
// connectEmulator(), which finds LLEMULATOR_URL.
import llemulator from './index.js';

/** @type {import('./index.js').Emulator | undefined} */
let emulator;

/** @param {{ onTestsRerun?: (hook: () => void) => void }} [project]  Vitest's; of its older versions without the hook */
export async function setup(project) {
  emulator = await llemulator.startEmulator();
  process.env.LLEMULATOR_URL = emulator.url;
  // Watching, the emulator outlives a run: what its sessions hold is that run's.
  project?.onTestsRerun?.(() => emulator?.reset());
}

export async function teardown() {
  delete process.env.LLEMULATOR_URL;
  await emulator?.stop();
}
