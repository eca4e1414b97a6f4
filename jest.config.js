'use strict';
// A user's Jest project, in small; __test__/projects/ has one installed from the tarball, in every mode.
module.exports = {
  testMatch: ['<rootDir>/__test__/jest/*.test.js'],
  transform: {},
  // Packing leaves a copy of the package there, whose name would be this one's.
  modulePathIgnorePatterns: ['<rootDir>/npm/', '<rootDir>/target/'],
  globalSetup: 'llemulator/jest/global-setup',
  globalTeardown: 'llemulator/jest/global-teardown',
};
