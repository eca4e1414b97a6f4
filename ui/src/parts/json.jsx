// JSON and texts as they are: written by clients, so only ever as text.
import { useMemo } from 'preact/hooks';

/** Beyond this it is shown without colours: each coloured word is an element. */
const MOST_COLOURED = 60_000;

/** Beyond this a text is cut; copying gives all of it. */
const MOST_SHOWN = 1_000_000;

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export function Json({ value, label }) {
  const text = useMemo(() => (typeof value === 'string' ? value : JSON.stringify(value, null, 2) ?? ''), [value]);
  const coloured = useMemo(() => (text.length > MOST_COLOURED || typeof value === 'string' ? null : colours(text)), [text]);
  return <pre class="code" tabIndex={0} role="region" aria-label={label ?? 'JSON'}>{coloured ?? text.slice(0, MOST_SHOWN)}</pre>;
}

function colours(text) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    if (found.index > at) parts.push(text.slice(at, found.index));
    const [whole, string, colon, word] = found;
    if (string) parts.push(<span class={colon ? 'json-key' : 'json-string'}>{string}</span>, colon ?? '');
    else parts.push(<span class={word ? 'json-word' : 'json-number'}>{whole}</span>);
    at = found.index + whole.length;
  }
  parts.push(text.slice(at));
  return parts;
}
