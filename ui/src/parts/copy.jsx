// Copying to the clipboard, from a button or a list of forms.
import { t } from '../state/i18n.js';
import { attempt } from '../state/toasts.js';
import { Icon } from './icon.jsx';

/** Copies a text and says so. Without https a browser has no clipboard, so a field is copied from. */
export const copy = (text) => attempt(async () => {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement('textarea');
  field.value = text;
  (document.querySelector('dialog[open]') ?? document.body).append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  if (!done) throw new Error(t('The browser did not let the text be copied.'));
}, t('Copied'));

export function CopyButton({ text, label }) {
  return (
    <button type="button" class="quiet small" onClick={() => copy(typeof text === 'function' ? text() : text)}>
      <Icon name="copy" />{label ?? t('Copy')}
    </button>
  );
}

/**
 * A button that opens a list of things to do. What is there to do with an item itself is `also`: a small button beside it.
 */
export function Menu({ label, items }) {
  const close = (event) => event.currentTarget.closest('details').removeAttribute('open');
  const leave = (event) => event.currentTarget.contains(event.relatedTarget) || event.currentTarget.removeAttribute('open');
  const escape = (event) => {
    if (event.key !== 'Escape' || !event.currentTarget.open) return;
    event.currentTarget.open = false;
    event.currentTarget.querySelector('summary').focus();
    event.preventDefault();
  };
  return (
    <details class="menu" onFocusOut={leave} onKeyDown={escape}>
      <summary class="button small">{label}<span class="caret" aria-hidden="true" /></summary>
      <ul>
        {items.filter(Boolean).map(({ text, onClick, also }) => (
          <li key={text} class="row">
            <button type="button" class="quiet grow" onClick={(event) => (close(event), onClick())}>{text}</button>
            {also && <button type="button" class="quiet square" aria-label={also.text} onClick={(event) => (close(event), also.onClick())}><Icon name={also.icon} /></button>}
          </li>
        ))}
      </ul>
    </details>
  );
}
