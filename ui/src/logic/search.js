// The search language of lists: words, and `key:value` for what has a name. All must hold; `-` before one turns it round.
//   status:429 model:gpt-4o tool:weather is:pending session:checkout -by:echo "two words"

/** What may stand before a colon, and how a row answers it. */
const KEYS = {
  status: (row, value) => matchesStatus(row.status, value),
  model: (row, value) => includes(row.model, value),
  session: (row, value) => includes(row.session, value),
  op: (row, value) => includes(row.operation, value),
  by: (row, value) => includes(row.by, value) || includes(row.rule, value),
  outcome: (row, value) => includes(row.outcome, value),
  client: (row, value) => includes(row.client && `${row.client.ip}:${row.client.port}`, value),
  tool: (row, value) => includes(row.said, value) || includes(row.rule, value) || (row.tools ?? []).some((tool) => includes(tool, value)),
  id: (row, value) => includes(row.id, value) || includes(row.request_id, value),
  is: (row, value) => STATES[value]?.(row) ?? false,
};

/** What may stand behind `is:`. */
const STATES = {
  pending: (row) => row.waiting_for?.kind === 'operator',
  waiting: (row) => row.state !== 'done' && row.waiting_for != null,
  open: (row) => row.state !== 'done',
  done: (row) => row.state === 'done',
  error: isError,
  ok: (row) => row.state === 'done' && !isError(row),
  stream: (row) => row.stream === true,
  aborted: (row) => row.aborted === true,
  retry: (row) => row.retry_count > 0,
};

/** What the search knows, for its help and completion. */
export const SEARCH_KEYS = Object.keys(KEYS);
export const SEARCH_STATES = Object.keys(STATES);

/** Whether an exchange failed: for its client, or in the emulator's own eyes. */
export function isError(row) {
  return row.failure != null || row.aborted === true || (row.status ?? 0) >= 400;
}

const includes = (text, value) => typeof text === 'string' && text.toLowerCase().includes(value);

/** `429`, `4xx`, `>=400`, `<500`. */
function matchesStatus(status, value) {
  if (status == null) return false;
  const bound = /^(>=|<=|>|<)(\d+)$/.exec(value);
  if (bound) {
    const limit = Number(bound[2]);
    return { '>=': status >= limit, '<=': status <= limit, '>': status > limit, '<': status < limit }[bound[1]];
  }
  const text = String(status);
  return [...value].length <= text.length && [...value].every((digit, index) => digit === 'x' || digit === text[index]);
}

/**
 * The terms of a search. A colon behind anything but a known key is text: `http://…` is searched as it is.
 * @param {string} text
 * @returns {{ not: boolean, key: string | null, value: string }[]}
 */
export function parse(text) {
  const terms = [];
  for (const [, minus, key, quoted, word] of text.matchAll(/(-?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))/gi)) {
    const known = key && Object.hasOwn(KEYS, key.toLowerCase());
    const value = (quoted ?? word).toLowerCase();
    const whole = key && !known ? `${key}:${value}`.toLowerCase() : value;
    if (whole) terms.push({ not: minus === '-', key: known ? key.toLowerCase() : null, value: whole });
  }
  return terms;
}

/** What words are looked for in; made once for each state of a row. */
const text = (row) => (row.searched ??= [row.id, row.session, row.operation, row.model, row.asked, row.said, row.rule, row.by, row.path, row.status, row.failure?.code].join('\n').toLowerCase());

/**
 * A search as a function of a row; the same function for an empty one, so that lists can tell.
 * @param {string} search
 */
export function matcher(search) {
  const terms = parse(search);
  if (!terms.length) return EVERY;
  return (row) => terms.every(({ not, key, value }) => (key ? KEYS[key](row, value) : text(row).includes(value)) !== not);
}

/** Holds for every row. */
export const EVERY = () => true;
