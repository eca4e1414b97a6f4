// The requests that wait for a person, and what became of those that no longer do: a card never just vanishes.

/** Cards of requests that are over which stay until they are put away. */
const MOST_GONE = 20;

/**
 * The cards after an event; the same array if it concerns none.
 * @param {any[]} cards  oldest first
 * @param {{ type: string, data: any }} event
 * @param {number} now  Unix milliseconds
 */
export function reduce(cards, { type, data }, now) {
  const change = (fields) => cards.map((card) => (card.id === data.id ? { ...card, ...fields } : card));
  switch (type) {
    case 'new_request': {
      const card = { ...data, typed: data.typed ?? '', deadline: data.left_ms == null ? null : now + data.left_ms, gone: null };
      const known = cards.findIndex((one) => one.id === data.id);
      return known < 0 ? [...cards, card] : cards.with(known, card);
    }
    case 'claimed_request':
      return change({ claimed: { by: data.by, until: data.until } });
    case 'released_request':
      return change({ claimed: null });
    case 'typed':
      return cards.map((card) => (card.id === data.id ? { ...card, typed: card.typed + data.text } : card));
    case 'answered_by':
      return trimmed(change({ gone: { how: data.how ?? 'answer', by: data.by }, claimed: null }));
    case 'cancelled_request':
      return trimmed(change({ gone: { how: data.reason }, claimed: null }));
    default:
      return cards;
  }
}

/** What `GET /api/pending` lists, with the cards of those that are over. What was open and is not listed went unseen. */
export function reload(cards, listed, now) {
  const open = new Set(listed.map((one) => one.id));
  const kept = cards.filter((card) => !open.has(card.id)).map((card) => (card.gone ? card : { ...card, gone: { how: 'unseen' } }));
  return listed.reduce((all, data) => reduce(all, { type: 'new_request', data }, now), trimmed(kept));
}

function trimmed(cards) {
  let over = cards.filter((card) => card.gone).length - MOST_GONE;
  return over <= 0 ? cards : cards.filter((card) => !(card.gone && over-- > 0));
}
