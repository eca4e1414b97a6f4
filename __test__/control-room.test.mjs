// The control room's page in a browser against the emulator: the scenarios of `ui/test/browser`, whose stage `page` runs
// them against the contract in memory.
import { controls } from '../ui/test/browser/all.mjs';
import { controlRoom } from './control-room.mjs';

controls(controlRoom());
