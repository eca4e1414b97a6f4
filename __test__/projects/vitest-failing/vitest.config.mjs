// For what it does to Node 20, so that failures are reported.
import '../../../vitest.config.mjs';

export default { test: { include: ['*.test.mjs'] } };
