// The sessions: who they are, what they did, their clocks.
import { useState } from 'preact/hooks';
import { duration } from '../logic/times.js';
import { Confirm, Dialog } from '../parts/dialog.jsx';
import { CopyButton } from '../parts/copy.jsx';
import { Icon } from '../parts/icon.jsx';
import { call } from '../state/api.js';
import { number, t } from '../state/i18n.js';
import { go, href } from '../state/route.js';
import { fetchSessions, sessions } from '../state/store.js';
import { attempt, toast } from '../state/toasts.js';
import { search } from './live.jsx';

const at = ({ id }, route = '') => `api/sessions/${encodeURIComponent(id)}${route && `/${route}`}`;

const change = async (action, said) => {
  const done = await attempt(action, said);
  await attempt(fetchSessions);
  return done;
};

export function Sessions() {
  const [dialog, setDialog] = useState(null);
  const list = sessions.value;
  return (
    <section class="pane wide-pane" aria-label={t('Sessions')} data-pane tabIndex={-1}>
      <div class="bar"><h2 class="grow">{t('{0} sessions', number(list.length))}</h2><button type="button" class="primary" onClick={() => setDialog({ make: true })}><Icon name="plus" />{t('New session')}</button></div>
      {list.length === 0 && <div class="empty"><p>{t('A session begins with the first request under a key.')}</p></div>}
      <ul class="sessions">{list.map((session) => <Session key={session.id} session={session} ask={setDialog} />)}</ul>
      {dialog?.make && <Make onClose={() => setDialog(null)} />}
      {dialog?.reset && <Confirm question={t('Forget script, journal and objects of {0}?', dialog.reset.name)} action={t('Reset')} onClose={() => setDialog(null)} onConfirm={() => change(() => call('POST', at(dialog.reset, 'reset')), t('Reset'))} />}
      {dialog?.end && <Confirm question={t('End the session {0}?', dialog.end.name)} action={t('End')} onClose={() => setDialog(null)} onConfirm={() => change(() => call('DELETE', at(dialog.end)), t('Ended'))} />}
    </section>
  );
}

function Session({ session, ask }) {
  const { clock } = session;
  const show = () => ((search.value = `session:"${session.name}"`), go('live'));
  return (
    <li class="session-card">
      <div class="session-name"><strong>{session.name}</strong><code class="muted">{session.token}</code></div>
      <dl class="facts">
        <div><dt>{t('Requests')}</dt><dd><button type="button" class="linkish" onClick={show}>{number(session.requests)}</button></dd></div>
        <div><dt>{t('Open')}</dt><dd>{session.in_flight}</dd></div>
        <div><dt>{t('Waiting')}</dt><dd>{session.pending}</dd></div>
        <div><dt>{t('Rules')}</dt><dd><a href={href('script', session.id)}>{session.rules}</a></dd></div>
        <div><dt>{t('Clock')}</dt><dd>{t(clock.mode)} · {duration(clock.elapsed_ms)}{clock.pending?.length > 0 && ` · ${t('{0} waiting', clock.pending.length)}`}</dd></div>
      </dl>
      {clock.mode !== 'real' && <Advance session={session} />}
      <div class="row">
        <button type="button" class="small" onClick={() => ask({ reset: session })} aria-label={t('Reset {0}', session.name)}>{t('Reset')}</button>
        <button type="button" class="small quiet" onClick={() => ask({ end: session })} aria-label={t('End {0}', session.name)}>{t('End')}</button>
      </div>
    </li>
  );
}

/** The names of clocks, for the list of what is said. */
export const clockNames = () => [t('real'), t('instant'), t('manual')];

function Advance({ session }) {
  const [ms, setMs] = useState('1000');
  const advance = (by) => change(() => call('PUT', at(session, 'clock'), { advance_ms: by }), t('The clock went on by {0}', duration(by)));
  const next = session.clock.pending?.[0];
  return (
    <form class="row wrap" onSubmit={(event) => (event.preventDefault(), advance(Number(ms)))}>
      <label class="field inline"><span>ms</span><input type="number" min={0} class="short" value={ms} onInput={(event) => setMs(event.currentTarget.value)} /></label>
      <button type="submit" class="small">{t('Advance')}</button>
      {next !== undefined && <button type="button" class="small" onClick={() => advance(Math.max(0, next - session.clock.elapsed_ms))}>{t('To the next event')}</button>}
    </form>
  );
}

function Make({ onClose }) {
  const [form, setForm] = useState({ name: '', clock: 'real', seed: '' });
  const [made, setMade] = useState(null);
  const set = (field) => (event) => setForm((before) => ({ ...before, [field]: event.currentTarget.value }));
  const make = async (event) => {
    event.preventDefault();
    const done = await change(() => call('POST', 'api/sessions', { name: form.name, clock: form.clock, ...(form.seed === '' ? {} : { seed: Number(form.seed) }) }));
    if (done) (setMade(done), toast(t('Made')));
  };
  return (
    <Dialog title={t('New session')} onClose={onClose}>
      {made ? (
        <div class="stack">
          <p>{t('Requests under this key belong to it:')}</p>
          <div class="row"><code class="grow">{made.api_key}</code><CopyButton text={made.api_key} /></div>
          <div class="row end"><button type="button" class="primary" data-first onClick={onClose}>{t('Done')}</button></div>
        </div>
      ) : (
        <form class="stack" onSubmit={make}>
          <label class="field"><span>{t('Name')}</span><input type="text" required data-first value={form.name} onInput={set('name')} /></label>
          <div class="grid">
            <label class="field"><span>{t('Clock')}</span><select value={form.clock} onChange={set('clock')}>{['real', 'instant', 'manual'].map((one) => <option key={one} value={one}>{t(one)}</option>)}</select></label>
            <label class="field"><span>{t('Seed')}</span><input type="number" min={0} value={form.seed} onInput={set('seed')} /></label>
          </div>
          <div class="row end"><button type="button" onClick={onClose}>{t('Cancel')}</button><button type="submit" class="primary">{t('Make')}</button></div>
        </form>
      )}
    </Dialog>
  );
}
