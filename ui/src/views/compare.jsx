// Two exchanges beside each other: what differs in the request, in what was said, and in the times.
import { diffLines } from 'diff';
import { useMemo, useState } from 'preact/hooks';
import { replyOf, textOf } from '../logic/answer.js';
import { duration } from '../logic/times.js';
import { Icon } from '../parts/icon.jsx';
import { Tabs } from '../parts/tabs.jsx';
import { t } from '../state/i18n.js';
import { go } from '../state/route.js';
import { useExchange } from './exchange.jsx';

/** Characters of each side that are compared: beyond it the comparison costs seconds. */
const MOST = 200_000;

const WRITTEN = {
  request: (exchange) => lines(exchange.body),
  answer: (exchange) => lines(replyOf(exchange) ?? ''),
  raw: (exchange) => textOf(exchange.answer),
};

const lines = (value) => (typeof value === 'string' ? value : JSON.stringify(value, null, 2) ?? '');

export function Compare({ ids }) {
  const [one, other] = ids.map(useExchange);
  const [tab, setTab] = useState('request');
  return (
    <section class="pane detail-pane" aria-label={t('Comparison')} tabIndex={-1} data-pane>
      <header class="detail-head">
        <button type="button" class="quiet square" aria-label={t('Back')} onClick={() => go('live')}><Icon name="back" /></button>
        <h2>{t('Comparison')}</h2>
      </header>
      {one && other && (
        <>
          <table class="plain-table">
            <thead><tr><td /><th scope="col">A</th><th scope="col">B</th></tr></thead>
            <tbody>
              {[[t('Operation'), 'operation'], [t('Model'), 'model'], [t('Session'), 'session'], [t('Status'), 'status'], [t('By'), 'by']].map(([name, key]) => <Pair key={key} name={name} one={one[key]} other={other[key]} />)}
              <Pair name={t('First')} one={duration(one.first_ms)} other={duration(other.first_ms)} />
              <Pair name={t('Total')} one={duration(one.total_ms)} other={duration(other.total_ms)} />
            </tbody>
          </table>
          <Tabs label={t('Comparison')} chosen={tab} onChoose={setTab} tabs={[{ id: 'request', text: t('Request') }, { id: 'answer', text: t('Answer') }, { id: 'raw', text: t('Raw') }]}>
            <Difference one={WRITTEN[tab](one)} other={WRITTEN[tab](other)} />
          </Tabs>
        </>
      )}
    </section>
  );
}

function Pair({ name, one, other }) {
  return <tr class={one === other ? '' : 'differs'}><th scope="row">{name}</th><td>{one}</td><td>{other}</td></tr>;
}

/** The lines of a part, each in the element that says what became of it. */
const linesOf = ({ added, removed, value }) => value.replace(/\n$/, '').split('\n').map((line) => ({ Kind: added ? 'ins' : removed ? 'del' : 'span', line }));

function Difference({ one, other }) {
  const parts = useMemo(() => diffLines(one.slice(0, MOST), other.slice(0, MOST), { timeout: 1000 }), [one, other]);
  if (one === other) return <p class="muted">{t('They are the same.')}</p>;
  if (!parts) return <p class="muted">{t('They differ in too much to be compared.')}</p>;
  return (
    <pre class="code difference" tabIndex={0}>
      {parts.flatMap(linesOf).map(({ Kind, line }, index) => <Kind key={index}>{line}{'\n'}</Kind>)}
    </pre>
  );
}
