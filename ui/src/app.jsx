// The page's frame: where one can go, how the connection is, and the view that is open.
import { useEffect, useState } from 'preact/hooks';
import { Icon } from './parts/icon.jsx';
import { KeyList } from './parts/key-list.jsx';
import { ModelProgress } from './parts/model-progress.jsx';
import { Palette } from './parts/palette.jsx';
import { Toasts } from './parts/toasts.jsx';
import { TokenDialog } from './parts/token-dialog.jsx';
import { tokenAsked } from './state/api.js';
import { connection, retry } from './state/connection.js';
import { language, speak, t } from './state/i18n.js';
import { go, href, route, VIEWS } from './state/route.js';
import { useKeys } from './state/shortcuts.js';
import { openPending, settings } from './state/store.js';
import { toggleTheme } from './state/theme.js';
import { Live } from './views/live.jsx';
import { Pending } from './views/pending.jsx';
import { Queue } from './views/queue.jsx';
import { Script } from './views/script.jsx';
import { Sessions } from './views/sessions.jsx';
import { Statistics } from './views/statistics.jsx';
import { Upstream } from './views/upstream.jsx';

const SHOWN = { live: Live, pending: Pending, script: Script, queue: Queue, upstream: Upstream, sessions: Sessions, statistics: Statistics };

/** The views' names. */
export const viewNames = () => ({
  live: t('Live'), pending: t('Pending'), script: t('Script'), queue: t('Queue'), upstream: t('Upstream'), sessions: t('Sessions'), statistics: t('Statistics'),
});

export function App() {
  const [over, setOver] = useState(null);
  const { view } = route.value;
  const View = SHOWN[view];
  const names = viewNames();
  const waiting = openPending.value.length;
  useTitle(names[view], waiting);
  useKeys({
    '?': () => setOver('keys'),
    'Ctrl+K': () => setOver('palette'),
    ...Object.fromEntries(VIEWS.map((name, index) => [String(index + 1), () => go(name)])),
    '/': () => document.querySelector('main input[type=search]')?.focus(),
    F6: nextPane,
    Escape: (event) => (event.target.matches('input, textarea, select') ? event.target.blur() : false),
  });
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById('main').focus())}>{t('To the content')}</a>
      <header class="top">
        <a class="brand" href={href('live')}><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M5 3v15h14M11 3v9h8" /></svg><span>LLEmulator</span></a>
        <nav aria-label={t('Views')}>
          {VIEWS.map((name) => (
            <a key={name} href={href(name)} aria-current={name === view ? 'page' : undefined}>
              <Icon name={name} /><span>{names[name]}</span>
              {name === 'pending' && waiting > 0 && <b class="count" aria-label={t('{0} waiting', waiting)}>{waiting}</b>}
            </a>
          ))}
        </nav>
        <div class="tools">
          <span class={`link ${connection.value}`} title={settings.value?.version ?? ''}><i aria-hidden="true" />{connection.value === 'open' ? t('connected') : t('connecting')}</span>
          <button type="button" class="quiet square" aria-label={t('Go to, do')} title="Ctrl+K" onClick={() => setOver('palette')}><Icon name="search" /></button>
          <button type="button" class="quiet square" aria-label={t('Dark or light')} onClick={toggleTheme}><Icon name="moon" /></button>
          <button type="button" class="quiet square" aria-label={language.value === 'zh' ? 'English' : '中文'} lang={language.value === 'zh' ? 'en' : 'zh'} onClick={() => speak(language.value === 'zh' ? 'en' : 'zh')}><Icon name="language" /></button>
          <button type="button" class="quiet square" aria-label={t('Keys')} title="?" onClick={() => setOver('keys')}>?</button>
        </div>
      </header>
      {connection.value === 'lost' && (
        <div class="banner" role="alert">
          <span>{t('The connection to the emulator is lost. What happens meanwhile is fetched when it is back.')}</span>
          <button type="button" class="small" onClick={retry}>{t('Try now')}</button>
        </div>
      )}
      <ModelProgress />
      <main id="main" tabIndex={-1} class={`view view-${view}`} aria-label={names[view]}><h1 class="visually-hidden">{names[view]}</h1><View /></main>
      {over === 'keys' && <KeyList onClose={() => setOver(null)} />}
      {over === 'palette' && <Palette onClose={() => setOver(null)} />}
      {tokenAsked.value && <TokenDialog wrong={tokenAsked.value.wrong} />}
      <Toasts />
    </div>
  );
}

/** The number of those who wait stands in the tab: its title, and its picture. */
function useTitle(name, waiting) {
  useEffect(() => {
    document.title = `${waiting ? `(${waiting}) ` : ''}${name} · LLEmulator`;
    let link = document.querySelector('link[rel=icon]');
    if (!link) document.head.append((link = Object.assign(document.createElement('link'), { rel: 'icon' })));
    const dot = waiting ? '<circle cx="24" cy="8" r="7" fill="#e5484d"/>' : '';
    link.href = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0c7a6b"/><path d="M8 6v19h17M15 6v11h10" fill="none" stroke="#fff" stroke-width="3.500"/>${dot}</svg>`)}`;
  }, [name, waiting]);
}

/** Moves the focus to the next of the panes in sight. */
function nextPane() {
  const panes = [...document.querySelectorAll('[data-pane]')].filter((pane) => pane.offsetParent !== null);
  const at = panes.findIndex((pane) => pane.contains(document.activeElement));
  panes[(at + 1) % panes.length]?.focus();
}
