'use strict';
// JavaScript's regular expressions in the script language's dialect (Rust's: linear time, no look-around, no
// back-references), with the same meaning or not at all.
const { badArgument } = require('./errors.js');

/** What JavaScript's classes hold; Rust's would take in all of Unicode, or other spaces. Nested, they stand inside [ ] as well. */
const CLASSES = /** @type {Record<string, string>} */ ({
  d: '[0-9]', D: '[^0-9]', w: '[0-9A-Za-z_]', W: '[^0-9A-Za-z_]', s: '[\\s\\x{FEFF}--\\x{85}]', S: '[^\\s\\x{FEFF}--\\x{85}]',
});

/** What is in a class, or stands for one character; only the latter can be an end of a range. @typedef {{ text: string, single: boolean }} Atom */

/** The RegExps translated last, by what became of them: what refuses one shows it as it was written. @type {Map<string, RegExp>} */
const written = new Map();
/** A refusal comes with the script that the RegExp is in. */
const MOST_WRITTEN = 1000;
/** Of a longer regex the emulator's messages show the beginning. */
const SHOWN = 160;

/**
 * A RegExp as the script language writes it.
 * @param {RegExp} regex
 * @returns {string}
 */
function translate(regex) {
  if (regex.sticky) throw refused(regex, 'the flag y asks for one position', 'begin it with ^');
  if (regex.flags.includes('v')) throw refused(regex, 'the flag v has a dialect of its own', 'use u');
  const source = new Source(regex);
  // R: line breaks are \r too. (U+2028 and U+2029, which end lines in JavaScript, cannot be told to Rust.)
  const flags = [...'is'].filter((flag) => regex.flags.includes(flag)).join('') + (regex.multiline ? 'mR' : '');
  const translated = (flags ? `(?${flags})` : '') + source.translate();
  written.delete(translated);
  written.set(translated, regex);
  if (written.size > MOST_WRITTEN) written.delete(/** @type {string} */ (written.keys().next().value));
  return translated;
}

/**
 * A refusal of a script, with the RegExp in it as it was written in place of its translation.
 * @param {string} message
 */
function asWritten(message) {
  const [, shown] = /regex \/(.*?)(?:\/|…) does not compile: /s.exec(message) ?? [];
  if (shown === undefined) return message;
  const regex = written.get(shown) ?? [...written].reverse().find(([translated]) => translated.length > SHOWN && translated.startsWith(shown))?.[1];
  return regex ? message.replace(/regex \/.*?(?:\/|…) does not compile: /s, () => `the RegExp ${clipped(String(regex))} does not compile in the emulator: `) : message;
}

/** @param {string} text */
const clipped = (text) => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);

/**
 * Text that matches itself alone.
 * @param {string} text
 */
const escape = (text) => text.replace(/[\\^$.*+?()[\]{}|/#&~-]/g, '\\$&');

/**
 * @param {RegExp} regex
 * @param {string} why
 * @param {string} instead
 */
const refused = (regex, why, instead) =>
  badArgument(`${regex} cannot be matched by the emulator: ${why}, which it cannot do; ${instead}, or give a function as the reply and match in it`);

/** One pass over a pattern. */
class Source {
  /** @param {RegExp} regex */
  constructor(regex) {
    this.regex = regex;
    this.text = regex.source;
    this.at = 0;
    // What matches nothing in particular tells what groups there are.
    const { length, groups } = /** @type {RegExpExecArray} */ (new RegExp(`${regex.source}|`, regex.flags).exec(''));
    this.groups = length - 1;
    this.hasNames = groups !== undefined;
  }

  /**
   * The rest of the pattern begins with this.
   * @param {RegExp} pattern  sticky
   */
  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at += found[0].length;
    return found;
  }

  /** The next character, whole. */
  next() {
    const character = String.fromCodePoint(/** @type {number} */ (this.text.codePointAt(this.at)));
    this.at += character.length;
    return character;
  }

  translate() {
    let out = '';
    while (this.at < this.text.length) out += this.one();
    return out;
  }

  /** One atom, quantifier or bracket outside a class. */
  one() {
    if (this.take(/\(\?<?[=!]/y)) throw refused(this.regex, 'it looks around', 'match the text itself');
    // Nobody asks for a group by its name, and Rust allows fewer names.
    if (this.take(/\(\?<[^>]+>/y)) return '(';
    const flags = this.take(/\(\?[a-z]*-?[a-z]*:/y);
    if (flags && /[ms]/.test(flags[0])) throw refused(this.regex, 'the flags m and s change within it', 'give them to all of it');
    if (flags) return flags[0];
    const quantifier = this.take(/\{\d+(,\d*)?\}/y);
    if (quantifier) return quantifier[0];
    if (this.take(/\[\^\]/y)) return '[\\s\\S]';
    if (this.take(/\[\]/y)) return '[^\\s\\S]';
    if (this.text[this.at] === '[') return this.class();
    if (this.text[this.at] === '\\') return this.escaped();
    const character = this.next();
    // JavaScript's dot stops at every line terminator, Rust's at \n only.
    if (character === '.' && !this.regex.dotAll) return '[^\\n\\r\\x{2028}\\x{2029}]';
    if ('{}]'.includes(character)) return `\\${character}`;
    return '^$.*+?()|'.includes(character) ? character : this.literal(character);
  }

  /** A class in [ ]. */
  class() {
    let out = /** @type {RegExpExecArray} */ (this.take(/\[\^?/y))[0];
    while (!this.take(/\]/y)) {
      const from = this.atom();
      out += from.text;
      if (!this.take(/-(?!\])/y)) continue;
      const to = this.atom();
      // Beside a class a hyphen is one.
      out += `${from.single && to.single ? '-' : '\\-'}${to.text}`;
    }
    return `${out}]`;
  }

  /** One atom of a class. @returns {Atom} */
  atom() {
    if (this.text[this.at] !== '\\') return { text: this.literal(this.next()), single: true };
    const control = this.regex.unicode ? null : this.take(/\\c([\w])/y);
    if (control) return { text: hex(control[1].charCodeAt(0) % 32), single: true };
    if (this.take(/\\b/y)) return { text: '\\x08', single: true };
    const set = this.set();
    return set ? { text: set, single: false } : { text: this.character(), single: true };
  }

  /** A backslash and what belongs to it, outside a class. */
  escaped() {
    const number = this.take(/\\([1-9]\d*)/y);
    if (number && (this.regex.unicode || Number(number[1]) <= this.groups)) throw refused(this.regex, 'it refers back to a group', 'spell the text out');
    // A number that no group has is a character's.
    if (number) this.at -= number[0].length;
    if ((this.regex.unicode || this.hasNames) && this.take(/\\k</y)) throw refused(this.regex, 'it refers back to a group', 'spell the text out');
    if (this.take(/\\b/y)) return '(?-u:\\b)';
    if (this.take(/\\B/y)) return '(?-u:\\B)';
    return this.set() ?? this.character();
  }

  /** An escape that stands for many characters. */
  set() {
    const property = this.regex.unicode && this.take(/\\[pP]\{[^}]+\}/y);
    if (property) return property[0];
    const letter = this.take(/\\([dDwWsS])/y);
    return letter ? CLASSES[letter[1]] : undefined;
  }

  /** An escape that stands for one character. */
  character() {
    const octal = this.regex.unicode ? this.take(/\\(0)/y) : this.take(/\\([0-3][0-7]{0,2}|[4-7][0-7]?)/y);
    if (octal) return hex(parseInt(octal[1], 8));
    const pair = this.take(/\\u([dD][89abAB][\da-fA-F]{2})\\u([dD][c-fC-F][\da-fA-F]{2})/y);
    if (pair) return hex(String.fromCharCode(parseInt(pair[1], 16), parseInt(pair[2], 16)).codePointAt(0) ?? 0);
    const code = (this.regex.unicode && this.take(/\\u\{([\da-fA-F]+)\}/y)) || this.take(/\\u([\da-fA-F]{4})/y) || this.take(/\\x([\da-fA-F]{2})/y);
    if (code) return this.literal(String.fromCodePoint(parseInt(code[1], 16)), hex(parseInt(code[1], 16)));
    const control = this.take(/\\c([A-Za-z])/y);
    if (control) return hex(control[1].charCodeAt(0) % 32);
    const shared = this.take(/\\[ntrfv]/y);
    if (shared) return shared[0];
    this.at++;
    // Without a letter after it, this is a backslash.
    return this.text[this.at] === 'c' ? '\\\\' : this.literal(this.next());
  }

  /**
   * A character that stands for itself.
   * @param {string} character
   * @param {string} [text]  how it is written
   */
  literal(character, text = escape(character)) {
    if (/^[\ud800-\udfff]$/.test(character)) throw refused(this.regex, 'it names half of a character (a surrogate)', 'use the flag u and \\u{…}');
    return text;
  }
}

/** @param {number} code */
const hex = (code) => `\\x{${code.toString(16).toUpperCase()}}`;

module.exports = { asWritten, escape, translate };
