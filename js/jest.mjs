// The door for `import`.
import jest from './jest.js';

export const { matchers, serializer, setupEmulator } = jest;
