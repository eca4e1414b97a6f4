// A long list of which only the rows in sight are drawn: ten thousand cost as much as thirty.
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';

/** Rows drawn above and below the sight. */
const BEYOND = 8;

/**
 * @param {object} props
 * @param {any[]} props.items  each with an `id`
 * @param {number} props.height  of a row, in pixels
 * @param {string | null} props.selected  the id of the row the keys are on
 * @param {(id: string) => void} props.onSelect
 * @param {(id: string) => void} props.onOpen
 * @param {(item: any) => any} props.row
 * @param {() => void} [props.onEnd]  the last row came near
 * @param {string} [props.view]  what chose the items: another choice is read from its top
 */
export function WindowList({ items: given, height, selected, onSelect, onOpen, row, label, onEnd, id, view }) {
  const box = useRef(null);
  const top = useRef(0);
  const [, draw] = useReducer((count) => count + 1, 0);
  const [sight, setSight] = useState(800);
  // What comes while a row is pressed waits: the press would end on another row, and nothing would open.
  const pressed = useRef(null);
  const items = pressed.current ?? given;
  const press = () => {
    pressed.current = items;
    const lifted = new AbortController();
    const lift = () => {
      lifted.abort();
      // The click comes after its pointer was lifted.
      setTimeout(() => {
        pressed.current = null;
        draw();
      });
    };
    for (const end of ['pointerup', 'pointercancel']) addEventListener(end, lift, { signal: lifted.signal });
  };
  const before = useRef({ view, first: items[0]?.id });

  // New rows come on top. Who reads further down keeps the row under the eyes where it is, and it is not drawn anew.
  const { first } = before.current;
  const moved = before.current.view !== view ? -top.current : top.current && first !== items[0]?.id ? Math.max(0, items.findIndex((item) => item.id === first)) * height : 0;
  before.current = { view, first: items[0]?.id };
  top.current += moved;
  useLayoutEffect(() => {
    if (moved) box.current.scrollTop += moved;
  });

  useEffect(() => {
    const watch = new ResizeObserver(([{ contentRect }]) => setSight(contentRect.height));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);

  const at = selected === null ? -1 : items.findIndex((item) => item.id === selected);
  useLayoutEffect(() => {
    if (at < 0) return;
    const [from, to] = [at * height, (at + 1) * height];
    if (from < box.current.scrollTop) box.current.scrollTop = from;
    else if (to > box.current.scrollTop + box.current.clientHeight) box.current.scrollTop = to - box.current.clientHeight;
  }, [selected]);

  const begin = Math.max(0, Math.floor(top.current / height) - BEYOND);
  const end = Math.min(items.length, Math.ceil((top.current + sight) / height) + BEYOND);
  useEffect(() => {
    if (onEnd && end >= items.length - BEYOND) onEnd();
  }, [end, items.length]);

  const scrolled = ({ currentTarget: { scrollTop } }) => {
    if (scrollTop === top.current) return;
    top.current = scrollTop;
    draw();
  };
  return (
    <div
      ref={box} id={id} class="window" role="listbox" aria-label={label} tabIndex={0} data-pane
      aria-activedescendant={at >= begin && at < end ? `${id}-${at}` : undefined}
      onScroll={scrolled}
      onPointerDown={press}
      onKeyDown={(event) => event.key === 'Enter' && at >= 0 && event.target === event.currentTarget && onOpen(items[at].id)}
    >
      <div class="window-all" style={{ height: `${items.length * height}px` }} role="presentation">
        {items.slice(begin, end).map((item, index) => (
          <div
            key={item.id} id={`${id}-${begin + index}`} role="option" aria-selected={item.id === selected} aria-posinset={begin + index + 1} aria-setsize={items.length}
            class={item.id === selected ? 'window-row selected' : 'window-row'} style={{ transform: `translateY(${(begin + index) * height}px)`, height: `${height}px` }}
            onClick={() => (onSelect(item.id), onOpen(item.id))}
          >
            {row(item)}
          </div>
        ))}
      </div>
    </div>
  );
}

/** The keys that move in a list; `items` as it is shown. */
export function listKeys(items, selected, select) {
  const at = items.findIndex((item) => item.id === selected);
  const to = (index) => () => {
    const item = items[Math.max(0, Math.min(items.length - 1, index))];
    if (item) select(item.id);
  };
  return {
    j: to(at + 1), k: to(at - 1), ArrowDown: to(at + 1), ArrowUp: to(at - 1), PageDown: to(at + 10), PageUp: to(at - 10), Home: to(0), End: to(items.length - 1),
  };
}
