// Numbers over what is kept: how many, how fast, how it ended; per model and session.
import { useEffect, useState } from 'preact/hooks';
import { clockTime, duration } from '../logic/times.js';
import { call } from '../state/api.js';
import { number, t } from '../state/i18n.js';
import { go } from '../state/route.js';
import { exchanges, sessions } from '../state/store.js';
import { attempt } from '../state/toasts.js';
import { search } from './live.jsx';

/** How often the numbers are fetched while something happens, in ms. */
const EVERY = 2000;

function useStatistics(session, model) {
  const [found, setFound] = useState(null);
  const { version } = exchanges.value;
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTurn(Math.floor(Date.now() / EVERY)), EVERY);
    return () => clearInterval(timer);
  }, []);
  // Asked for again when something changed, at most as often as the timer turns.
  const [asked, setAsked] = useState(-1);
  const ask = () => attempt(async () => setFound(await call('GET', `api/statistics?${new URLSearchParams({ session, model })}`)));
  useEffect(() => {
    if (asked === version) return;
    setAsked(version);
    ask();
  }, [turn]);
  useEffect(() => void ask(), [session, model]);
  return found;
}

export function Statistics() {
  const [session, setSession] = useState('');
  const [model, setModel] = useState('');
  const found = useStatistics(session, model);
  const models = [...new Set([model, ...(found?.models ?? []).map(({ name }) => name)])].filter(Boolean);
  return (
    <section class="pane wide-pane stack" aria-label={t('Statistics')} data-pane tabIndex={-1}>
      <div class="bar">
        <Choice name={t('Session')} value={session} onChange={setSession} among={sessions.value.map(({ id, name }) => [id, name])} />
        <Choice name={t('Model')} value={model} onChange={setModel} among={models.map((name) => [name, name])} />
      </div>
      {found && (
        <>
          <div class="tiles">
            <Tile name={t('Requests')} value={number(found.requests)} about={t('{0} open', found.in_flight)} />
            <Tile name={t('Total, median')} value={duration(found.total_ms?.p50) || '—'} about={found.total_ms && t('99 % within {0}', duration(found.total_ms.p99))} />
            <Tile name={t('First token, median')} value={duration(found.first_ms?.p50) || '—'} about={found.first_ms && t('99 % within {0}', duration(found.first_ms.p99))} />
            <Tile name={t('Tokens')} value={number((found.tokens?.input ?? 0) + (found.tokens?.output ?? 0))} about={`${number(found.tokens?.input ?? 0)} → ${number(found.tokens?.output ?? 0)}`} />
          </div>
          <Timeline slots={found.timeline} />
          <div class="grid wide">
            <Percentiles name={t('Total')} values={found.total_ms} />
            <Percentiles name={t('First token')} values={found.first_ms} />
            <Shares name={t('Outcomes')} counts={found.outcomes} term={(name) => `outcome:${name}`} />
            <Shares name={t('Statuses')} counts={found.statuses} term={(name) => `status:${name}`} />
          </div>
          <Table name={t('Models')} rows={found.models} term={(name) => `model:"${name}"`} />
          <Table name={t('Sessions')} rows={found.sessions} term={(name) => `session:"${name}"`} />
        </>
      )}
    </section>
  );
}

/** All of something, or one. */
function Choice({ name, value, onChange, among }) {
  return (
    <label class="field inline"><span>{name}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}><option value="">{t('all')}</option>{among.map(([id, text]) => <option key={id} value={id}>{text}</option>)}</select>
    </label>
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

/** The columns of numbers behind a name; on a phone there is room for some. */
const COLUMNS = () => [
  { text: t('Requests'), of: (row) => number(row.requests) },
  { text: t('Errors'), of: (row) => row.errors > 0 && number(row.errors), term: 'is:error' },
  { text: t('First token, p50'), of: (row) => duration(row.first_ms?.p50), wide: true },
  { text: t('First token, p99'), of: (row) => duration(row.first_ms?.p99), wide: true },
  { text: t('Total, p50'), of: (row) => duration(row.total_ms?.p50) },
  { text: t('Total, p99'), of: (row) => duration(row.total_ms?.p99), wide: true },
  { text: t('Tokens'), of: (row) => row.tokens && `${number(row.tokens.input)} → ${number(row.tokens.output)}`, wide: true },
];

function Table({ name, rows, term }) {
  const columns = COLUMNS();
  const kind = ({ wide }) => (wide ? 'num wide-only' : 'num');
  const shown = (rows ?? []).filter((row) => row.requests > 0).sort((one, other) => other.requests - one.requests);
  const cell = (row, { of, term: more }) => (more && of(row) ? <button type="button" class="linkish" onClick={() => look(`${term(row.name)} ${more}`)}>{of(row)}</button> : of(row));
  return (
    <section>
      <h2 class="sub">{name}</h2>
      <table class="plain-table">
        <thead><tr><th scope="col">{t('Name')}</th>{columns.map((column) => <th key={column.text} scope="col" class={kind(column)}>{column.text}</th>)}</tr></thead>
        <tbody>
          {shown.map((row) => (
            <tr key={row.id ?? row.name}>
              <th scope="row"><button type="button" class="linkish" onClick={() => look(term(row.name))}>{row.name ?? '—'}</button></th>
              {columns.map((column) => <td key={column.text} class={kind(column)}>{cell(row, column)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
