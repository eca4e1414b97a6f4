module.exports = {
  transform: {},
  testPathIgnorePatterns: ['/node_modules/', '/failing/', '/late/'],
  globalSetup: 'llemulator/jest/global-setup',
  globalTeardown: 'llemulator/jest/global-teardown',
};
