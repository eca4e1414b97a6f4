// As control-room.test.mjs: how the page is to see and to use.
import { looks } from '../ui/test/browser/all.mjs';
import { controlRoom } from './control-room.mjs';

looks(controlRoom());
