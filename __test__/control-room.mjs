// An emulator with the control room's page, as a host of the scenarios of `ui/test/browser`.
import { startEmulator } from 'llemulator';
import { afterAll, beforeAll } from 'vitest';
import { ask, keys, launch } from '../ui/test/browser/support.mjs';

const SESSIONS = ['checkout', 'market', 'typed', 'keeper', 'shared', 'scripted', 'counted', 'away', 'many', 'hostile', 'axe', 'search', 'support', 'paused'];

/** Requests under way at once while many are made. */
const AT_ONCE = 20;

/** Has it there for the tests of a file, with a browser. @returns what scenarios are given */
export function controlRoom() {
  const host = {
    real: true,
    withToken: async (controlToken) => {
      const closed = await startEmulator({ host: '0.0.0.0', controlToken });
      return { url: `http://127.0.0.1:${closed.port}`, stop: () => closed.stop() };
    },
    many: async (count) => {
      let next = 0;
      const one = async () => {
        while (next < count) await ask(host.url, `number ${(next += 1)}`, { key: 'many' }).then((answer) => answer.text());
      };
      await Promise.all(Array.from({ length: AT_ONCE }, one));
    },
  };

  beforeAll(async () => {
    host.emulator = await startEmulator({ profile: 'relaxed', fallback: 'echo', journalSize: 20_000 });
    host.other = await startEmulator({ profile: 'relaxed', fallback: 'echo' });
    Object.assign(host, { url: host.emulator.url, upstream: host.other.url });
    host.browser = await launch();
    const post = async (path, body) => (await fetch(`${host.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).json();
    for (const name of SESSIONS) keys.set(name, (await post('/api/sessions', { name })).api_key);
    await post('/api/shared-script', { responses: { manual: { manual: true } }, defaults: { fallback: 'echo' } });
  });

  afterAll(async () => {
    await host.browser.close();
    await Promise.all([host.emulator.stop(), host.other.stop()]);
  });
  return host;
}
