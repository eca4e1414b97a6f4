import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['__test__/**/*.test.mjs'],
    // The package is loaded as a user's would be, by Node, not rewritten by Vite.
    server: { deps: { external: [/\/js\//] } },
  },
});
