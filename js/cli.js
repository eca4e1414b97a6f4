#!/usr/bin/env node
'use strict';
// The command line is written once, in Rust; here it is only called.
const { native } = require('./native.js');

// Rust handles these signals and then passes them on to the handler it found. Node's own one raises the signal again,
// without end; one that does nothing ends it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {});

try {
  process.exitCode = native().cli(process.argv.slice(2));
} catch (error) {
  console.error(/** @type {Error} */ (error).message);
  process.exitCode = 1;
}
