// Vitest: `test` with the fixtures `emulator`, `api` and `openai`, the matchers and the serializer of requests.
import { createRequire } from 'node:module';
import { expect, test as base } from 'vitest';
import llemulator from './index.js';
import cassettes from './cassettes.js';
import runners from './runners.js';
import shared from './matchers.js';
import snapshots from './serializer.js';

const { version } = createRequire(import.meta.url)('vitest/package.json');
if (Number.parseInt(version, 10) < 3) throw new llemulator.LLEmulatorError('ERR_LLEMULATOR_RUNNER', `llemulator/vitest works with Vitest 3 and newer; this is ${version}`);

expect.extend(shared.matchers);
expect.addSnapshotSerializer(snapshots.serializer);

const taken = new Map();

/** The names of a test and the suites around it, outermost first. */
const names = (task) => (task ? [...names(task.suite), task.name].filter(Boolean) : []);

/** The tests that run. */
const running = new Set();
/** The sessions of each emulator: a `test.extend()` has one of its own, and may put another in its place. */
const made = new Map();

function sessionsOf(emulator) {
  // Of tests that run side by side none knows which of them makes a session.
  if (!made.has(emulator)) made.set(emulator, new runners.Sessions(emulator, () => (running.size === 1 ? [...running][0] : undefined)));
  return made.get(emulator);
}

const errors = (task) => task?.result?.errors?.length ?? 0;

export const test = base.extend({
  emulator: [
    async ({}, use) => {
      const emulator = await llemulator.startEmulator();
      sessionsOf(emulator);
      await use(emulator);
      await emulator.stop();
    },
    { scope: 'worker' },
  ],
  sessionsOfTest: [
    async ({ task }, use) => {
      // A test that is tried again keeps the errors it had.
      const before = errors(task);
      running.add(task);
      await use();
      running.delete(task);
      for (const sessions of made.values()) sessions.check(task, errors(task) > before);
    },
    { auto: true },
  ],
  sessionsOfFile: [
    async ({}, use) => {
      await use();
      for (const sessions of made.values()) {
        const left = await sessions.rest((task) => errors(task) > 0);
        if (left) throw left;
      }
    },
    { auto: true, scope: 'file' },
  ],
  api: async ({ emulator, task }, use) => {
    const api = emulator.session(runners.unique(taken, [task.file?.name, ...names(task)].join(' > ')));
    sessionsOf(emulator).give(api, task);
    await use(api);
  },
  cassette: async ({ api, task }, use) => {
    await use((...given) => cassettes.insert(api, task.file.filepath, ...given));
  },
  openai: async ({ api }, use) => {
    const { default: OpenAI } = await import('openai');
    await use(new OpenAI(api));
  },
});

export const it = test;
export { expect };
export const { matchers } = shared;
export const { serializer } = snapshots;
