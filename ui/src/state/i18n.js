// What the page says, in English and Chinese. The English text is the key, so a component reads as it looks.
import { signal } from '@preact/signals';
import { kept } from './kept.js';
import zh from './zh.js';

const own = kept('language', '');

/** The language in force: chosen, else the browser's. */
export const language = signal(own.value || (navigator.language?.toLowerCase().startsWith('zh') ? 'zh' : 'en'));

/** Says everything in another language from now on. */
export function speak(next) {
  own.value = next;
  language.value = next;
  document.documentElement.lang = next;
}

/**
 * A text in the language in force; `{0}` stands for the first value.
 * @param {string} text
 */
export function t(text, ...values) {
  const said = language.value === 'zh' ? zh[text] ?? text : text;
  return values.length ? said.replace(/\{(\d)\}/g, (_, index) => String(values[index])) : said;
}

/** A number as people of the language write it. */
export const number = (value) => new Intl.NumberFormat(language.value).format(value);

/** The time of day of an instant, to the millisecond. */
export function clockTime(at) {
  const date = new Date(at);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** A duration in ms, short: `0.4 ms`, `840 ms`, `1.24 s`, `3 min`. */
export function duration(ms) {
  if (ms == null) return '';
  if (ms > 0 && ms < 10) return `${Math.max(0.1, ms).toFixed(1).replace('.0', '')} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}
