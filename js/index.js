'use strict';
// The package: what index.d.ts describes.
const { startEmulator } = require('./emulator.js');
const { LLEmulatorError } = require('./errors.js');
const replies = require('./replies.js');
const { when } = require('./rules.js');

// What few test files want is loaded when they want it.
/** @param {Parameters<typeof import('./connect.js').connectEmulator>} given */
const connectEmulator = (...given) => require('./connect.js').connectEmulator(...given);
/** @type {typeof import('../index.d.ts').localModel} */
const localModel = (...given) => require('./local.js').localModel(...given);

const reply = Object.freeze({ ...replies, when });

module.exports = { ...replies, when, reply, startEmulator, connectEmulator, localModel, LLEmulatorError };
