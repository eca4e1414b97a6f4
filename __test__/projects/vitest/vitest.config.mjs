import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { include: ['*.test.mjs'], globalSetup: 'llemulator/vitest/global-setup' } });
