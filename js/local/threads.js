'use strict';
// How many threads the model may have: those of physical cores that nobody uses. One more than there is room for, and all
// of them wait for each other: 0.2 tokens a second were seen instead of 113.
const { readFileSync } = require('node:fs');
const os = require('node:os');

/** Physical cores, as far as the system tells: two threads of a core share what the model needs. */
function physicalCores() {
  const logical = os.availableParallelism();
  if (process.platform !== 'linux') return process.arch === 'arm64' ? logical : Math.max(1, Math.floor(logical / 2));
  try {
    const cores = new Set();
    let place = '';
    for (const [, name, value] of readFileSync('/proc/cpuinfo', 'utf8').matchAll(/^(physical id|core id)\s*: (\d+)$/gm)) {
      if (name === 'physical id') place = value;
      else cores.add(`${place}/${value}`);
    }
    return Math.min(logical, cores.size || logical);
  } catch {
    return logical;
  }
}

/** The share of the machine that a container may use, in cores; `Infinity` without a limit. */
function quota() {
  try {
    const [most, period] = readFileSync('/sys/fs/cgroup/cpu.max', 'utf8').trim().split(' ').map(Number);
    return most > 0 && period > 0 ? most / period : Infinity;
  } catch {
    return Infinity;
  }
}

/**
 * The physical cores that are free, at least one.
 * @param {{ cores?: number, limit?: number, load?: number }} [seen]  what the system says, unless it is given
 */
function freeThreads({ cores = physicalCores(), limit = quota(), load = os.loadavg()[0] } = {}) {
  return Math.max(1, Math.floor(Math.min(cores, limit) - Math.round(load)));
}

module.exports = { freeThreads };
