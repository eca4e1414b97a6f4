// `npm run soak [-- --minutes 3 --streams 2000 --events 150 --report docs/soak.md]`: everything that goes wrong around an
// emulator that runs for long, at once and one after the other, while ordinary tests go on. Linux only; ends with 1 if
// something that must hold did not. `--minutes 15 --streams 10000 --events 3600`, an hour's worth of events, is the long
// form; LLEMULATOR_BINARY names a stand-alone binary to try instead of this checkout's addon.
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { apart } from './soak/apart.mjs';
import { crowd, drips, fetchOnce, halfOpen, ordinary, slowReaders, upload } from './soak/clients.mjs';
import { fullCassettes, fullDataDirectory } from './soak/disk.mjs';
import { startServer } from './soak/server.mjs';

/** How long it stands still, and in how many seconds it must have made up for it. */
const STOPPED_MS = 5000;
const CATCH_UP_S = 10;

/** The part of its time that others may have the processors, if its times are to say something of it. */
const MOST_WAITED = 0.25;

await soak();

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
  const [health, readers] = [await apart('health'), await apart('readers')];
  const loadBefore = os.loadavg()[0];
  const rows = [];
  const say = (what, found, held) => {
    rows.push([what, found, held === undefined ? '' : held === null ? 'not judged' : held ? 'held' : '**failed**']);
    if (held === false) process.exitCode = 1;
    console.error(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s ${server.memory().toFixed(0).padStart(5)} MB  ${held === false ? 'FAILED  ' : ''}${what}: ${found}`);
  };
  // While the process stands still nobody can be on time, and until what was due meanwhile has been sent.
  const counts = (yes) => Promise.all([health, readers].map((one) => one.ask('counts', yes)));
  const began = performance.now();
  // Holds nothing up itself: of two that are waited for, the later one may be this.
  const until = (part) => wait(Math.max(0, began + seconds * 1000 * part - performance.now()), undefined, { ref: false });

  const headers = { authorization: 'Bearer sk-streams', 'content-type': 'application/json' };
  const script = (key, responses) => fetchOnce(port, '/_emulator/script', { method: 'POST', headers: { ...headers, authorization: `Bearer ${key}` }, body: JSON.stringify({ responses }) });
  await script('sk-streams', { 'soak-paced': { text: 'lorem '.repeat(events).trim(), pace: { chunk: 'word', delay_ms: every } } });
  await script('sk-slow', { 'soak-long': { text: 'lorem '.repeat(100_000), pace: { chunk: 'word' } } });
  const idle = { descriptors: server.descriptors(), memory: server.memory() };

  await health.ask('begin', { port, pid: server.pid });
  // Opened hundreds at a time, many begin late: the schedule counts once all are open and have caught up with it.
  await readers.ask('counts', false);
  const opening = performance.now();
  await readers.ask('begin', { port, beside: await health.ask('port'), count, events, every });
  const finished = readers.ask('finished');
  const seen = () => readers.ask('seen');
  // What an emulator misses that others keep from running says nothing of it: null.
  const judged = (holds) => holds || (server.waited() < MOST_WAITED ? false : null);
  /** Seconds until all are on time; later than that by the schedule they are late by themselves. */
  const onTime = async () => {
    const asked = performance.now();
    for (let calm = 0; calm < 5 && performance.now() - asked < 60_000; await wait(100)) calm = (await seen()).behind < 100 ? calm + 1 : 0;
    return (performance.now() - asked - 500) / 1000;
  };
  const opened = (performance.now() - opening) / 1000;
  const settled = await onTime();
  await readers.ask('counts', true);
  const used = { at: performance.now(), cpu: server.cpu(), events: (await seen()).events };
  /** Whether all of them go on. */
  const goOn = async () => {
    const { open, broken } = await seen();
    return { text: `${open} streams go on`, held: broken === 0 && open === count };
  };
  const ends = [await slowReaders(port, 50), halfOpen(port, 100), drips(port, 50)];
  const tests = ordinary(port, 4);
  await until(0.15);
  const gauge = async (name) => Number(new RegExp(`^llemulator_${name} (\\d+)`, 'm').exec((await fetchOnce(port, '/metrics')).text)[1]);
  // Journals keep what streams have said so far, until a session's bound is reached.
  const memory = async () => {
    const kept = (await gauge('kept_bytes')) / (1 << 20);
    return { kept, whole: server.memory(), text: `${server.memory().toFixed(0)} MB, ${kept.toFixed(0)} of them kept in journals` };
  };
  const there = await gauge('streams_open');
  say(`open streams, of an event every ${every} ms`, `${there} (50 of slow readers); opened in ${opened.toFixed(1)} s, and all on time ${settled.toFixed(1)} s later`, there !== count + 50 ? false : judged(settled < CATCH_UP_S));

  await until(0.2);
  await counts(false);
  server.signal('SIGSTOP');
  await wait(STOPPED_MS);
  server.signal('SIGCONT');
  const caughtUp = await onTime();
  await counts(true);
  const after = await goOn();
  say(`SIGSTOP for ${STOPPED_MS / 1000} s, then SIGCONT`, `${after.text}; the ${Math.round((count * STOPPED_MS) / every)} events that were due had come and all were on time after ${caughtUp.toFixed(1)} s`, !after.held ? false : judged(caughtUp < CATCH_UP_S));

  await until(0.3);
  const others = await crowd(port, 1000);
  const taken = server.descriptors();
  const waiting = fetchOnce(port, '/healthz');
  const asked = tests.seen.asked;
  await wait(3000);
  const went = tests.seen.asked - asked;
  others.forEach((socket) => socket.destroy());
  const served = (await waiting).status === 200;
  say('descriptors used up for 6 s', `${taken} of ${limit} taken; ${went} answers on connections that were there; one that waited is served after it`, taken > limit - 10 && went > 0 && served && (await goOn()).held);

  await until(0.36);
  if (server.small) {
    for (const [what, { found, held }] of [['a data directory', await fullDataDirectory()], ['recordings', await fullCassettes(server.url)]]) say(`disk of ${what} full`, found, held);
  } else say('disk of a data directory, and of recordings, full', 'not tried: no folder could be mounted here');

  await until(0.4);
  if (server.small) {
    const full = [];
    for (let i = 0; i < 10; i++) full.push(await upload(port, 4 << 20));
    const envelopes = full.every(({ status, text }) => status >= 500 && JSON.parse(text).error.message);
    const after = await upload(port, 1000);
    say('disk of temporary files full', `10 uploads of 4 MB answered ${[...new Set(full.map((one) => one.status))]}, each with an error's envelope; a small one after it ${after.status}`, envelopes && after.status === 200);
  } else say('disk of temporary files full', 'not tried: no folder could be mounted here');

  await until(0.43);
  if (server.clock) {
    for (const shift of ['+3600', '-3600', '+0']) {
      server.clock(shift);
      await wait(4000);
    }
    const { text, held } = await goOn();
    say('the clock jumps an hour ahead, two back, and to where it was', text, held);
  } else say('the clock jumps', 'not tried: libfaketime is not installed');

  // What happens once has happened: from now on it takes no more.
  await until(0.52);
  const before = await memory();
  await until(0.85);
  const during = await memory();
  say('memory with all of this open', `${before.text}, after half of it; ${during.text}, near its end`, during.whole - before.whole < 8 && during.kept < 2 * (session / 3 / (1 << 20)));
  const now = await seen();
  const span = (performance.now() - used.at) / 1000;
  const cpu = server.cpu() - used.cpu;
  say('processor time', `the emulator ${percent(cpu / span)} of one, ${((cpu / (now.events - used.events)) * 1e6).toFixed(0)} µs an event, all else that it does included; of the time in which it could have run others had the processors for ${percent(server.waited())}; whoever reads the streams ${percent(now.share)}`);
  await Promise.race([finished, until(1.2)]);
  const [late, plainLate] = await readers.ask('late');
  const { whole } = await seen();
  say('streams that came whole, every event counted', `${whole} of ${count}, ${whole * events} events`, whole === count);

  ends.forEach((end) => end());
  await tests.end();
  say('ordinary tests meanwhile', `${tests.seen.asked} answers, ${tests.seen.wrong.length} of them wrong ${[...new Set(tests.seen.wrong)].slice(0, 3).join('; ')}`, tests.seen.asked > 0 && tests.seen.wrong.length === 0);
  const [mine, plain] = await health.ask('end');
  say('`/healthz`', `${ms(mine)}; ${mine.asked} asked, ${mine.failures} failed; the longest ${((mine.at - performance.timeOrigin - began) / 1000).toFixed(0)} s after the start; ${mine.own.toFixed(1)} ms at most without what both waited for processors that others had`, mine.failures > 0 || mine.asked === 0 ? false : judged(mine.own < 50));
  say('a plain Node server, asked beside it', ms(plain));
  say('`/healthz` from SIGSTOP until all streams were on time', `longest ${(mine.apart / 1000).toFixed(1)} s`, judged(mine.apart < STOPPED_MS + CATCH_UP_S * 1000));
  say('an event behind its schedule', ms(late), judged(late.p99 < Math.max(50, 2 * plainLate.p99)));
  say('the same of 100 streams of the plain server, read by the same process', ms(plainLate));
  readers.leave();
  health.leave();

  for (let i = 0; i < 100 && server.descriptors() > idle.descriptors + 5; i++) await wait(200);
  say('descriptors when all have left', `${server.descriptors()}, ${idle.descriptors} at the start`, server.descriptors() <= idle.descriptors + 5);
  say('memory when all have left', `${server.memory().toFixed(0)} MB, ${idle.memory.toFixed(0)} MB at the start`);
  const complaints = [...new Set(server.complaints())];
  say('complaints on stderr', complaints.join('; ') || 'none', complaints.length === 0);
  const ended = await server.stop();
  say('SIGTERM', `ended with ${ended}`, ended === 0);

  const report = [
    '# Soak', '',
    `For who wants to know what the emulator bears: \`npm run soak -- ${process.argv.slice(2).filter((word) => !/report|\.md$/.test(word)).join(' ')}\`, ${new Date().toISOString().slice(0, 10)}: Node ${process.version}, ${os.cpus().length} cores, load average ${loadBefore.toFixed(1)} before it and ${os.loadavg()[2].toFixed(1)} at its end; whoever asks and the emulator share the machine.`, '',
    `All of it goes on at once: the streams, read by a process of their own, 50 readers who read nothing, 100 connections that stop in mid-head, 50 that drip their body, and ordinary tests under 200 keys, each answer of which is looked at. What is done to the process comes one after the other. A time that is missed is not judged when others had the processors for more than ${percent(MOST_WAITED)} of the time in which the emulator could have run.`, '',
    '| | found | |', '|---|---|---|', ...rows.map((cells) => `| ${cells.join(' | ')} |`), '',
  ].join('\n');
  console.log(report);
  if (values.report) writeFileSync(values.report, report);
}

function ms({ p50, p99, longest }) {
  return `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, longest ${longest.toFixed(1)} ms`;
}

function percent(share) {
  return `${(share * 100).toFixed(0)} %`;
}
