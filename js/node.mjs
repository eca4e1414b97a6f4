// The door for `import`.
import node from './node.js';

export const { setupEmulator } = node;
