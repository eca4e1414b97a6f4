// Expected text with places for what differs from call to call.
//
// A golden is JSON; a string of it that is `<name>` stands for any value of that form, `<=1.0>` for these very
// characters. The text is compared character by character, so white space, key order and the way numbers are written
// count.

const FORMS = {
  time: /\d{10}/,
  int: /\d+/,
  vector: /\[\s*-?[\d.e-]+(?:,\s*-?[\d.e-]+)*\s*\]/,
  pad: /"[A-Za-z0-9]*"/,
  fp: /"fp_[0-9a-f]{10}"/,
  chatcmpl: /"chatcmpl-[A-Za-z0-9]{29}"/,
  cmpl: /"cmpl-[A-Za-z0-9]{29}"/,
  call: /"call_[A-Za-z0-9]{24}"/,
  ...Object.fromEntries(['resp', 'msg', 'rs', 'fc', 'ws', 'ctc'].map((prefix) => [prefix, new RegExp(`"${prefix}_0[0-9a-f]{15}00[0-9a-f]{32}"`)])),
};

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * A pattern for the text of a golden.
 * @param {unknown} golden the JSON with its places
 * @param {'pretty' | 'compact'} space two spaces of indentation, or none
 * @param {string} [end] what follows the JSON, e.g. a newline
 */
export function pattern(golden, space, end = '') {
  const text = JSON.stringify(golden, null, space === 'pretty' ? 2 : 0);
  const source = text
    .split(/"<([^">]+)>"/)
    .map((piece, index) => {
      if (index % 2 === 0) return escaped(piece);
      if (piece.startsWith('=')) return escaped(piece.slice(1));
      if (!FORMS[piece]) throw new Error(`a golden names the unknown form <${piece}>`);
      return `(?:${FORMS[piece].source})`;
    })
    .join('');
  return new RegExp(`^${source}${escaped(end)}$`);
}

/** Fails with the first line that differs, which a failed regular expression would not say. */
export function mismatch(golden, space, end, got) {
  if (pattern(golden, space, end).test(got)) return undefined;
  if (space === 'compact') return `expected ${JSON.stringify(golden)}\n     got ${got}`;
  const wanted = JSON.stringify(golden, null, 2).split('\n');
  const lines = got.split('\n');
  const at = wanted.findIndex((line, index) => {
    const value = line.replace(/,$/, '');
    const [head, tail] = [value.replace(/"<.*$/, ''), lines[index]?.replace(/,$/, '')];
    return value.includes('"<') ? !tail?.startsWith(head) : value !== tail;
  });
  const line = at < 0 ? wanted.length : at;
  return `line ${line + 1}: expected ${wanted[line] ?? `the end ${JSON.stringify(end)}`}\n     got ${lines[line] ?? 'the end'}\n${got}`;
}
