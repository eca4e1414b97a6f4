export default { test: { include: ['*.test.mjs'], globalSetup: 'llemulator/vitest/global-setup' } };
