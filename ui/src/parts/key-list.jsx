import { KEYS } from '../state/keys.js';
import { t } from '../state/i18n.js';
import { Dialog } from './dialog.jsx';

/** All keys of the page. */
export function KeyList({ onClose }) {
  return (
    <Dialog title={t('Keys')} onClose={onClose} wide>
      <div class="key-groups">
        {KEYS.map(([group, keys]) => (
          <section key={group}>
            <h3>{t(group)}</h3>
            <dl>{keys.map(([key, does]) => <div key={key}><dt>{key.split(' ').map((one) => (/^[…]$/.test(one) ? one : <kbd key={one}>{one}</kbd>))}</dt><dd>{t(does)}</dd></div>)}</dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
