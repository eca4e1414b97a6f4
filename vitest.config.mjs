import { defineConfig } from 'vitest/config';

// Vitest 5 runs on Node 20, but reports failures with this, which came with Node 21.
Map.groupBy ??= (items, keyOf) => {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
};

export default defineConfig({ test: { include: ['__test__/*.test.mjs'] } });
