// What a test file pays, in one fresh process: importing, starting, stopping. Prints one line of JSON.
import { importMs, start } from './targets/llemulator.mjs';

const timed = async (work) => {
  const before = performance.now();
  const value = await work();
  return { ms: performance.now() - before, value };
};
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

const first = await timed(() => start(0));
const stops = [await timed(first.value.stop)];
const starts = [];
for (let i = 0; i < 30; i++) {
  starts.push(await timed(() => start(0)));
  stops.push(await timed(starts.at(-1).value.stop));
}
console.log(JSON.stringify({
  import: importMs,
  start: first.ms,
  both: importMs + first.ms,
  restart: median(starts.map((each) => each.ms)),
  stop: median(stops.map((each) => each.ms)),
}));
