// A stream that is paused before a piece: what has left, what is to leave next, and what is to become of it.
import { useState } from 'preact/hooks';
import { Menu } from '../parts/copy.jsx';
import { Icon } from '../parts/icon.jsx';
import { t } from '../state/i18n.js';
import { useKeys } from '../state/shortcuts.js';
import { doTo } from './pending.jsx';

export function PausedPiece({ card, force, disabled, onDone }) {
  const { at, next } = card.paused;
  const written = next?.text ?? '';
  const [text, setText] = useState(written);
  const edited = text !== written;
  const does = (type, fields, then) => async () => {
    if (!disabled && (await doTo(card, type, { ...fields, ...(force ? { force: true } : {}) }))) then?.();
  };
  const goOn = edited ? does('edit', { text }, onDone) : does('go', {}, onDone);
  const step = edited ? does('edit', { text, step: true }) : does('step', {});
  const drop = does('drop', { step: true });
  const cut = does('cut', {}, onDone);
  useKeys({ 'Ctrl+Enter': goOn, 'Alt+s': step, 'Alt+d': drop, 'Ctrl+Backspace': cut });
  return (
    <form class="answer" onSubmit={(event) => (event.preventDefault(), goOn())} aria-label={t('Next piece')} data-pane tabIndex={-1}>
      <div class="tab-panel">
        <label class="field">
          <span>{t('Piece {0}, before it leaves', at.piece)}{next && next.kind !== 'text' && ` · ${next.kind}`}</span>
          <textarea class="mono" rows={3} value={text} disabled={disabled} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
      </div>
      <div class="bar answer-bar">
        <button type="submit" class="primary" disabled={disabled} title="Ctrl+Enter"><Icon name="play" />{edited ? t('Go on with this') : t('Go on')}</button>
        <button type="button" disabled={disabled} onClick={step} title="Alt+S"><Icon name="step" />{t('Step')}</button>
        <button type="button" disabled={disabled} onClick={drop} title="Alt+D">{t('Drop the piece')}</button>
        <span class="grow" />
        <Menu label={t('More')} items={[
          { text: t('Drop it, then go on'), onClick: does('drop', {}, onDone) },
          { text: t('Cut the connection'), onClick: cut },
        ]} />
      </div>
    </form>
  );
}
