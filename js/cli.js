#!/usr/bin/env node
'use strict';
// The command line is written once, in Rust; here it is only called.
const { native } = require('./native.js');

try {
  process.exitCode = native().cli(process.argv.slice(2));
} catch (error) {
  console.error(/** @type {Error} */ (error).message);
  process.exitCode = 1;
}
