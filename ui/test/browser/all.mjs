// Every scenario of the page, for whatever speaks the control room's contract; in two parts, which run at a time.
import { vi } from 'vitest';
import { connection } from './connection.mjs';
import { everybody } from './everybody.mjs';
import { live } from './live.mjs';
import { pending } from './pending.mjs';
import { pictures } from './pictures.mjs';
import { rest } from './rest.mjs';
import { whole } from './whole.mjs';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** What each control does. `host`: a `browser`, the `url` of the page once tests begin, and what they make there. */
export function controls(host) {
  live(host);
  pending(host);
  rest(host);
  connection(host);
}

/** How all of it is: smooth, safe, for everybody, as in the guide's pictures. `host` as above. */
export function looks(host) {
  whole(host);
  everybody(host);
  pictures(host);
}
