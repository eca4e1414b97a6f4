// Every exchange as it begins and ends: searched as one types, opened beside the list, two of them compared.
import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { EVERY, matcher, SEARCH_KEYS, SEARCH_STATES } from '../logic/search.js';
import { Confirm } from '../parts/dialog.jsx';
import { ExchangeRow } from '../parts/exchange-row.jsx';
import { Icon } from '../parts/icon.jsx';
import { listKeys, WindowList } from '../parts/window-list.jsx';
import { number, t } from '../state/i18n.js';
import { go, replace, route } from '../state/route.js';
import { useKeys } from '../state/shortcuts.js';
import { clearExchanges, exchanges, fetchOlder, hasOlder, loaded } from '../state/store.js';
import { attempt } from '../state/toasts.js';
import { Compare } from './compare.jsx';
import { Exchange } from './exchange.jsx';

/** What is searched for; other views set it. */
export const search = signal('');

/** The ids marked for comparing, two at most. */
export const marked = signal([]);

/** When the list was paused: the last exchange that is shown; null while it runs. */
const pausedAt = signal(null);

const CHIPS = ['is:open', 'is:error', 'is:stream', 'by:script', 'by:operator', 'status:4xx', 'status:5xx'];
const HEIGHT = 52;

/** Marks one for comparing, or takes the mark away. */
export function mark(id) {
  marked.value = marked.value.includes(id) ? marked.value.filter((one) => one !== id) : [...marked.value.slice(-1), id];
}

export function Live() {
  const { id, more } = route.value;
  const [asking, setAsking] = useState(false);
  const { rows, version } = exchanges.value;
  const until = pausedAt.value;
  const { shown, added } = useMemo(() => {
    const holds = matcher(search.value);
    const all = until === null ? rows : rows.filter((row) => row.arrived <= until);
    const found = holds === EVERY ? all : all.filter(holds);
    return { shown: [...found].reverse(), added: rows.length - all.length };
  }, [version, search.value, until]);

  const open = (next) => go('live', next);
  const select = (next) => replace('live', next);
  const pause = () => (pausedAt.value = until === null ? rows.at(-1)?.arrived ?? 0 : null);
  const compare = () => marked.value.length === 2 && go('live', ...marked.value);
  useKeys({
    ...listKeys(shown, id, select),
    Escape: () => (id ? go('live') : false),
    p: pause,
    m: () => (id ? mark(id) : false),
    c: compare,
  });

  return (
    <div class={id ? 'split opened' : 'split'}>
      <section class="pane list-pane" aria-label={t('Exchanges')}>
        <div class="bar">
          <SearchField />
          <button type="button" aria-pressed={until !== null} onClick={pause} title="p"><Icon name={until === null ? 'pause' : 'play'} />{until === null ? t('Pause') : t('Go on')}{added > 0 && <b class="count">{number(added)}</b>}</button>
          {marked.value.length > 0 && <button type="button" disabled={marked.value.length < 2} onClick={compare} title="c">{t('Compare {0}/2', marked.value.length)}</button>}
          <button type="button" class="quiet square" aria-label={t('Empty the list of exchanges')} onClick={() => setAsking(true)}><Icon name="trash" /></button>
        </div>
        <Chips />
        <div class="exchange-head" aria-hidden="true">
          <span>{t('Status')}</span><span>{t('Asked and said')}</span><span>{t('Model')}</span><span>{t('Session')}</span><span>{t('By')}</span><span class="num">{t('First')}</span><span class="num">{t('Total')}</span><span class="num">{t('Tokens')}</span><span class="num">{t('At')}</span>
        </div>
        <WindowList
          id="exchanges" label={t('Exchanges')} view={search.value} items={shown} height={HEIGHT} selected={id} onSelect={select} onOpen={open} onEnd={hasOlder.value ? fetchOlder : undefined}
          row={(row) => <ExchangeRow row={row} marked={marked.value.includes(row.id)} />}
        />
        {shown.length === 0 && loaded.value && <Empty searched={rows.length > 0} />}
        <p class="foot"><span>{t('{0} of {1} exchanges', number(shown.length), `${number(rows.length)}${hasOlder.value ? '+' : ''}`)}</span><Arrivals count={rows.length} /></p>
      </section>
      {id && !more && <Exchange key={id} id={id} />}
      {id && more && <Compare key={id + more} ids={[id, more]} />}
      {asking && <Confirm question={t('Empty the list of exchanges of all sessions?')} action={t('Empty')} onClose={() => setAsking(false)} onConfirm={() => attempt(clearExchanges, t('Emptied'))} />}
    </div>
  );
}

function SearchField() {
  const field = useRef(null);
  return (
    <label class="search">
      <Icon name="search" />
      <input
        ref={field} type="search" list="search-words" value={search.value} placeholder={t('status:429 model:gpt-4o is:error text')} aria-label={t('Search')}
        title={t('Words, and {0}; is: {1}; - before one turns it round', SEARCH_KEYS.map((key) => `${key}:`).join(' '), SEARCH_STATES.join(' '))}
        onInput={(event) => (search.value = event.currentTarget.value)}
      />
      <datalist id="search-words">{[...SEARCH_KEYS.map((key) => `${key}:`), ...SEARCH_STATES.map((state) => `is:${state}`)].map((word) => <option key={word} value={word} />)}</datalist>
    </label>
  );
}

function Chips() {
  const words = search.value.split(/\s+/);
  const toggle = (chip) => (search.value = words.includes(chip) ? words.filter((word) => word !== chip).join(' ') : `${search.value.trim()} ${chip}`.trim());
  return (
    <div class="chips" role="group" aria-label={t('Filters')}>
      {CHIPS.map((chip) => <button type="button" key={chip} class="chip" aria-pressed={words.includes(chip)} onClick={() => toggle(chip)}>{chip}</button>)}
    </div>
  );
}

function Empty({ searched }) {
  if (searched) return <div class="empty"><p>{t('Nothing that is known fits the search.')}</p><button type="button" onClick={() => (search.value = '')}>{t('Show all')}</button></div>;
  const base = new URL('v1', document.baseURI).href;
  return (
    <div class="empty">
      <h2>{t('Nothing was asked yet')}</h2>
      <p>{t('Point a client here, and every exchange appears as it begins:')}</p>
      <pre class="code" tabIndex={0}>{`export OPENAI_BASE_URL=${base}\nexport OPENAI_API_KEY=anything`}</pre>
    </div>
  );
}

/** Tells a screen reader what came, once in three seconds at most. */
function Arrivals({ count }) {
  const [said, setSaid] = useState('');
  const last = useRef(count);
  const newest = useRef(count);
  newest.current = count;
  useEffect(() => {
    const timer = setInterval(() => {
      const added = newest.current - last.current;
      last.current = newest.current;
      setSaid(added > 0 ? t('{0} new exchanges', added) : '');
    }, 3000);
    return () => clearInterval(timer);
  }, []);
  return <span class="visually-hidden" role="status">{said}</span>;
}
