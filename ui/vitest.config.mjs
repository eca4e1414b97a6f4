import os from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { include: ['test/*.test.js'], reporters: ['default', '../scripts/failed-tests.mjs'], expect: { poll: { timeout: 15_000 } }, maxWorkers: os.availableParallelism() } });
