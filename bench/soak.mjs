// `npm run soak [-- --minutes 3 --streams 2000 --events 150 --report docs/soak.md]`: everything that goes wrong around an
// emulator that runs for long, at once and one after the other, while ordinary tests go on. Linux only; ends with 1 if
// something that must hold did not. `--minutes 15 --streams 10000 --events 3600`, an hour's worth of events, is the long
// form; LLEMULATOR_BINARY names a stand-alone binary to try instead of this checkout's addon.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { crowd, drips, fetchOnce, halfOpen, ordinary, probe, slowReaders, streams, upload } from './soak/clients.mjs';
import { fullCassettes, fullDataDirectory } from './soak/disk.mjs';
import { startServer } from './soak/server.mjs';

// What fails ends all of it, the child too.
if (process.send) process.on('disconnect', () => process.exit());
if (process.send) await helper();
else await soak();

/** A child: a plain Node server, and whoever asks it and the emulator for their health, unhindered by what the others do. */
async function helper() {
  const plain = http.createServer((_, response) => response.end('{"status":"ok"}'));
  plain.listen(0, '127.0.0.1');
  await once(plain, 'listening');
  let counted = true;
  let probes;
  process.on('message', async ({ port, counts, end }) => {
    counted = counts ?? counted;
    if (port) probes = [port, plain.address().port].map((one) => probe(one, '/healthz', 50, () => counted));
    if (end) {
      await Promise.all(probes.map((one) => one.end()));
      process.send(probes.map((one) => one.summary()));
    }
  });
  process.send('ready');
}

async function soak() {
  const { values } = parseArgs({ options: { minutes: { type: 'string', default: '3' }, streams: { type: 'string', default: '2000' }, events: { type: 'string' }, report: { type: 'string' } } });
  const seconds = Math.max(180, Number(values.minutes) * 60);
  const count = Number(values.streams);
  // One a second, unless more are wanted.
  const events = Number(values.events ?? seconds - 30);
  const every = Math.floor(((seconds - 30) * 1000) / events);
  // What is kept of answers that are open reaches its bound within the first half.
  const session = 3 * (count * 8192 + (16 << 20));
  const limit = count + 600;
  const server = await startServer({ descriptors: limit, megabytes: 1 }, () => ['--body-timeout-ms', '10000', '--journal-size', '10', '--max-session-bytes', String(session)]);
  const { port } = server;
  const health = fork(fileURLToPath(import.meta.url));
  await once(health, 'message');
  const rows = [];
  const say = (what, found, held) => {
    rows.push([what, found, held === undefined ? '' : held ? 'held' : '**failed**']);
    if (held === false) process.exitCode = 1;
    console.error(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s ${server.memory().toFixed(0).padStart(5)} MB  ${held === false ? 'FAILED  ' : ''}${what}: ${found}`);
  };
  // While the process stands still nobody can be on time, and for a moment after it.
  let counted = true;
  const counts = (yes) => health.send({ counts: (counted = yes) });
  const began = performance.now();
  // Holds nothing up itself: of two that are waited for, the later one may be this.
  const until = (part) => wait(Math.max(0, began + seconds * 1000 * part - performance.now()), undefined, { ref: false });

  const headers = { authorization: 'Bearer sk-streams', 'content-type': 'application/json' };
  const script = (key, responses) => fetchOnce(port, '/_emulator/script', { method: 'POST', headers: { ...headers, authorization: `Bearer ${key}` }, body: JSON.stringify({ responses }) });
  await script('sk-streams', { 'soak-paced': { text: 'lorem '.repeat(events).trim(), pace: { chunk: 'word', delay_ms: every } } });
  await script('sk-slow', { 'soak-long': { text: 'lorem '.repeat(100_000), pace: { chunk: 'word' } } });
  const idle = { descriptors: server.descriptors(), memory: server.memory() };

  health.send({ port });
  const open = await streams(port, count, events, every, () => counted);
  const ends = [await slowReaders(port, 50), halfOpen(port, 100), drips(port, 50)];
  const tests = ordinary(port, 4);
  await until(0.15);
  const gauge = async (name) => Number(new RegExp(`^llemulator_${name} (\\d+)`, 'm').exec((await fetchOnce(port, '/metrics')).text)[1]);
  // Journals keep what streams have said so far, until a session's bound is reached.
  const memory = async () => {
    const kept = (await gauge('kept_bytes')) / (1 << 20);
    return { kept, whole: server.memory(), text: `${server.memory().toFixed(0)} MB, ${kept.toFixed(0)} of them kept in journals` };
  };
  const seen = await gauge('streams_open');
  say(`open streams, of an event every ${every} ms`, `${seen} (50 of slow readers)`, seen === count + 50);

  await until(0.25);
  counts(false);
  server.signal('SIGSTOP');
  await wait(5000);
  server.signal('SIGCONT');
  await wait(2000);
  counts(true);
  say('SIGSTOP for 5 s, then SIGCONT', `${open.open} streams go on`, open.broken === 0 && open.open === count);

  await until(0.4);
  const others = await crowd(port, 1000);
  const used = server.descriptors();
  const waiting = fetchOnce(port, '/healthz');
  const asked = tests.seen.asked;
  await wait(3000);
  const went = tests.seen.asked - asked;
  others.forEach((socket) => socket.destroy());
  const served = (await waiting).status === 200;
  say('descriptors used up for 6 s', `${used} of ${limit} taken; ${went} answers on connections that were there; one that waited is served after it`, used > limit - 10 && went > 0 && served && open.broken === 0);

  await until(0.5);
  const before = await memory();
  if (server.small) {
    for (const [what, { found, held }] of [['a data directory', await fullDataDirectory()], ['recordings', await fullCassettes(server.url)]]) say(`disk of ${what} full`, found, held);
  } else say('disk of a data directory, and of recordings, full', 'not tried: no folder could be mounted here');

  await until(0.6);
  if (server.small) {
    const full = [];
    for (let i = 0; i < 10; i++) full.push(await upload(port, 4 << 20));
    const envelopes = full.every(({ status, text }) => status >= 500 && JSON.parse(text).error.message);
    const after = await upload(port, 1000);
    say('disk of temporary files full', `10 uploads of 4 MB answered ${[...new Set(full.map((one) => one.status))]}, each with an error's envelope; a small one after it ${after.status}`, envelopes && after.status === 200);
  } else say('disk of temporary files full', 'not tried: no folder could be mounted here');

  await until(0.7);
  if (server.clock) {
    for (const shift of ['+3600', '-3600', '+0']) {
      server.clock(shift);
      await wait(4000);
    }
    say('the clock jumps an hour ahead, two back, and to where it was', `${open.open} streams go on`, open.broken === 0 && open.open === count);
  } else say('the clock jumps', 'not tried: libfaketime is not installed');

  await until(0.85);
  const during = await memory();
  say('memory with all of this open', `${before.text}, after half of it; ${during.text}, near its end`, during.whole - before.whole < 8 && during.kept < 2 * (session / 3 / (1 << 20)));
  await Promise.race([open.finished, until(1.2)]);
  const late = open.late();
  say('streams that came whole, every event counted', `${open.whole} of ${count}`, open.whole === count);

  ends.forEach((end) => end());
  await tests.end();
  say('ordinary tests meanwhile', `${tests.seen.asked} answers, ${tests.seen.wrong.length} of them wrong ${[...new Set(tests.seen.wrong)].slice(0, 3).join('; ')}`, tests.seen.asked > 0 && tests.seen.wrong.length === 0);
  health.send({ end: true });
  const [[mine, plain]] = await once(health, 'message');
  health.disconnect();
  say('`/healthz`', `${ms(mine)}; ${mine.asked} asked, ${mine.failures} failed; the longest ${((mine.at - performance.timeOrigin - began) / 1000).toFixed(0)} s after the start`, mine.asked > 0 && mine.failures === 0 && mine.longest < Math.max(50, 3 * plain.longest));
  say('a plain Node server, asked beside it', ms(plain));
  say('an event behind its schedule', ms(late), late.p99 < Math.max(50, 4 * plain.p99));

  for (let i = 0; i < 100 && server.descriptors() > idle.descriptors + 5; i++) await wait(200);
  say('descriptors when all have left', `${server.descriptors()}, ${idle.descriptors} at the start`, server.descriptors() <= idle.descriptors + 5);
  say('memory when all have left', `${server.memory().toFixed(0)} MB, ${idle.memory.toFixed(0)} MB at the start`);
  const complaints = [...new Set(server.complaints())];
  say('complaints on stderr', complaints.join('; ') || 'none', complaints.length === 0);
  const ended = await server.stop();
  say('SIGTERM', `ended with ${ended}`, ended === 0);

  const report = [
    '# Soak', '',
    `For who wants to know what the emulator bears: \`npm run soak -- --minutes ${values.minutes} --streams ${count}\`, ${new Date().toISOString().slice(0, 10)}: Node ${process.version}, ${os.cpus().length} cores, load average ${os.loadavg().map((load) => load.toFixed(1)).join(', ')}; load and server share the machine.`, '',
    'All of it goes on at once: the streams, 50 readers who read nothing, 100 connections that stop in mid-head, 50 that drip their body, and ordinary tests under 200 keys, each answer of which is looked at. What is done to the process comes one after the other.', '',
    '| | found | |', '|---|---|---|', ...rows.map((cells) => `| ${cells.join(' | ')} |`), '',
  ].join('\n');
  console.log(report);
  if (values.report) writeFileSync(values.report, report);
}

function ms({ p50, p99, longest }) {
  return `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, longest ${longest.toFixed(1)} ms`;
}
