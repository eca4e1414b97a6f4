// Compiled strictly, with the types of @jest/globals.
import { expect, test } from '@jest/globals';
import { setupEmulator } from 'llemulator/jest';

const emulator = setupEmulator();

test('matchers', () => {
  const api = emulator.session();
  expect(api).toHaveReceivedRequests(1);
  expect(api).not.toHaveReceivedRequest({ body: {} });
  // @ts-expect-error a number
  expect(api).toHaveReceivedRequests('1');
});
