// Reading JSON that is still being written: where each value is, and in what the cursor stands.

const TOKEN = /"(?:[^"\\]|\\[^])*"?|[{}[\]:,]|[^\s{}[\]:,"]+/g;

/** The place of a value, as the emulator writes it: `rules[0].match.user`. */
const pathOf = (stack) => stack.map(({ key, index }) => (index === undefined ? `.${key}` : `[${index}]`)).join('').replace(/^\./, '');

/**
 * The values of a text, each with its path and where it begins. What is broken is passed over.
 * @param {string} text
 * @returns {Map<string, number>} offset by path
 */
export function places(text) {
  const found = new Map();
  scan(text, (stack, offset) => {
    const path = pathOf(stack);
    if (!found.has(path)) found.set(path, offset);
  });
  return found;
}

/**
 * The line of a path, from 1; of the nearest value around it when it is not written; null for an empty text.
 * @param {string} text
 * @param {string} path
 */
export function lineOf(text, path) {
  const known = places(text);
  let at = path.replace(/^\$\.?/, '');
  while (at && !known.has(at)) at = at.slice(0, Math.max(0, at.lastIndexOf('.'), at.lastIndexOf('[')));
  const offset = known.get(at);
  return offset === undefined ? null : text.slice(0, offset).split('\n').length;
}

/**
 * In what a text ends: the path to the object or list, whether a key or a value is to come, what of it is written,
 * and which keys the object has already.
 * @param {string} before  the text before the cursor
 */
export function contextAt(before) {
  const { stack, open } = scan(before, () => {});
  const top = open.at(-1);
  const last = before.match(/"(?:[^"\\]|\\[^])*$/);
  const inString = isInString(before);
  return {
    steps: stack.map(({ key, index }) => (index === undefined ? key : index)),
    expects: !top ? 'value' : top.kind === '{' && !top.colon ? 'key' : 'value',
    written: inString && last ? last[0] : before.match(/[\w.-]*$/)[0],
    keys: top?.kind === '{' ? top.keys : [],
    key: top?.kind === '{' && top.colon ? top.key : null,
  };
}

function isInString(text) {
  let inside = false;
  for (const [quote] of text.matchAll(/\\[^]|"/g)) if (quote === '"') inside = !inside;
  return inside;
}

function scan(text, at) {
  /** @type {{ kind: string, key?: string, index?: number, colon: boolean, keys: string[] }[]} */
  const open = [];
  const stack = () => open.map(({ kind, key, index }) => (kind === '{' ? { key } : { index }));
  const begin = (offset) => at(stack(), offset);
  for (const { 0: token, index: offset } of text.matchAll(TOKEN)) {
    const top = open.at(-1);
    const finished = token[0] !== '"' || (token.length > 1 && token.endsWith('"'));
    if (token === '{' || token === '[') {
      begin(offset);
      open.push({ kind: token, colon: false, keys: [], ...(token === '[' ? { index: 0 } : {}) });
    } else if (token === '}' || token === ']') open.pop();
    else if (token === ':') top && (top.colon = true);
    else if (token === ',') {
      if (!top) continue;
      top.colon = false;
      if (top.kind === '[') top.index += 1;
    } else if (top?.kind === '{' && !top.colon) {
      if (!finished) continue;
      top.key = token.replace(/^"|"$/g, '');
      top.keys.push(top.key);
    } else begin(offset);
  }
  // The containers' own place: of the innermost, what holds it.
  return { open, stack: open.slice(0, -1).map(({ kind, key, index }) => (kind === '{' ? { key } : { index })) };
}
