// The door for `import`.
import node from './node.js';

export const {
  setupEmulator, cassette, forSnapshot,
  assertReceivedRequests, assertReceivedRequest, assertReceivedMessages, assertStreamed, assertCalledTool, assertUsedAllReplies,
} = node;
