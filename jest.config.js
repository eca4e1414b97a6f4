'use strict';
// The tests of a user's Jest project on this checkout; __test__/projects/run.mjs runs them from the tarball, in every mode.
module.exports = {
  testMatch: ['<rootDir>/__test__/projects/jest/*.test.js'],
  transform: {},
  // Packing leaves a copy of the package there, whose name would be this one's.
  modulePathIgnorePatterns: ['<rootDir>/npm/', '<rootDir>/target/'],
  globalSetup: 'llemulator/jest/global-setup',
  globalTeardown: 'llemulator/jest/global-teardown',
};
