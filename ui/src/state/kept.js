// What the page remembers in this browser: language, theme, the operator's name, own templates.
import { effect, signal } from '@preact/signals';

const PREFIX = 'llemulator.';

/** A signal whose value outlives the page. A browser that keeps nothing (private windows) only forgets it. */
export function kept(name, initial) {
  const own = signal(read(name, initial));
  effect(() => {
    const value = own.value;
    try {
      localStorage.setItem(PREFIX + name, JSON.stringify(value));
    } catch {
      // It stays for as long as the page is open.
    }
  });
  return own;
}

function read(name, initial) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? initial;
  } catch {
    return initial;
  }
}
