// One exchange in a line of a list.
import { clockTime, duration, t } from '../state/i18n.js';

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

export function ExchangeRow({ row, marked }) {
  return (
    <div class={marked ? 'exchange-row marked' : 'exchange-row'}>
      <Status row={row} />
      <span class="what">
        <span class="ask">{row.asked || row.path}</span>
        <span class="reply">{row.failure ? `✗ ${row.failure.message}` : row.said}</span>
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
