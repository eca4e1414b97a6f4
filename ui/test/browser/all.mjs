// Every scenario of the page, for whatever speaks the control room's contract.
import { vi } from 'vitest';
import { everybody } from './everybody.mjs';
import { live } from './live.mjs';
import { pending } from './pending.mjs';
import { pictures } from './pictures.mjs';
import { rest } from './rest.mjs';
import { whole } from './whole.mjs';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** `host`: a `browser`, the `url` of the page once tests begin, and what they make there. */
export function scenarios(host) {
  live(host);
  pending(host);
  rest(host);
  whole(host);
  everybody(host);
  pictures(host);
}
