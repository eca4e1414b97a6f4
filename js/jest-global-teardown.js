'use strict';
// Jest's globalTeardown: stops what jest-global-setup.js started.
module.exports = async () => {
  delete process.env.LLEMULATOR_URL;
  await /** @type {any} */ (globalThis).__LLEMULATOR__?.stop();
};
