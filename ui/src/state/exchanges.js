// The exchanges the page knows, oldest first. They come one by one, in pages, and again as they change.

/** The most that are held: what is older is forgotten first. */
export const MOST = 20_000;

/** Where a row stands in a list that is in the order of arrival; -1 if it does not. */
function place(list, row) {
  let [from, to] = [0, list.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (list[middle].arrived < row.arrived) from = middle + 1;
    else to = middle;
  }
  while (from < list.length && list[from].arrived === row.arrived && list[from] !== row) from += 1;
  return list[from] === row ? from : -1;
}

/** An empty store; `rows` is read, only `put` and `clear` write. */
export function exchangeStore(most = MOST) {
  /** @type {any[]} */
  let rows = [];
  /** @type {Map<string, any>} */
  const known = new Map();
  /** A row is never changed but replaced: who shows it sees by that that it is another. One that is not yet among `list` only where it is known. */
  const replace = (list, row, fields) => {
    const next = { ...row, ...fields, searched: undefined };
    known.set(row.id, next);
    const at = place(list, row);
    if (at >= 0) list[at] = next;
    return list;
  };
  return {
    get rows() {
      return rows;
    },
    find: (id) => known.get(id),
    /** Takes over what is told of exchanges. An end is final: a page that was fetched before it does not undo it. */
    put(summaries) {
      const added = [];
      let changed = null;
      for (const summary of summaries) {
        const row = known.get(summary.id);
        if (!row) {
          known.set(summary.id, summary);
          added.push(summary.id);
        } else if (row.state !== 'done' || summary.state === 'done') {
          changed = replace(changed ?? rows.slice(), row, summary);
        }
      }
      rows = changed ?? rows;
      if (!added.length) return;
      const fresh = added.map((id) => known.get(id)).sort((one, other) => one.arrived - other.arrived);
      const inOrder = !rows.length || rows[rows.length - 1].arrived <= fresh[0].arrived;
      rows = rows.concat(fresh);
      if (!inOrder) rows.sort((one, other) => one.arrived - other.arrived);
      if (rows.length > most) {
        for (const row of rows.slice(0, rows.length - most)) known.delete(row.id);
        rows = rows.slice(-most);
      }
    },
    /** Takes over what is told of one of them by the way, while it is not over. */
    change(id, fields) {
      const row = known.get(id);
      if (!row || row.state === 'done') return false;
      rows = replace(rows.slice(), row, fields);
      return true;
    },
    clear() {
      rows = [];
      known.clear();
    },
  };
}
