// The server under test, in a process of its own: tells its address, then its CPU time, page faults and memory whenever asked.
import { start } from './targets/llemulator.mjs';

const { url } = await start(0);
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpuUs: user + system, faults: process.resourceUsage().minorPageFault, rssMb: process.memoryUsage().rss / 1e6 });
});
process.send({ url });
