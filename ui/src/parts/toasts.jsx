import { t } from '../state/i18n.js';
import { dismiss, toasts } from '../state/toasts.js';
import { Icon } from './icon.jsx';

/** The short messages, read out as they come. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, error, link }) => (
        <div key={id} class={error ? 'toast error' : 'toast'}>
          <span>{text}</span>
          {link?.href && <a href={link.href}>{link.text}</a>}
          {link?.onClick && <button type="button" class="linkish" onClick={() => (dismiss(id), link.onClick())}>{link.text}</button>}
          <button type="button" class="quiet square" aria-label={t('Put away')} onClick={() => dismiss(id)}><Icon name="close" /></button>
        </div>
      ))}
    </div>
  );
}
