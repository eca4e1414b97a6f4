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

export const test = base.extend({
  emulator: [
    async ({}, use) => {
      const emulator = await llemulator.startEmulator();
      await use(emulator);
      await emulator.stop();
    },
    { scope: 'worker' },
  ],
  api: async ({ emulator, task }, use) => {
    const api = emulator.session(runners.unique(taken, [task.file?.name, ...names(task)].join(' > ')));
    const before = task.result?.errors?.length ?? 0;
    await use(api);
    runners.check(api, (task.result?.errors?.length ?? 0) > before);
  },
  cassette: async ({ api, task }, use) => {
    await use((name, options) => cassettes.insert(api, task.file.filepath, name, options));
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
