// `node bench/rules.mjs [MODULES]`: what a request costs, and a rule takes, as the script grows; as a Markdown table.
// MODULES is a folder with an installed package to measure instead of this checkout. Every row has a server process of
// its own; the load comes from this one and asks for up to a thousand rules, spread over the script, in turn.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const self = fileURLToPath(import.meta.url);
const FORMS = {
  'a text': (n) => ({ match: `question ${n} of`, ask: { content: `Here is question ${n} of many` } }),
  'a pattern': (n) => ({ match: `^order ${n} .*refund`, ask: { content: `order ${n} needs a refund` } }),
  'exact conditions': (n) => ({ match: { operation: 'chat', model: `gpt-4o-${n}`, stream: false }, ask: { model: `gpt-4o-${n}` } }),
  'patterns, nothing matches': (n) => ({ match: `^order ${n} .*refund`, ask: { content: 'Hello there' } }),
};
const WARM = 3000;
const MEASURED = 20_000;
const headers = { 'content-type': 'application/json', authorization: 'Bearer sk-bench' };

if (process.send) await serve();
else await measure();

/** A server with an empty script that tells its address, then its CPU time and memory whenever asked. */
async function serve() {
  const root = process.argv[2] ? path.resolve(process.argv[2]) : path.resolve(path.dirname(self), '..');
  const { startEmulator } = createRequire(path.join(root, 'package.json'))('llemulator');
  const { url } = await startEmulator({ logLevel: 'error' });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send({ cpuUs: user + system, rss: process.memoryUsage().rss });
  });
  process.send({ url });
}

async function measure() {
  const { default: autocannon } = await import('autocannon');
  console.log('| rules | form | load, ms | bytes a rule | the same after use | µs of server CPU a request |\n|---:|---|---:|---:|---:|---:|');
  for (const form of Object.keys(FORMS)) {
    let frame;
    for (const rules of [1, 1000, 10_000]) {
      const child = fork(self, process.argv.slice(2));
      const [{ url }] = await once(child, 'message');
      const usage = async () => {
        child.send('usage');
        return (await once(child, 'message'))[0];
      };
      const post = async (body) => {
        const answer = await fetch(`${url}/_emulator/script`, { method: 'POST', headers, body: JSON.stringify(body) });
        if (!answer.ok) throw new Error(await answer.text());
      };
      const rule = (n) => ({ match: FORMS[form](n).match, text: 'Fine.', times: -1 });
      const requests = Array.from({ length: Math.min(rules, 1000) }, (_, i) => {
        const { model = 'gpt-4o', content = 'hi' } = FORMS[form](Math.floor(i * Math.max(1, rules / 1000))).ask;
        return { body: JSON.stringify({ model, messages: [{ role: 'user', content }] }) };
      });
      const load = (amount) => autocannon({ url: `${url}/v1/chat/completions`, method: 'POST', headers, requests, connections: 16, amount });
      await post({ models: 'any', responses: [] });
      const empty = await usage();
      const began = performance.now();
      await post({ rules: Array.from({ length: rules }, (_, n) => rule(n)) });
      const took = performance.now() - began;
      const full = await usage();
      await load(WARM);
      const warm = await usage();
      const result = await load(MEASURED);
      const done = await usage();
      if (result.errors + result.timeouts || (result.non2xx && form !== 'patterns, nothing matches')) throw new Error(`${form}: requests failed`);
      // What a server in use takes whatever its script: that of one rule.
      frame ??= done.rss - empty.rss;
      const each = (bytes) => (rules === 1 ? '' : Math.round(bytes / rules).toLocaleString('en'));
      const cpu = ((done.cpuUs - warm.cpuUs) / MEASURED).toFixed(1);
      console.log(`| ${rules.toLocaleString('en')} | ${form} | ${took.toFixed(0)} | ${each(full.rss - empty.rss)} | ${each(done.rss - empty.rss - frame)} | ${cpu} |`);
      child.kill();
    }
  }
}
