import { useState } from 'preact/hooks';
import { giveToken } from '../state/api.js';
import { t } from '../state/i18n.js';
import { Dialog } from './dialog.jsx';

/** Asks for the control token, which an emulator bound beyond loopback wants. */
export function TokenDialog({ wrong }) {
  const [text, setText] = useState('');
  const give = (event) => {
    event.preventDefault();
    if (text.trim()) giveToken(text);
  };
  return (
    <Dialog title={t('Control token')} onClose={() => giveToken('')}>
      <form onSubmit={give} class="stack">
        <p>{t('This emulator can be reached from other machines, so its control room asks for the token it was started with (--control-token). This tab remembers it.')}</p>
        {wrong && <p class="fault" role="alert">{t('That was not the token.')}</p>}
        <input type="password" data-first autocomplete="off" aria-label={t('Control token')} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <div class="row end"><button type="submit" class="primary">{t('Enter')}</button></div>
      </form>
    </Dialog>
  );
}
