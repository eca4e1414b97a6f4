// The conformance suite has a TypeScript whose types can be asked: the root's is a compiler alone.
import { createRequire } from 'node:module';

export default createRequire(new URL('../../conformance/js/index.js', import.meta.url))('typescript');
