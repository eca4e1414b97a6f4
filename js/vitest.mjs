// Vitest: `test` with the fixtures `emulator`, `api` and `openai`, and the matchers.
import { expect, test as base } from 'vitest';
import llemulator from './index.js';
import shared from './matchers.js';

expect.extend(shared.matchers);

/** How often a name was taken: a test that is repeated, or has a namesake, gets a session of its own. */
const taken = new Map();

const nameOf = (task) => {
  const name = [task.file?.name, ...names(task)].join(' > ');
  const count = (taken.get(name) ?? 0) + 1;
  taken.set(name, count);
  return count === 1 ? name : `${name} #${count}`;
};

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
    const api = emulator.session(nameOf(task));
    const before = task.result?.errors?.length ?? 0;
    await use(api);
    // Only after a test that passed: a failure says more than what it left undone.
    if ((task.result?.errors?.length ?? 0) === before) api.finish();
  },
  openai: async ({ api }, use) => {
    const { default: OpenAI } = await import('openai');
    await use(new OpenAI(api));
  },
});

export const it = test;
export { expect };
export const { matchers } = shared;
