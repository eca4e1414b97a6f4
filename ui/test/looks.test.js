// As page.test.js: how the page is to see and to use.
import { looks } from './browser/all.mjs';
import { mocked } from './browser/mock.mjs';

looks(mocked());
