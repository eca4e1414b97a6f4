import { defineConfig } from 'vitest/config';

// What is polled for comes at once on an idle machine; one that runs all tests at a time is given more than vitest's second.
export default defineConfig({ test: { include: ['__test__/*.test.mjs'], reporters: ['default', './scripts/failed-tests.mjs'], expect: { poll: { timeout: 15_000 } } } });
