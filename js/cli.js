#!/usr/bin/env node
'use strict';
// The command line is written once, in Rust; here it is only called.
const { native } = require('./native.js');

// Rust handles these signals and then passes them on to the handler it found. Node's own one raises the signal again,
// without end; one that does nothing ends it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {});

/** @param {string[]} args */
async function run(args) {
  const onlySays = args.some((word) => ['--help', '-h', '--version', '-V', '--healthcheck'].includes(word));
  if (onlySays || !/--local|LLEMULATOR_LOCAL/.test([...args, ...Object.keys(process.env)].join())) return native().cli(args);
  // A model needs JavaScript, which the command line does not run: a process of its own answers for it.
  const { withLocalModel } = require('./local/command.js');
  const local = await withLocalModel(args);
  try {
    return native().cli(local.args);
  } finally {
    local.stop();
  }
}

run(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
