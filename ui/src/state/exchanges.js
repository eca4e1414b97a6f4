// The exchanges the page knows, oldest first. They come one by one, in pages, and again as they change.

/** The most that are held: what is older is forgotten first. */
export const MOST = 20_000;

/** An empty store; `rows` is read, only `put` and `clear` write. */
export function exchangeStore(most = MOST) {
  /** @type {any[]} */
  let rows = [];
  /** @type {Map<string, any>} */
  const known = new Map();
  return {
    get rows() {
      return rows;
    },
    find: (id) => known.get(id),
    /** Takes over what is told of exchanges. An end is final: a page that was fetched before it does not undo it. */
    put(summaries) {
      const added = [];
      for (const summary of summaries) {
        const row = known.get(summary.id);
        if (!row) {
          const fresh = { ...summary };
          known.set(summary.id, fresh);
          added.push(fresh);
        } else if (row.state !== 'done' || summary.state === 'done') {
          Object.assign(row, summary);
        }
      }
      if (!added.length) return;
      added.sort((one, other) => one.arrived - other.arrived);
      const inOrder = !rows.length || rows[rows.length - 1].arrived <= added[0].arrived;
      rows = rows.concat(added);
      if (!inOrder) rows.sort((one, other) => one.arrived - other.arrived);
      if (rows.length > most) {
        for (const row of rows.slice(0, rows.length - most)) known.delete(row.id);
        rows = rows.slice(-most);
      }
    },
    clear() {
      rows = [];
      known.clear();
    },
  };
}
