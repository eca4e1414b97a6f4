// The contract in memory, as a host of scenarios.
import { afterAll, beforeAll } from 'vitest';
import { startMock } from '../../mock/server.mjs';
import { launch } from './support.mjs';

/** Has it there for the tests of a file, with a browser. @returns what scenarios are given */
export function mocked() {
  const host = { real: false };

  beforeAll(async () => {
    const mock = await startMock();
    Object.assign(host, {
      mock, url: mock.url, browser: await launch(), withToken: (token) => startMock(0, token),
      many: async (count) => {
        for (let n = 0; n < count; n += 1) {
          const exchange = mock.world.begin({ model: 'gpt-4o', messages: [{ role: 'user', content: `number ${n}` }] }, 'many');
          mock.world.respond(exchange, null, { reply: { text: `Echo: number ${n}` }, by: 'echo', outcome: 'fallback' });
          // As fast as an emulator answers.
          if (n % 10 === 0) await new Promise((next) => setTimeout(next, 1));
        }
      },
    });
  });

  afterAll(async () => {
    await host.browser.close();
    await host.mock.stop();
  });
  return host;
}
