// `node bench/rules.mjs [MODULES]`: what a request costs, and a rule takes, as the script grows; as a Markdown table.
// MODULES is a folder with an installed package to measure instead of this checkout. The server is this process and the
// load a child, so CPU time and memory are the server's. Every rule is asked for equally often.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const self = fileURLToPath(import.meta.url);
const FORMS = {
  'a text': (n) => ({ rule: { match: `question ${n}\\b` }, ask: { content: `Here is question ${n} of many` } }),
  'a pattern': (n) => ({ rule: { match: `^order ${n} .*refund` }, ask: { content: `order ${n} needs a refund` } }),
  'exact conditions': (n) => ({ rule: { match: { operation: 'chat', model: `gpt-4o-${n}`, stream: false } }, ask: { model: `gpt-4o-${n}` } }),
  'nothing matches': (n) => ({ rule: { match: `question ${n}\\b` }, ask: { content: 'Hello there' } }),
};
const KEY = 'sk-bench';

if (process.send) await load();
else await measure();

/** The child: posts to the server, round the rules, on 16 connections. */
async function load() {
  const autocannon = (await import('autocannon')).default;
  process.on('message', async ({ url, form, rules, amount }) => {
    const requests = Array.from({ length: Math.min(rules, 1000) }, (_, i) => {
      const { model = 'gpt-4o', content = 'hi' } = FORMS[form](Math.floor((i * rules) / Math.min(rules, 1000))).ask;
      return { body: JSON.stringify({ model, messages: [{ role: 'user', content }] }) };
    });
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${KEY}` };
    const result = await autocannon({ url: `${url}/v1/chat/completions`, method: 'POST', headers, requests, connections: 16, amount });
    process.send({ failed: result.non2xx + result.errors + result.timeouts });
  });
  process.send('ready');
}

async function measure() {
  const require = createRequire(path.join(process.argv[2] ? path.resolve(process.argv[2]) : path.dirname(path.dirname(self)), 'package.json'));
  const { startEmulator } = require('llemulator');
  const child = fork(self);
  await once(child, 'message');
  const run = async (task) => {
    child.send(task);
    return (await once(child, 'message'))[0];
  };
  console.log('| rules | form | load, ms | bytes a rule | µs of server CPU a request |\n|---:|---|---:|---:|---:|');
  for (const form of Object.keys(FORMS)) {
    for (const rules of [1, 1000, 10000]) {
      const emulator = await startEmulator({ validation: 'lenient', logLevel: 'error', models: 'any' }).catch(() => startEmulator());
      const script = JSON.stringify({ models: 'any', rules: Array.from({ length: rules }, (_, i) => ({ ...FORMS[form](i).rule, text: 'Fine.', times: -1 })) });
      const before = process.memoryUsage().rss;
      const began = performance.now();
      const answer = await fetch(`${emulator.url}/_emulator/script`, { method: 'POST', headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }, body: script });
      if (!answer.ok) throw new Error(await answer.text());
      const took = performance.now() - began;
      const memory = process.memoryUsage().rss - before;
      await run({ url: emulator.url, form, rules, amount: 2000 });
      const amount = 10_000;
      const { user, system } = process.cpuUsage();
      const { failed } = await run({ url: emulator.url, form, rules, amount });
      const after = process.cpuUsage();
      if (failed && form !== 'nothing matches') throw new Error(`${form}: ${failed} requests failed`);
      const cpu = (after.user + after.system - user - system) / amount;
      console.log(`| ${rules.toLocaleString('en')} | ${form} | ${took.toFixed(0)} | ${Math.round(memory / rules).toLocaleString('en')} | ${cpu.toFixed(1)} |`);
      await emulator.stop();
    }
  }
  child.kill();
}
