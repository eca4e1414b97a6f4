// Text as an answer: sent whole, or leaving as it is typed. What has left cannot be taken back, so it stays.
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../state/i18n.js';
import { kept } from '../state/kept.js';
import { doTo } from '../views/pending.jsx';

/** Whether an answer that is asked for as a stream leaves as it is typed; remembered. */
export const typesLive = kept('typesLive', true);

/** A pause in typing that ends a piece, in ms. */
const PAUSE = 150;

export function TypedText({ card, form, set, force, disabled }) {
  const timer = useRef(0);
  const latest = useRef('');
  const sending = useRef(Promise.resolve());
  const sent = useRef(card.typed);
  // The smallest answer stands there to be replaced: whoever begins to type types over it.
  const first = useRef(form.text);
  latest.current = form.text;
  // What another operator typed stands before what is typed here.
  useEffect(() => {
    if (card.typed.length <= sent.current.length) return;
    const missed = card.typed.slice(sent.current.length);
    sent.current = card.typed;
    if (!latest.current.startsWith(card.typed)) set({ text: card.typed + latest.current.slice(card.typed.length - missed.length) });
  }, [card.typed]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const leave = () => {
    sending.current = sending.current.then(async () => {
      const more = latest.current.slice(sent.current.length);
      if (!more || !latest.current.startsWith(sent.current)) return;
      sent.current += more;
      if (!(await doTo(card, 'type', { text: more, ...force }))) sent.current = sent.current.slice(0, -more.length);
    });
  };
  const type = (event) => {
    const { value } = event.currentTarget;
    const kept = value.startsWith(sent.current) ? value : sent.current;
    if (kept !== value) event.currentTarget.value = kept;
    set({ text: kept });
    clearTimeout(timer.current);
    if (form.live && !event.isComposing) timer.current = setTimeout(leave, PAUSE);
  };
  const live = (event) => {
    set({ live: event.currentTarget.checked });
    if (card.stream) typesLive.value = event.currentTarget.checked;
  };
  return (
    <>
      <label class="field">
        <span>{t('Text')}</span>
        <textarea rows={6} value={form.text} onInput={type} onCompositionEnd={type} onFocus={(event) => form.text === first.current && event.currentTarget.select()} disabled={disabled} data-answer />
      </label>
      {!card.paused && <label class="check">
        <input type="checkbox" checked={form.live === true || card.typed !== ''} disabled={disabled || card.typed !== ''} onChange={live} />
        {card.stream ? t('Let it leave as it is typed') : t('Show others what is typed; it leaves at the end')}
      </label>}
    </>
  );
}
