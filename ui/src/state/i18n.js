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
