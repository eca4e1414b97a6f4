'use strict';
// The package: what index.d.ts describes.
const { connectEmulator } = require('./connect.js');
const { startEmulator } = require('./emulator.js');
const { LLEmulatorError } = require('./errors.js');
const replies = require('./replies.js');
const { when } = require('./rules.js');

/** @type {typeof import('../index.d.ts').localModel} */
// Loaded when it is wanted, as hardly anybody does.
const localModel = (options) => require('./local.js').localModel(options);

const reply = Object.freeze({ ...replies, when });

module.exports = { ...replies, when, reply, startEmulator, connectEmulator, localModel, LLEmulatorError };
