// Ctrl+K: go to a view, a session's exchanges or a waiting request, or do something, by typing a part of its name.
import { useState } from 'preact/hooks';
import { viewNames } from '../app.jsx';
import { speak, t } from '../state/i18n.js';
import { go, VIEWS } from '../state/route.js';
import { clearExchanges, dismissGone, openPending, sessions } from '../state/store.js';
import { toggleTheme } from '../state/theme.js';
import { attempt } from '../state/toasts.js';
import { search } from '../views/live.jsx';
import { Dialog } from './dialog.jsx';

function actions() {
  const names = viewNames();
  return [
    ...VIEWS.map((view, index) => ({ text: names[view], hint: String(index + 1), run: () => go(view) })),
    ...openPending.value.slice(0, 50).map((card) => ({ text: t('Answer: {0}', card.asked || card.id), run: () => go('pending', card.id) })),
    ...sessions.value.slice(0, 200).map(({ name }) => ({ text: t('Exchanges of {0}', name), run: () => ((search.value = `session:"${name}"`), go('live')) })),
    { text: t('Dark or light'), run: toggleTheme },
    { text: 'English', run: () => speak('en') },
    { text: '中文', run: () => speak('zh') },
    { text: t('Empty the list of exchanges'), run: () => attempt(clearExchanges, t('Emptied')) },
    { text: t('Put cards away that are over'), run: dismissGone },
  ];
}

export function Palette({ onClose }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const words = text.toLowerCase().split(/\s+/);
  const found = actions().filter((one) => words.every((word) => one.text.toLowerCase().includes(word))).slice(0, 12);
  const run = (one) => {
    if (!one) return;
    onClose();
    one.run();
  };
  const keys = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Enter') run(found[at]);
    else if (step && found.length) setAt((at + step + found.length) % found.length);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t('Go to, do')} onClose={onClose}>
      <input
        type="text" class="palette-text" data-first role="combobox" aria-label={t('Go to, do')} aria-expanded="true" aria-controls="palette-list" aria-activedescendant={found.length ? `palette-${at}` : undefined}
        value={text} onInput={(event) => (setText(event.currentTarget.value), setAt(0))} onKeyDown={keys}
      />
      <ul id="palette-list" class="palette-list" role="listbox" aria-label={t('Go to, do')}>
        {found.map((one, index) => (
          <li key={one.text} id={`palette-${index}`} role="option" aria-selected={index === at} onClick={() => run(one)}><span>{one.text}</span>{one.hint && <kbd>{one.hint}</kbd>}</li>
        ))}
      </ul>
    </Dialog>
  );
}
