// The page in a browser against the contract in memory; `__test__/control-room.test.mjs` is the same against the emulator.
import { controls } from './browser/all.mjs';
import { mocked } from './browser/mock.mjs';

controls(mocked());
