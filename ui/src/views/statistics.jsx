// Numbers over what is kept: how many, how fast, how it ended; per model and session.
import { useEffect, useState } from 'preact/hooks';
import { call } from '../state/api.js';
import { clockTime, duration, number, t } from '../state/i18n.js';
import { go } from '../state/route.js';
import { exchanges, sessions } from '../state/store.js';
import { attempt } from '../state/toasts.js';
import { search } from './live.jsx';

/** How often the numbers are fetched while something happens, in ms. */
const EVERY = 2000;

function useStatistics(session) {
  const [found, setFound] = useState(null);
  const { version } = exchanges.value;
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTurn(Math.floor(Date.now() / EVERY)), EVERY);
    return () => clearInterval(timer);
  }, []);
  // Asked for again when something changed, at most as often as the timer turns.
  const [asked, setAsked] = useState(-1);
  useEffect(() => {
    if (asked === version) return;
    setAsked(version);
    attempt(async () => setFound(await call('GET', `api/statistics${session ? `?session=${encodeURIComponent(session)}` : ''}`)));
  }, [turn]);
  useEffect(() => void attempt(async () => setFound(await call('GET', `api/statistics${session ? `?session=${encodeURIComponent(session)}` : ''}`))), [session]);
  return found;
}

export function Statistics() {
  const [session, setSession] = useState('');
  const found = useStatistics(session);
  return (
    <section class="pane wide-pane stack" aria-label={t('Statistics')} data-pane tabIndex={-1}>
      <div class="bar">
        <label class="field inline"><span>{t('Session')}</span>
          <select value={session} onChange={(event) => setSession(event.currentTarget.value)}><option value="">{t('all')}</option>{sessions.value.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}</select>
        </label>
      </div>
      {found && (
        <>
          <div class="tiles">
            <Tile name={t('Requests')} value={number(found.requests)} about={t('{0} open', found.in_flight)} />
            <Tile name={t('Total, median')} value={duration(found.total_ms?.p50) || '—'} about={found.total_ms && t('99 % within {0}', duration(found.total_ms.p99))} />
            <Tile name={t('First byte, median')} value={duration(found.first_ms?.p50) || '—'} about={found.first_ms && t('99 % within {0}', duration(found.first_ms.p99))} />
            <Tile name={t('Tokens')} value={number((found.tokens?.input ?? 0) + (found.tokens?.output ?? 0))} about={`${number(found.tokens?.input ?? 0)} → ${number(found.tokens?.output ?? 0)}`} />
          </div>
          <Timeline slots={found.timeline} />
          <div class="grid wide">
            <Percentiles name={t('Total')} values={found.total_ms} />
            <Percentiles name={t('First byte')} values={found.first_ms} />
            <Shares name={t('Outcomes')} counts={found.outcomes} term={(name) => `outcome:${name}`} />
            <Shares name={t('Statuses')} counts={found.statuses} term={(name) => `status:${name}`} />
          </div>
          <div class="grid wide">
            <Table name={t('Models')} timed rows={found.models} term={(name) => `model:"${name}"`} />
            <Table name={t('Sessions')} rows={found.sessions} term={(name) => `session:"${name}"`} />
          </div>
        </>
      )}
    </section>
  );
}

const look = (term) => ((search.value = term), go('live'));

function Tile({ name, value, about }) {
  return <div class="tile"><span>{name}</span><strong>{value}</strong><small>{about}</small></div>;
}

/** Slots of ten seconds, the newest on the right. */
function Timeline({ slots }) {
  if (!slots?.length) return null;
  const most = Math.max(1, ...slots.map((slot) => slot.requests));
  const step = 10_000;
  const count = Math.max(30, Math.round((slots.at(-1).at - slots[0].at) / step) + 1);
  const from = slots.at(-1).at - (count - 1) * step;
  const width = 100 / count;
  return (
    <figure class="timeline">
      <figcaption>{t('Requests in ten seconds, {0} at most', number(most))}</figcaption>
      <svg viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label={t('{0} requests since {1}', number(slots.reduce((sum, slot) => sum + slot.requests, 0)), clockTime(from).slice(0, 8))}>
        {slots.map((slot) => {
          const x = ((slot.at - from) / step) * width;
          const [all, bad] = [slot.requests, slot.errors].map((value) => (24 * value) / most);
          return <g key={slot.at}><rect class="ok" x={x} y={24 - all} width={width * 0.8} height={all} /><rect class="bad" x={x} y={24 - bad} width={width * 0.8} height={bad} /></g>;
        })}
      </svg>
      <div class="row between muted num"><span>{clockTime(from).slice(0, 8)}</span><span>{clockTime(slots.at(-1).at).slice(0, 8)}</span></div>
    </figure>
  );
}

function Percentiles({ name, values }) {
  return (
    <section>
      <h2 class="sub">{name}</h2>
      {values ? (
        <dl class="bars">
          {['p50', 'p90', 'p99', 'max'].map((key) => <div key={key}><dt>{key}</dt><dd><i style={{ width: `${(100 * values[key]) / Math.max(values.max, 0.001)}%` }} /><span class="num">{duration(values[key])}</span></dd></div>)}
        </dl>
      ) : <p class="muted">{t('Nothing to show yet.')}</p>}
    </section>
  );
}

function Shares({ name, counts, term }) {
  const list = Object.entries(counts ?? {}).sort(([, one], [, other]) => other - one);
  const most = Math.max(1, ...list.map(([, count]) => count));
  return (
    <section>
      <h2 class="sub">{name}</h2>
      <dl class="bars">
        {list.map(([key, count]) => <div key={key}><dt><button type="button" class="linkish" onClick={() => look(term(key))}>{key.replaceAll('_', ' ')}</button></dt><dd><i class={/^[45]|reject|fault|no_match/.test(key) ? 'bad' : ''} style={{ width: `${(100 * count) / most}%` }} /><span class="num">{number(count)}</span></dd></div>)}
      </dl>
    </section>
  );
}

function Table({ name, rows, term, timed = false }) {
  return (
    <section>
      <h2 class="sub">{name}</h2>
      <table class="plain-table">
        <thead><tr><th scope="col">{t('Name')}</th><th scope="col" class="num">{t('Requests')}</th>{timed && <><th scope="col" class="num">p50</th><th scope="col" class="num wide-only">p99</th></>}<th scope="col" class="num">{t('Tokens')}</th></tr></thead>
        <tbody>{(rows ?? []).filter((row) => row.requests > 0).sort((one, other) => other.requests - one.requests).map((row) => <tr key={row.id ?? row.name}><th scope="row"><button type="button" class="linkish" onClick={() => look(term(row.name))}>{row.name ?? '—'}</button></th><td class="num">{number(row.requests)}</td>{timed && <><td class="num">{duration(row.total_ms?.p50)}</td><td class="num wide-only">{duration(row.total_ms?.p99)}</td></>}<td class="num">{row.tokens ? `${number(row.tokens.input)} → ${number(row.tokens.output)}` : ''}</td></tr>)}</tbody>
      </table>
    </section>
  );
}
