// Where answers pause: by a condition, at an answer or before a piece of a stream.
import { useState } from 'preact/hooks';
import { MATCH, read } from '../parts/answer-forms.jsx';
import { Dialog } from '../parts/dialog.jsx';
import { Editor } from '../parts/editor.jsx';
import { Icon } from '../parts/icon.jsx';
import { lineOf } from '../logic/json-walk.js';
import { call } from '../state/api.js';
import { t } from '../state/i18n.js';
import { breakpoints, fetchBreakpoints, sessions } from '../state/store.js';
import { attempt } from '../state/toasts.js';

const change = async (method, path, body, said) => {
  const done = await attempt(() => call(method, path, body), said);
  await attempt(fetchBreakpoints);
  return done;
};

export function Breakpoints({ onClose }) {
  const list = breakpoints.value ?? [];
  return (
    <Dialog title={t('Breakpoints')} onClose={onClose} wide>
      {list.length === 0 && <p class="muted">{t('Nothing pauses. What is added here pauses answers that fit, until somebody lets them go on.')}</p>}
      {list.length > 0 && (
        <ul class="breakpoints" aria-label={t('Breakpoints')}>
          {list.map((one, index) => (
            <li key={one.id}>
              <span class="badge accent">{one.at === 'answer' ? t('answer') : t('piece {0}', one.at.piece)}</span>
              <code class="grow line">{one.match ? JSON.stringify(one.match) : t('every request')}</code>
              {one.session && <span class="chip">{sessions.value.find(({ id }) => id === one.session)?.name ?? one.session}</span>}
              <span class="muted num">{one.times === null ? t('met {0} ×', one.hits) : t('met {0} ×, {1} left', one.hits, one.times)}</span>
              <button type="button" class="quiet square" aria-label={t('Remove breakpoint {0}', index + 1)} onClick={() => change('DELETE', `api/breakpoints/${encodeURIComponent(one.id)}`)}><Icon name="trash" /></button>
            </li>
          ))}
        </ul>
      )}
      <Add />
    </Dialog>
  );
}

const BLANK = { match: '{}', at: 'answer', piece: '0', session: '', times: '' };

function Add() {
  const [form, setForm] = useState(BLANK);
  const [refusal, setRefusal] = useState(null);
  const set = (field) => (event) => setForm((before) => ({ ...before, [field]: event.currentTarget.value }));
  const add = async (event) => {
    event.preventDefault();
    const { value: match, refusal: broken = null } = read(form.match);
    setRefusal(broken);
    if (broken) return;
    const any = typeof match === 'object' && match !== null && Object.keys(match).length === 0;
    try {
      await call('POST', 'api/breakpoints', {
        ...(any ? {} : { match }), at: form.at === 'answer' ? 'answer' : { piece: Number(form.piece) }, ...(form.session ? { session: form.session } : {}), ...(form.times ? { times: Number(form.times) } : {}),
      });
      setForm(BLANK);
    } catch (error) {
      setRefusal({ message: error.message, line: lineOf(form.match, (error.param ?? '').replace(/^match\.?/, '')), path: error.param });
    }
    await attempt(fetchBreakpoints);
  };
  return (
    <form class="stack" onSubmit={add}>
      <h3>{t('Pause what fits')}</h3>
      <Editor label={t('Condition')} value={form.match} onChange={(match) => setForm((before) => ({ ...before, match }))} schema={MATCH} rows={3} faultLine={refusal?.line} />
      {refusal && <p class="fault" role="alert">{refusal.path && <code>{refusal.path}</code>} {refusal.message}</p>}
      <div class="row wrap bottom">
        <label class="field narrow"><span>{t('Pause at')}</span><select value={form.at} onChange={set('at')}><option value="answer">{t('the answer')}</option><option value="piece">{t('a piece of a stream')}</option></select></label>
        {form.at === 'piece' && <label class="field narrow"><span>{t('Piece, from 0')}</span><input type="number" class="short" min={0} required value={form.piece} onInput={set('piece')} /></label>}
        <label class="field narrow"><span>{t('Session')}</span><select value={form.session} onChange={set('session')}><option value="">{t('all')}</option>{sessions.value.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}</select></label>
        <label class="field narrow"><span>{t('Times')}</span><select value={form.times} onChange={set('times')}><option value="">{t('always')}</option>{['1', '2', '5', '10'].map((one) => <option key={one}>{one}</option>)}</select></label>
        <span class="grow" />
        <button type="submit" class="primary"><Icon name="plus" />{t('Add breakpoint')}</button>
      </div>
    </form>
  );
}
