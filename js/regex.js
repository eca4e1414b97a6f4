'use strict';
// JavaScript's regular expressions in the script language's dialect (Rust's: linear time, no look-around, no
// back-references), with the same meaning or not at all.
const { badArgument } = require('./errors.js');

/** What JavaScript's classes hold; Rust's would take in all of Unicode. Inside [ ] and, in brackets, outside. */
const CLASSES = /** @type {Record<string, string>} */ ({ d: '0-9', w: '0-9A-Za-z_', s: '\\s\\x{FEFF}' });
/** The same, negated; nested, they stand inside [ ] as well. */
const NEGATED = /** @type {Record<string, string>} */ ({ D: '[^0-9]', W: '[^0-9A-Za-z_]', S: '[^\\s\\x{FEFF}]' });
/** Escapes that mean the same in both. */
const SHARED = 'ntrfv';

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
  return (flags ? `(?${flags})` : '') + source.translate();
}

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

  translate() {
    let out = '';
    while (this.at < this.text.length) out += this.one();
    return out;
  }

  /** One atom, quantifier or bracket outside a class. */
  one() {
    if (this.take(/\(\?<?[=!]/y)) throw refused(this.regex, 'it looks around', 'match the text itself');
    const named = this.take(/\(\?<([^>]+)>/y);
    if (named) return `(?P<${named[1]}>`;
    const quantifier = this.take(/\{\d+(,\d*)?\}/y);
    if (quantifier) return quantifier[0];
    if (this.take(/\[\^\]/y)) return '[\\s\\S]';
    if (this.take(/\[\]/y)) return '[^\\s\\S]';
    if (this.text[this.at] === '[') return this.class();
    if (this.text[this.at] === '\\') return this.escaped(false);
    const character = this.text[this.at++];
    // JavaScript's dot stops at every line terminator, Rust's at \n only.
    if (character === '.' && !this.regex.dotAll) return '[^\\n\\r\\x{2028}\\x{2029}]';
    return character === '{' || character === '}' ? `\\${character}` : character;
  }

  /** A class in [ ]. */
  class() {
    let out = /** @type {RegExpExecArray} */ (this.take(/\[\^?/y))[0];
    while (this.at < this.text.length) {
      const character = this.text[this.at];
      if (character === ']') {
        this.at++;
        return `${out}]`;
      }
      if (character === '\\') {
        out += this.escaped(true);
        continue;
      }
      this.at++;
      // These are operators in Rust's classes, and characters in JavaScript's.
      out += '[&~'.includes(character) ? `\\${character}` : character;
    }
    return out;
  }

  /**
   * A backslash and what belongs to it.
   * @param {boolean} inClass
   */
  escaped(inClass) {
    if (!inClass && this.take(/\\[1-9]|\\k</y)) throw refused(this.regex, 'it refers back to a group', 'spell the text out');
    if (this.take(/\\0/y)) return '\\x00';
    const pair = this.take(/\\u([dD][89abAB][\da-fA-F]{2})\\u([dD][c-fC-F][\da-fA-F]{2})/y);
    if (pair) return hex(String.fromCharCode(parseInt(pair[1], 16), parseInt(pair[2], 16)).codePointAt(0) ?? 0);
    const code = this.take(/\\(?:u\{([\da-fA-F]+)\}|u([\da-fA-F]{4})|x([\da-fA-F]{2}))/y);
    if (code) return hex(parseInt(code[1] ?? code[2] ?? code[3], 16));
    const control = this.take(/\\c([A-Za-z])/y);
    if (control) return hex(control[1].charCodeAt(0) % 32);
    const property = this.regex.unicode && this.take(/\\[pP]\{[^}]+\}/y);
    if (property) return property[0].replace(/Script(?:_Extensions)?=|General_Category=|sc=|scx=|gc=/, '');
    const character = this.text[this.at + 1] ?? '\\';
    this.at += 2;
    if (NEGATED[character]) return NEGATED[character];
    if (CLASSES[character]) return inClass ? CLASSES[character] : `[${CLASSES[character]}]`;
    if (character === 'b') return inClass ? '\\x08' : '(?-u:\\b)';
    if (character === 'B') return '\\B';
    if (SHARED.includes(character)) return `\\${character}`;
    if (character === 'c') return '\\\\c';
    return /[A-Za-z\d]/.test(character) || character > '\x7f' ? character : `\\${character}`;
  }
}

/** @param {number} code */
const hex = (code) => `\\x{${code.toString(16).toUpperCase()}}`;

module.exports = { escape, translate };
