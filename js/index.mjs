// The door for `import`. Names are spelled out: Node finds them in CommonJS, other tools may not.
import llemulator from './index.js';

export const {
  startEmulator, connectEmulator, localModel, LLEmulatorError, reply, when,
  text, json, refusal, reasoning, toolCall, toolCalls, output,
  error, rateLimited, quotaExceeded, serverError, contextLengthExceeded, invalidApiKey,
  timeout, disconnect, stall, malformed, raw, generated, embedding, image, audio, moderation,
} = llemulator;
