// Two projects in one run.
import { defineConfig } from 'vitest/config';

const project = (name) => ({ test: { name, root: import.meta.dirname, include: ['*.test.mjs'] } });

export default defineConfig({ test: { projects: [project('one'), project('two')] } });
