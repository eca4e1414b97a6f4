// One exchange in a line of a list.
import { plain } from '../logic/answer.js';
import { clockTime, duration } from '../logic/times.js';
import { t } from '../state/i18n.js';

/** The colour of what became of an exchange. */
export function tone(row) {
  if (row.state !== 'done') return row.waiting_for?.kind === 'operator' ? 'accent' : 'wait';
  if (row.aborted || row.status === null || row.status >= 500) return 'bad';
  if (row.status >= 400) return 'warn';
  return 'good';
}

export function Status({ row }) {
  const word = row.state !== 'done' ? (row.waiting_for?.kind === 'operator' ? t('waits') : '…') : row.aborted ? t('left') : row.status ?? '—';
  return <span class={`badge ${tone(row)}`}>{word}</span>;
}

/** What an exchange that is under way waits for. */
export const WAITS = () => ({
  operator: t('waits for a person'), clock: t('waits for the clock'), hold: t('is held'), function: t('waits for a function'), client: t('waits for the client'), upstream: t('waits for the real API'),
});

/** What was answered, or what is waited for. */
function Reply({ row }) {
  if (row.failure) return <span class="reply">✗ {row.failure.message}</span>;
  if (row.said || row.state === 'done') return <span class="reply">{plain(row.said)}</span>;
  return <span class="reply under-way">{WAITS()[row.waiting_for?.kind] ?? t('under way')}</span>;
}

export function ExchangeRow({ row, marked }) {
  return (
    <div class={marked ? 'exchange-row marked' : 'exchange-row'}>
      <Status row={row} />
      <span class="what">
        <span class="ask">{row.asked || row.path}</span>
        <Reply row={row} />
      </span>
      <span class="op mono">{row.model ?? row.operation}</span>
      <span class="session">{row.session}</span>
      <span class="by">{row.by ?? (row.state === 'done' ? row.outcome.replace('_', ' ') : '')}</span>
      <span class="num first">{duration(row.first_ms)}</span>
      <span class="num total">{duration(row.total_ms)}</span>
      <span class="num tokens">{row.tokens ? `${row.tokens.input ?? 0} → ${row.tokens.output ?? 0}` : ''}</span>
      <time class="num at">{clockTime(row.arrived).slice(0, 8)}</time>
    </div>
  );
}
