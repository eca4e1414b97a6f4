// Debian's Prometheus scrapes a running emulator, with the configuration that docs/telemetry.md shows.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { ROOT } from '../../scripts/addon.mjs';
import { blocks } from '../../scripts/documents.mjs';
import { freePort, start } from '../../scripts/start.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'llemulator-prometheus-'));
const ends = [];
after(async () => {
  for (const end of ends) await end();
  rmSync(folder, { recursive: true, force: true });
});

test('what it scrapes is what was asked, under its own names and vLLM’s', async () => {
  const { line, stop } = await start(process.execPath, [path.join(ROOT, 'js/cli.js'), '--port', '0', '--metrics', 'vllm', '--log-level', 'warn']);
  ends.push(stop);
  const url = line.split(' ').at(-1);
  for (let i = 0; i < 3; i++) {
    const body = JSON.stringify({ model: 'gpt-4o', stream: i === 0, messages: [{ role: 'user', content: 'hello' }] });
    const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json' }, body });
    assert.match(await answer.text(), /Echo|hello/);
  }

  const [shown] = blocks('docs/telemetry.md', 'yaml');
  assert.match(shown, /127\.0\.0\.1:8080/);
  writeFileSync(path.join(folder, 'prometheus.yml'), `global: { scrape_interval: 1s }\n${shown.replace('127.0.0.1:8080', new URL(url).host)}`);
  const port = await freePort();
  // Its lines go to stderr; the first one of stdout is for whoever waits.
  const prometheus = await start('sh', ['-c', 'echo started; exec "$@"', 'sh', 'prometheus', `--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=error']);
  ends.push(prometheus.stop);

  const query = async (text) => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(text)}`).catch(() => undefined);
    return answer?.ok ? (await answer.json()).data.result : [];
  };
  let found = [];
  for (const end = performance.now() + 30_000; !found.length && performance.now() < end; await wait(100)) found = await query('llemulator_requests_total');
  const [{ metric, value }] = found;
  assert.deepEqual([metric.job, metric.operation, metric.status, metric.outcome, metric.answered_by, value[1]], ['llemulator', 'chat.completions.create', '200', 'fallback', 'echo', '3']);
  for (const [name, expected] of [
    ['up{job="llemulator"}', '1'],
    ['llemulator_time_to_first_token_seconds_count', '1'],
    ['llemulator_request_duration_seconds_count', '3'],
    ['llemulator_streams_open', '0'],
    ['llemulator_sessions', '1'],
    ['vllm:e2e_request_latency_seconds_count', '3'],
  ]) {
    assert.deepEqual((await query(name)).map(({ value: [, number] }) => number), [expected], name);
  }
});
