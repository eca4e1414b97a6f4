// The requests that wait for a person: a card each, and beside it the conversation with what it is answered with.
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { countdown } from '../logic/times.js';
import { Bubble, Conversation } from '../parts/conversation.jsx';
import { Icon } from '../parts/icon.jsx';
import { listKeys } from '../parts/window-list.jsx';
import { bell, toggleBell } from '../state/bell.js';
import { act, hello } from '../state/connection.js';
import { t } from '../state/i18n.js';
import { kept } from '../state/kept.js';
import { go, href, replace, route } from '../state/route.js';
import { useKeys } from '../state/shortcuts.js';
import { breakpoints, dismissGone, openPending, pending, settings } from '../state/store.js';
import { attempt } from '../state/toasts.js';
import { Answer } from './answer.jsx';
import { Breakpoints } from './breakpoints.jsx';
import { PausedPiece } from './paused.jsx';

/** The name under which others see what this operator holds. */
export const operator = kept('operator', '');

/** Now, moving on while somebody looks. */
const now = signal(Date.now());

export function Pending() {
  const cards = pending.value;
  const { id } = route.value;
  const chosen = cards.find((card) => card.id === id) ?? null;
  const [pausing, setPausing] = useState(false);
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  // Whoever comes to the view is at the oldest that waits; after an answer at the next.
  const first = openPending.value[0]?.id;
  useEffect(() => {
    if (!id && first && matchMedia('(min-width: 900px)').matches) replace('pending', first);
  }, [id, first]);
  useKeys({
    ...listKeys(cards, id, (next) => replace('pending', next)),
    ...Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`Alt+${index + 1}`, () => openPending.value[index] && take(openPending.value[index].id)])),
    Escape: () => (id ? go('pending') : false),
    b: () => breakpoints.value && setPausing(true),
  });
  return (
    <div class={chosen ? 'split opened' : 'split'}>
      <section class="pane cards-pane" aria-label={t('Waiting requests')} data-pane tabIndex={-1}>
        <div class="bar">
          <label class="field inline grow"><span>{t('Your name')}</span><input type="text" value={operator.value} placeholder={hello.value?.client ?? ''} onInput={(event) => (operator.value = event.currentTarget.value)} /></label>
          {breakpoints.value && <button type="button" class="square wide-count" aria-label={t('Breakpoints: {0}', breakpoints.value.length)} title={`${t('Breakpoints')} · b`} onClick={() => setPausing(true)}><Icon name="stop" />{breakpoints.value.length > 0 && breakpoints.value.length}</button>}
          <button type="button" class="square" aria-pressed={bell.value} aria-label={t('Ring when somebody waits')} title={t('Ring when somebody waits')} onClick={() => attempt(toggleBell)}><Icon name="bell" /></button>
          {cards.some((card) => card.gone) && <button type="button" class="small" onClick={dismissGone}>{t('Put away')}</button>}
        </div>
        {cards.length === 0 && <NothingWaits />}
        <ol class="cards">{cards.map((card, index) => <li key={card.id}><Card card={card} index={index} chosen={card.id === id} /></li>)}</ol>
      </section>
      {chosen && <Opened key={chosen.id} card={chosen} />}
      {pausing && <Breakpoints onClose={() => setPausing(false)} />}
    </div>
  );
}

function NothingWaits() {
  const manual = settings.value?.fallback === 'manual';
  return (
    <div class="empty">
      <h2>{t('Nobody waits')}</h2>
      <p>{manual ? t('Requests that no rule answers come here.') : t('Requests come here by the fallback `manual`, or by a rule with "manual": true:')}</p>
      {!manual && <pre class="code" tabIndex={0}>llemulator --fallback manual</pre>}
    </div>
  );
}

/** What became of a card. */
const OVER = () => ({
  answer: t('answered'), send_response: t('answered'), typed: t('answered, typed'), cut: t('cut'), fallback: t('left to the fallback'), upstream: t('the real API answers'),
  client_left: t('the client left'), timed_out: t('too late'), reset: t('the session was reset'), stopped: t('the emulator stopped'), unseen: t('over, unseen'),
  go: t('went on'), step: t('went on'), edit: t('went on, edited'), drop: t('dropped'),
});

function Card({ card, index, chosen }) {
  const { gone, claimed } = card;
  return (
    <a class={`card ${chosen ? 'chosen' : ''} ${gone ? 'gone' : ''}`} href={href('pending', card.id)} onClick={() => (wanted.value = card.id)} aria-current={chosen ? 'true' : undefined} aria-keyshortcuts={index < 9 ? `Alt+${index + 1}` : undefined}>
      <span class="row between"><strong>{card.model ?? card.operation}</strong>{gone ? <span class="badge wait">{OVER()[gone.how] ?? gone.how}{gone.by && ` · ${gone.by}`}</span> : <TimeLeft card={card} />}</span>
      <span class="ask">{card.asked || card.path}</span>
      <span class="row wrap muted">
        <span>{card.session}</span>
        {card.paused && <span class="chip held">{card.paused.at === 'answer' ? t('paused') : t('paused at piece {0}', card.paused.at.piece)}</span>}
        {card.stream && <span class="chip">{t('stream')}</span>}
        {card.conversation?.tools?.length > 0 && <span class="chip">{t('Tools: {0}', card.conversation.tools.length)}</span>}
        {!gone && isHeld(claimed) && <span class="chip held">{isOurs(claimed) ? t('held by you') : t('held by {0}', claimed.by)}</span>}
      </span>
      {!gone && <TimeBar card={card} />}
    </a>
  );
}

/** Whether a claim holds: it ends by itself. */
const isHeld = (claimed) => claimed != null && claimed.until > now.value;

const isOurs = ({ by }) => [operator.value, hello.value?.client].includes(by);

/** What looks at the clock comes a little after it: nobody has more time than there was. */
const left = (card) => (card.deadline === null ? null : Math.max(0, Math.min(card.deadline - now.value, card.timeout_ms ?? Infinity)));

function TimeLeft({ card }) {
  const ms = left(card);
  return ms === null ? null : <span class={ms < 30_000 ? 'num urgent' : 'num muted'}>{t('{0} left', countdown(ms))}</span>;
}

function TimeBar({ card }) {
  const ms = left(card);
  if (ms === null || !card.timeout_ms) return null;
  return <i class={ms < 30_000 ? 'time-bar urgent' : 'time-bar'} style={{ width: `${(100 * ms) / card.timeout_ms}%` }} aria-hidden="true" />;
}

/** A claim is renewed before it ends, in ms. */
const RENEWED = 60_000;

/** The card whose answer gets the focus as soon as it is shown: somebody chose it, it did not just come up. */
const wanted = signal(null);

/** Opens a card to answer it. */
function take(id) {
  wanted.value = id;
  replace('pending', id);
}

function Opened({ card }) {
  const [force, setForce] = useState(false);
  const foreign = isHeld(card.claimed) && !isOurs(card.claimed) && !force;
  const [held, setHeld] = useState(false);
  const pane = useRef(null);
  useEffect(() => {
    if (wanted.value !== card.id) return;
    wanted.value = null;
    pane.current.querySelector('form :is(textarea, input, select)')?.focus();
  }, [wanted.value]);
  // Held from the moment somebody begins to answer until they turn to something else; a page that is only open holds nothing.
  useEffect(() => {
    if (card.gone || foreign || !held) return;
    const claim = () => act('claim', { id: card.id, ...(operator.value ? { by: operator.value } : {}), ...(force ? { force: true } : {}) }).catch(() => {});
    claim();
    const timer = setInterval(claim, RENEWED);
    return () => {
      clearInterval(timer);
      act('release', { id: card.id }).catch(() => {});
    };
    // A new connection holds nothing of what the lost one held.
  }, [card.id, card.gone !== null, foreign, force, held, hello.value?.client]);
  return (
    <section class="pane detail-pane" aria-label={t('Request')} data-pane tabIndex={-1} ref={pane} onFocusIn={() => setHeld(true)}>
      <header class="detail-head">
        <button type="button" class="quiet square" aria-label={t('Back')} onClick={() => go('pending')}><Icon name="back" /></button>
        <h2>{card.operation}</h2>
        <div class="row actions"><a href={href('live', card.id)}>{t('Exchange')}</a>{!card.gone && <TimeLeft card={card} />}</div>
      </header>
      <Conversation conversation={card.conversation} body={card.body} said={<SoFar card={card} />} />
      {card.gone && <p class="note">{OVER()[card.gone.how] ?? card.gone.how}{card.gone.by && ` · ${card.gone.by}`}</p>}
      {foreign && (
        <div class="note row between">
          <span>{t('{0} is answering this one.', card.claimed.by)}</span>
          <button type="button" class="small" onClick={() => setForce(true)}>{t('Take over')}</button>
        </div>
      )}
      {!card.gone && <How key={JSON.stringify(card.paused)} card={card} force={force} disabled={foreign} onDone={() => next(card.id)} />}
    </section>
  );
}

/** What has left already; of a paused stream also what is to leave next. */
function SoFar({ card: { typed, paused, gone } }) {
  if (!paused) return typed && <Bubble message={{ role: 'assistant', text: typed }} />;
  if (paused.at === 'answer') return <p class="note">{t('Paused: this is answered by {0}.', paused.by ?? '?')}</p>;
  return (
    <article class="bubble bubble-assistant">
      <header>assistant</header>
      <p class="said">{paused.said}{!gone && <mark>{paused.next?.text}</mark>}</p>
    </article>
  );
}

const How = (props) => {
  const { paused } = props.card;
  return paused && paused.at !== 'answer' ? <PausedPiece {...props} /> : <Answer {...props} />;
};

/** Goes to the oldest that still waits. */
function next(done) {
  const other = openPending.value.find((card) => card.id !== done);
  if (other && route.value.id === done) take(other.id);
}

/** Does something to a card; tells why not. True if it was done. */
export const doTo = async (card, type, fields, said) => (await attempt(() => act(type, { id: card.id, ...fields }), said)) !== undefined;
