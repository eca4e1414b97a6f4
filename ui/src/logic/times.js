// Times as people read them, in any language.

/** The time of day of an instant, to the millisecond. */
export function clockTime(at) {
  const date = new Date(at);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** A time that runs out, in ms: `4:59`, `42 s`. */
export function countdown(ms) {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** A duration in ms, short: `0.4 ms`, `840 ms`, `1.24 s`, `1 min 30 s`, `5 h 2 min`. */
export function duration(ms) {
  if (ms == null) return '';
  if (ms > 0 && ms < 10) return `${Math.max(0.1, ms).toFixed(1).replace('.0', '')} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
