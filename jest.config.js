'use strict';
module.exports = { testMatch: ['<rootDir>/__test__/jest/*.test.js'], transform: {} };
