// An exchange as it was on the wire: the request, the answer's head, and each piece with its time on a scale.
import { useState } from 'preact/hooks';
import { pieceOf } from '../logic/pieces.js';
import { duration } from '../logic/times.js';
import { number, t } from '../state/i18n.js';
import { CopyButton } from './copy.jsx';
import { Json } from './json.jsx';

/** Pieces that are shown at once. */
const SHOWN = 200;

export function Raw({ exchange }) {
  const { answer } = exchange;
  return (
    <div class="raw">
      <Section title={t('Request')} copy={() => text(exchange.body)}>
        <p class="mono line">{exchange.method} {exchange.path}</p>
        <Headers headers={exchange.headers} />
        {exchange.body != null && <Json value={exchange.body} label={t('Request')} />}
      </Section>
      <Section title={t('Answer')} copy={answer && (() => answer.events.map((event) => event.text ?? event.base64).join(''))}>
        {answer ? (
          <>
            <p class="mono line">HTTP/1.1 {answer.status} · {t('{0} bytes', number(answer.bytes ?? 0))}</p>
            <Headers headers={answer.headers} />
            <Scale exchange={exchange} />
            {answer.truncated && <p class="muted">{answer.events.length ? t('Longer than what is kept: the rest is not shown.') : t('Its bytes were not kept: nobody had opened the control room yet.')}</p>}
          </>
        ) : <p class="muted">{t('Nothing has left yet.')}</p>}
      </Section>
    </div>
  );
}

const text = (body) => (typeof body === 'string' ? body : JSON.stringify(body, null, 2));

function Section({ title, copy, children }) {
  return (
    <section class="raw-section">
      <header class="row between"><h3>{title}</h3>{copy && <CopyButton text={copy} />}</header>
      {children}
    </section>
  );
}

function Headers({ headers }) {
  const list = Object.entries(headers ?? {});
  if (!list.length) return null;
  return (
    <details class="headers">
      <summary>{t('Headers: {0}', list.length)}</summary>
      <dl>{list.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{[value].flat().join(', ')}</dd></div>)}</dl>
    </details>
  );
}

function Scale({ exchange }) {
  const [all, setAll] = useState(false);
  const { events } = exchange.answer;
  if (!events.length) return null;
  if (events.length === 1) return <Json value={pretty(events[0])} label={t('Answer')} />;
  const last = Math.max(1, exchange.total_ms ?? 0, events.at(-1).at_ms);
  return (
    <>
      <div class="scale" role="img" aria-label={t('{0} pieces in {1}', events.length, duration(last))}>
        {events.slice(0, 2000).map((event, index) => <i key={index} style={{ left: `${(event.at_ms / last) * 100}%` }} />)}
        <span>0</span><span>{duration(last)}</span>
      </div>
      <ol class="pieces">
        {events.slice(0, all ? undefined : SHOWN).map((event, index) => (
          <li key={index}>
            <Piece event={event} last={last} />
          </li>
        ))}
      </ol>
      {!all && events.length > SHOWN && <button type="button" onClick={() => setAll(true)}>{t('Show all {0}', events.length)}</button>}
    </>
  );
}

/** One piece: what it says, and as it is when opened. */
function Piece({ event, last }) {
  const whole = (event.text ?? event.base64 ?? '').trimEnd();
  const { kind, text: said } = pieceOf(whole);
  return (
    <details>
      <summary>
        <span class="at">{duration(event.at_ms)}</span>
        <span class="kind">{kind}</span>
        <span class="piece">{said}</span>
        <i class="bar" style={{ width: `${(event.at_ms / last) * 100}%` }} />
      </summary>
      <pre>{whole}</pre>
    </details>
  );
}

function pretty({ text: said, base64 }) {
  try {
    return JSON.parse(said);
  } catch {
    return said ?? base64 ?? '';
  }
}
