// Who starts one of the compose stacks can operate it: an emulator with the variables of each, reached as one in a
// container is, from elsewhere than its own loopback.
//   LLEMULATOR_COMPOSE=target/compose.json node --test deploy/test/compose.test.mjs      (run.mjs compose makes it)
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ROOT } from '../../scripts/addon.mjs';
import { start } from '../../scripts/start.mjs';

/** What other containers are needed for. */
const ELSEWHERE = /^(OTEL_|LLEMULATOR_(STORE|ADVERTISE|UPSTREAM))/;

const stacks = JSON.parse(readFileSync(process.env.LLEMULATOR_COMPOSE, 'utf8'));

for (const [file, { services }] of Object.entries(stacks)) {
  test(`${file}: its control room opens with the token that docs/containers.md names`, async () => {
    const [{ environment }] = Object.values(services).filter(({ build }) => build?.dockerfile === 'deploy/Dockerfile');
    const meant = (value) => value.replace(/\$\{\w+:-([^}]*)\}/g, '$1');
    const env = Object.fromEntries(Object.entries(environment).filter(([name]) => !ELSEWHERE.test(name)).map(([name, value]) => [name, meant(value)]));
    const { line, stop } = await start(process.execPath, ['js/cli.js', '--port', '0', '--host', '0.0.0.0'], { cwd: ROOT, env: { PATH: process.env.PATH, ...env } });
    const port = /:(\d+)$/.exec(line)[1];
    const pending = async (headers) => (await fetch(`http://127.0.0.1:${port}/api/pending`, { headers })).status;
    assert.deepEqual([await pending({}), await pending({ 'x-llemulator-control-token': 'llemulator' })], [403, 200]);
    await stop();
  });
}
