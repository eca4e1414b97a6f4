'use strict';
// The package: what index.d.ts describes.
const { connectEmulator } = require('./connect.js');
const { startEmulator } = require('./emulator.js');
const { LLEmulatorError } = require('./errors.js');
const replies = require('./replies.js');
const { when } = require('./rules.js');

const reply = Object.freeze({ ...replies, when });

module.exports = { ...replies, when, reply, startEmulator, connectEmulator, LLEmulatorError };
