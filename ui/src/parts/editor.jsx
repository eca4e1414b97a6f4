// An editor for JSON: colours, brackets, history and completion around a real textarea, so that input methods, phones
// and screen readers work. The library holds the text; the outside hears of changes and may replace it.
import { createEditor } from 'prism-code-editor';
import { autoComplete, fuzzyFilter, registerCompletions } from 'prism-code-editor/autocomplete';
import { defaultKeymap, editHistory, editorCommands } from 'prism-code-editor/commands';
import { cursorPosition } from 'prism-code-editor/cursor';
import { matchBrackets } from 'prism-code-editor/match-brackets';
import 'prism-code-editor/autocomplete.css';
import 'prism-code-editor/languages/json';
import 'prism-code-editor/layout.css';
import 'prism-code-editor/prism/languages/json';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { complete } from '../logic/completion.js';

/** The schema of the editor that has the focus; completion is registered once, for the language. */
let schema = null;

registerCompletions(['json'], {
  sources: [({ before, pos }) => {
    if (!schema) return null;
    const { from, options } = complete(before, schema);
    if (!options.length) return null;
    return { from, to: pos, options: options.map(({ label, detail, insert, kind }) => ({ label, insert, detail: detail.slice(0, 60), icon: kind === 'key' ? 'property' : 'enum' })) };
  }],
});

/** The library's keys but for those that send: they belong to the view around. */
const keymap = Object.fromEntries(Object.entries(defaultKeymap).filter(([key]) => !/Enter$/.test(key) || key === 'Enter'));

/**
 * @param {object} props
 * @param {string} props.value
 * @param {(text: string) => void} props.onChange
 * @param {string} props.label
 * @param {object} [props.schema]  what may be written, for completion
 * @param {number | null} [props.faultLine]  the line that was refused
 */
export function Editor({ value, onChange, label, schema: own = null, faultLine = null, rows = 8 }) {
  const place = useRef(null);
  const editor = useRef(null);
  const told = useRef(onChange);
  told.current = onChange;
  /** What outside and editor agreed on last. */
  const last = useRef(value);

  useEffect(() => {
    const made = createEditor(place.current, { language: 'json', value, tabSize: 2, insertSpaces: true, wordWrap: true, onUpdate: (text) => text !== last.current && told.current((last.current = text)) });
    editor.current = made;
    made.addExtensions(editorCommands(keymap), editHistory(), cursorPosition(), matchBrackets());
    if (own) made.addExtensions(autoComplete({ filter: fuzzyFilter }));
    made.textarea.setAttribute('aria-label', label);
    made.textarea.addEventListener('focus', () => (schema = own));
    const layOut = (event) => {
      if (!(event.ctrlKey || event.metaKey) || !event.shiftKey || event.key.toLowerCase() !== 'l') return;
      event.preventDefault();
      const text = laidOut(made.value);
      if (text !== null) made.setOptions({ value: text });
    };
    made.textarea.addEventListener('keydown', layOut);
    return () => made.remove();
  }, []);

  // Right after drawing: later, something may have been typed that `value` does not know yet, and would be lost.
  useLayoutEffect(() => {
    if (editor.current && value !== last.current) editor.current.setOptions({ value: (last.current = value) });
  }, [value]);

  useEffect(() => {
    for (const line of place.current.querySelectorAll('.fault-line')) line.classList.remove('fault-line');
    if (faultLine) editor.current.lines[faultLine]?.classList.add('fault-line');
  }, [faultLine, value]);

  return <div class="editor" ref={place} style={{ '--rows': rows }} />;
}

/** JSON, laid out; null if it is none. */
export function laidOut(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}
