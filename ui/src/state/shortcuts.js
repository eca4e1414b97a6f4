// Keys. A view registers what its keys do; plain letters do nothing while somebody types.
import { useEffect, useRef } from 'preact/hooks';

/** @type {Set<{ current: Record<string, (event: KeyboardEvent) => unknown> }>} */
const layers = new Set();

/** The name of what was pressed: `Ctrl+Enter`, `Alt+1`, `?`. */
export function named(event) {
  const { key } = event;
  const letter = key.length === 1;
  const control = event.ctrlKey || event.metaKey ? 'Ctrl+' : '';
  // A sign such as `?` says shift already.
  const shift = event.shiftKey && !letter ? 'Shift+' : '';
  return `${control}${event.altKey ? 'Alt+' : ''}${shift}${control && letter ? key.toUpperCase() : key}`;
}

const typing = (target) => target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const name = named(event);
  const plain = !/^(Ctrl|Alt)\+|^F\d/.test(name);
  if (plain && name !== 'Escape' && typing(event.target)) return;
  // A dialog has the keys to itself.
  if (document.querySelector('dialog[open]') && name !== 'Ctrl+K') return;
  for (const layer of [...layers].reverse()) {
    const act = layer.current[name];
    if (!act) continue;
    if (act(event) === false) continue;
    event.preventDefault();
    return;
  }
});

/** Keys that work while a component is shown; the newest is asked first. What gives `false` leaves it to the next. */
export function useKeys(keys) {
  const own = useRef(keys);
  own.current = keys;
  useEffect(() => {
    layers.add(own);
    return () => void layers.delete(own);
  }, []);
}
