import os from 'node:os';
import { defineConfig } from 'vitest/config';

// What is polled for comes at once on an idle machine; one that runs all tests at a time is given more than vitest's second.
// Vitest leaves a processor to itself, but it only waits: of two, both work.
export default defineConfig({ test: { include: ['__test__/*.test.mjs'], reporters: ['default', './scripts/failed-tests.mjs'], expect: { poll: { timeout: 15_000 } }, maxWorkers: os.availableParallelism() } });
