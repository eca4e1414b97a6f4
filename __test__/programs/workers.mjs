// Worker threads that end in each of four ways: every answer is right, each server goes with its thread, and the main
// thread's stays.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { startEmulator } from 'llemulator';

async function ask(baseURL, apiKey) {
  const response = await fetch(`${baseURL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] }),
  });
  return (await response.json()).choices[0].message.content;
}

if (isMainThread) {
  const emulator = await startEmulator();
  const main = emulator.session();
  main.otherwise(() => 'main');
  const urls = [];
  for (const way of ['stop', 'leave', 'exit', 'exit while a function runs']) {
    await Promise.all(
      Array.from({ length: 5 }, async (_, i) => {
        const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { way, name: `${way} ${i}` } });
        worker.on('message', ({ answer, url }) => {
          assert.equal(answer, `${way} ${i}`);
          urls.push(url);
        });
        const [code] = await once(worker, 'exit');
        assert.equal(code, 0);
      }),
    );
    assert.equal(await ask(main.baseURL, main.apiKey), 'main');
  }
  assert.equal(urls.length, 20);
  for (const url of urls) await assert.rejects(fetch(url), `${url} is gone with its thread`);
  await emulator.stop();
} else {
  const { way, name } = workerData;
  const emulator = await startEmulator();
  const api = emulator.session();
  let called;
  const running = new Promise((resolve) => (called = resolve));
  api.replies(() => name, () => (called(), new Promise(() => {})));
  const answer = await ask(api.baseURL, api.apiKey);
  parentPort.postMessage({ answer, url: emulator.url });
  if (way === 'stop') await emulator.stop();
  if (way === 'exit while a function runs') {
    ask(api.baseURL, api.apiKey).catch(() => {});
    await running;
  }
  if (way.startsWith('exit')) process.exit(0);
}
