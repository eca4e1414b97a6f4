// One exchange: as a conversation, as it was on the wire, and why each rule did or did not answer it.
import { useEffect, useState } from 'preact/hooks';
import { replyOf } from '../logic/answer.js';
import { picturesOf, shortened } from '../logic/parts.js';
import { isText, ruleOf } from '../logic/rule.js';
import { curl, isForm, javascript, python } from '../logic/snippets.js';
import { duration } from '../logic/times.js';
import { Bubble, Conversation } from '../parts/conversation.jsx';
import { copy, Menu } from '../parts/copy.jsx';
import { Dialog } from '../parts/dialog.jsx';
import { Editor } from '../parts/editor.jsx';
import { Status } from '../parts/exchange-row.jsx';
import { Icon } from '../parts/icon.jsx';
import { Raw } from '../parts/raw.jsx';
import { Tabs } from '../parts/tabs.jsx';
import { call } from '../state/api.js';
import { t } from '../state/i18n.js';
import { go, href } from '../state/route.js';
import { useKeys } from '../state/shortcuts.js';
import { exchange as known, exchanges } from '../state/store.js';
import { attempt, toast } from '../state/toasts.js';
import { mark, marked } from './live.jsx';

/** The whole of an exchange, fetched again when it ends. `null` while it comes, `false` when it is no longer kept. */
export function useExchange(id) {
  const [found, setFound] = useState(null);
  const state = (exchanges.value, known(id)?.state);
  useEffect(() => {
    let current = true;
    call('GET', `api/exchanges/${encodeURIComponent(id)}`).then((value) => current && setFound(value), () => current && setFound(false));
    return () => (current = false);
  }, [id, state]);
  return found;
}

const base = () => new URL('.', document.baseURI).href;

export function Exchange({ id }) {
  const found = useExchange(id);
  const [tab, setTab] = useState('conversation');
  const [editing, setEditing] = useState(false);
  useKeys({
    ArrowRight: () => setTab(after(tab, 1)),
    ArrowLeft: () => setTab(after(tab, -1)),
    e: () => found && !isForm(found) && setEditing(true),
  });
  return (
    <section class="pane detail-pane" aria-label={t('Exchange')} tabIndex={-1} data-pane>
      <header class="detail-head">
        <button type="button" class="quiet square" aria-label={t('Back')} onClick={() => go('live')}><Icon name="back" /></button>
        {found && <Status row={found} />}
        <h2>{found ? found.operation : id}</h2>
        {found && <Actions exchange={found} onEdit={() => setEditing(true)} />}
      </header>
      {found === false && <p class="empty">{t('This exchange is no longer kept.')}</p>}
      {found && (
        <>
          <Facts exchange={found} />
          <Tabs label={t('Exchange')} chosen={tab} onChoose={setTab} tabs={TABS().map(([name, text]) => ({ id: name, text }))}>
            {tab === 'conversation' && <Conversation conversation={found.conversation} body={found.body} said={<Said exchange={found} />} />}
            {tab === 'raw' && <Raw exchange={found} />}
            {tab === 'why' && <Why exchange={found} />}
          </Tabs>
        </>
      )}
      {editing && <SendAgain exchange={found} onClose={() => setEditing(false)} />}
    </section>
  );
}

const TABS = () => [['conversation', t('Conversation')], ['raw', t('Raw')], ['why', t('Why')]];
const after = (tab, step) => {
  const names = ['conversation', 'raw', 'why'];
  return names[(names.indexOf(tab) + step + names.length) % names.length];
};

function Facts({ exchange }) {
  const facts = [
    [t('Session'), exchange.session], [t('Model'), exchange.model], [t('By'), [exchange.by, exchange.rule].filter(Boolean).join(' · ')],
    [t('First'), duration(exchange.first_ms)], [t('Total'), duration(exchange.total_ms)],
    [t('Tokens'), exchange.tokens && `${exchange.tokens.input ?? 0} → ${exchange.tokens.output ?? 0}`],
    [t('Client'), exchange.client && `${exchange.client.ip}:${exchange.client.port}`], [t('Retry'), exchange.retry_count > 0 && exchange.retry_count],
    [t('Request id'), exchange.request_id],
  ].filter(([, value]) => value);
  return <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

/** What is shown of an answer: each of its choices; what is no text as it is, with its pictures. */
const choicesOf = (reply) => (reply.raw ? [{ json: shortened(reply.raw.body), parts: picturesOf(reply.raw.body) }] : reply.choices ?? [reply]);

function Said({ exchange }) {
  const reply = replyOf(exchange);
  return (
    <>
      {reply?.error && <article class="bubble bubble-error"><header>{t('Error')} {reply.error.status}</header><p class="said">{reply.error.message}</p></article>}
      {reply && !reply.error && choicesOf(reply).map(({ parts, ...choice }, index) => <Bubble key={index} message={{ ...choice, role: 'assistant', text: choice.refusal ?? choice.text }} parts={parts} />)}
      {exchange.explanation && <pre class="explanation" tabIndex={0}>{exchange.explanation}</pre>}
      {exchange.warnings?.map((warning) => <p class="note" key={warning}>{warning}</p>)}
    </>
  );
}

function Actions({ exchange, onEdit }) {
  const reply = replyOf(exchange);
  return (
    <div class="row actions">
      <Menu label={t('Copy')} items={[
        { text: 'curl', onClick: () => copy(curl(exchange, base())) },
        { text: 'Python', onClick: () => copy(python(exchange, base())) },
        { text: 'JavaScript', onClick: () => copy(javascript(exchange, base())) },
        (reply || exchange.state !== 'done') && { text: t('Rule of a script'), onClick: () => copy(JSON.stringify(ruleOf(exchange, reply), null, 2)) },
      ]} />
      {exchange.state === 'done' && reply && <Menu label={t('Keep')} items={keeps(exchange, reply)} />}
      <button type="button" class="small" aria-pressed={marked.value.includes(exchange.id)} onClick={() => mark(exchange.id)} title="m">{t('Mark')}</button>
      <button type="button" class="small" disabled={isForm(exchange)} onClick={onEdit} title={isForm(exchange) ? t('The files of a form are not kept') : 'e'}><Icon name="edit" />{t('Send again')}</button>
    </div>
  );
}

/** Where an answer can be kept, to be given again: in a queue, or as a rule. */
function keeps(exchange, reply) {
  const { client, session, session_id: id } = exchange;
  const queue = (name) => ({ text: t('In the queue of {0}', name), onClick: () => attempt(() => call('POST', `api/preset-queue/${encodeURIComponent(name)}`, { reply }), t('Added')) });
  const rule = () => call('POST', `api/sessions/${encodeURIComponent(id)}/script`, { rules: [ruleOf(exchange, reply, 'unlimited')] });
  const queues = isText(exchange.operation) ? [client && queue(client.ip), queue(`session:${session}`)] : [];
  return [...queues, { text: t('As a rule of {0}', session), onClick: () => attempt(rule, t('Kept as a rule')) }];
}

function SendAgain({ exchange, onClose }) {
  const [text, setText] = useState(() => JSON.stringify(exchange.body, null, 2));
  const send = async () => {
    const sent = await attempt(async () => call('POST', `api/exchanges/${encodeURIComponent(exchange.id)}/again`, exchange.body === null ? {} : { body: JSON.parse(text) }));
    if (!sent) return;
    onClose();
    toast(t('Sent: {0}', sent.status), { link: { text: t('Open'), href: href('live', sent.id) } });
  };
  return (
    <Dialog title={t('Send again, edited')} onClose={onClose} wide>
      <p class="mono line">{exchange.method} {exchange.path}</p>
      {exchange.body !== null && <Editor label={t('Body')} value={text} onChange={setText} rows={16} />}
      <div class="row end"><button type="button" onClick={onClose}>{t('Cancel')}</button><button type="button" class="primary" onClick={send}>{t('Send')}</button></div>
    </Dialog>
  );
}

function Why({ exchange }) {
  const [why, setWhy] = useState(null);
  useEffect(() => void attempt(async () => setWhy(await call('GET', `api/exchanges/${encodeURIComponent(exchange.id)}/why`))), [exchange.id]);
  return why && <WhyList why={why} />;
}

/** The conditions of a rule that do not hold. */
function Mismatches({ list }) {
  const shown = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
  return (
    <table class="plain-table">
      <thead><tr><th scope="col">{t('Condition')}</th><th scope="col">{t('wanted')}</th><th scope="col">{t('got')}</th></tr></thead>
      <tbody>{list.map(({ key, wanted, got }, index) => <tr key={index}><th scope="row"><code>{key}</code></th><td><code>{shown(wanted)}</code></td><td><code>{shown(got)}</code></td></tr>)}</tbody>
    </table>
  );
}

/** Each rule against a request. */
export function WhyList({ why }) {
  return (
    <>
      {why.explanation && <pre class="explanation" tabIndex={0}>{why.explanation}</pre>}
      {why.rules.length === 0 && !why.explanation && <p class="muted">{t('The session has no script: the fallback answers.')}</p>}
      <ol class="why">
        {why.rules.map(({ index, rule, matches, used_up: usedUp, why: reason, mismatches = [] }) => (
          <li key={index}>
            <span class={`badge ${matches && !usedUp ? 'good' : usedUp ? 'warn' : 'wait'}`}>{usedUp ? t('used up') : matches ? t('matches') : t('no match')}</span>
            <code>{rule}</code>
            {mismatches.length > 0 ? <Mismatches list={mismatches} /> : reason && <pre>{reason}</pre>}
          </li>
        ))}
      </ol>
    </>
  );
}
