// What a waiting request is answered with: text, typed or whole; calls of the offered tools; a value of the wanted schema;
// a refusal; an error; a Reply; bytes as they are. It opens with the smallest answer that is right; an answer that is
// paused opens as it is, to go on or to be edited.
import { useState } from 'preact/hooks';
import { proposedMatch } from '../logic/rule.js';
import { startOf } from '../logic/start.js';
import { ErrorPicker, MATCH, Refusal, ReplyEditor, Structured, ToolCalls, Verbatim } from '../parts/answer-forms.jsx';
import { Menu } from '../parts/copy.jsx';
import { Editor } from '../parts/editor.jsx';
import { Icon } from '../parts/icon.jsx';
import { Tabs } from '../parts/tabs.jsx';
import { TypedText, typesLive } from '../parts/typed-text.jsx';
import { call } from '../state/api.js';
import { t } from '../state/i18n.js';
import { useKeys } from '../state/shortcuts.js';
import { sessions, settings } from '../state/store.js';
import { attempt, toast } from '../state/toasts.js';
import { doTo } from './pending.jsx';

/** The Reply of what was filled in; `verbatim` has none. */
const REPLIES = {
  text: ({ text }) => ({ text }),
  tools: ({ calls }) => ({ tool_calls: calls }),
  json: ({ json }) => ({ json }),
  refusal: ({ refusal }) => ({ refusal }),
  error: ({ error }) => ({ error }),
  reply: ({ reply }) => JSON.parse(reply),
  verbatim: ({ status, verbatim }) => ({ raw: { status: Number(status), body: JSON.parse(verbatim) } }),
};

const FORMS = { tools: ToolCalls, json: Structured, refusal: Refusal, error: ErrorPicker, reply: ReplyEditor, verbatim: Verbatim };

export function Answer({ card, force, disabled, onDone }) {
  const { paused } = card;
  const [start] = useState(() => startOf(card));
  const [form, setForm] = useState(() => ({ ...start, live: card.stream && !paused && typesLive.value }));
  const [changed, setChanged] = useState(false);
  const [kind, setKind] = useState(start.kind);
  const [keep, setKeep] = useState(false);
  const [match, setMatch] = useState(() => JSON.stringify(proposedMatch(card), null, 2));
  const [times, setTimes] = useState('unlimited');
  const typed = card.typed !== '';
  const set = (fields) => (setChanged(true), setForm((before) => ({ ...before, ...fields })));
  const forced = force ? { force: true } : {};
  const does = async (type, fields, said) => !disabled && (await doTo(card, type, { ...fields, ...forced }, said));
  const also = (type, fields, said) => async () => (await does(type, fields, said)) && onDone();

  const rule = () => (keep ? { match: JSON.parse(match), times: times === 'unlimited' ? times : Number(times) } : null);
  const send = async () => {
    if (paused && !changed && kind === start.kind) return goOn();
    try {
      const kept = rule();
      if (typed || (kind === 'text' && form.live)) return await finish(null, kept);
      const reply = REPLIES[kind](form);
      const bytes = kind === 'verbatim' && !kept && !paused;
      const fields = bytes ? { response: reply.raw.body, status_code: reply.raw.status } : { reply, ...(kept ? { keep: kept } : {}) };
      if (await does(bytes ? 'send_response' : paused && !kept ? 'edit' : 'answer', fields, kept ? t('Sent, and kept as a rule') : t('Sent'))) onDone();
    } catch (error) {
      toast(t('This is no JSON: {0}', error.message), { error: true });
    }
  };
  const finish = async (reason, kept = null) => {
    const rest = form.text.slice(card.typed.length);
    if (!typed && rest === '' && !form.live) return;
    if (rest && !(await does('type', { text: rest }))) return;
    if (!(await does('finish', reason ? { finish_reason: reason } : {}, kept ? undefined : t('Sent')))) return;
    if (kept) await attempt(() => keepTyped(card, kept, form.text), t('Sent, and kept as a rule'));
    onDone();
  };
  const goOn = also('go', {}, t('Went on'));
  const step = async () => void (await does('step', {}));
  const cut = also('cut', {}, t('Cut'));
  const generate = also('fallback', { to: 'generate' }, t('Generated'));
  const echo = also('fallback', { to: 'echo' }, t('Echoed'));
  const upstream = also('upstream', {}, t('Sent to the real API'));
  useKeys({ 'Ctrl+Enter': send, 'Ctrl+.': () => (typed || form.live ? finish('length') : false), 'Ctrl+Backspace': cut, 'Alt+g': generate, 'Alt+e': echo, 'Alt+b': upstream, ...(paused ? { 'Alt+s': step } : {}) });
  const reaches = settings.value?.upstream;

  const tabs = [
    ['text', t('Text')], form.tools.length > 0 && ['tools', t('Tool calls')], (form.schema || card.conversation?.format) && ['json', t('Structured')],
    ['refusal', t('Refusal')], ['error', t('Error')], ['reply', t('Reply')], ['verbatim', t('Verbatim')],
  ].filter(Boolean);
  const Form = FORMS[kind];
  const primary = paused ? (changed || kind !== start.kind ? t('Send this instead') : t('Go on')) : typed || (kind === 'text' && form.live) ? t('Finish') : t('Send');
  return (
    <form class="answer" onSubmit={(event) => (event.preventDefault(), send())} aria-label={t('Answer')} data-pane tabIndex={-1}>
      <Tabs label={t('Kind of answer')} chosen={kind} onChoose={setKind} tabs={tabs.map(([id, text]) => ({ id, text }))}>
        {kind === 'text' ? <TypedText card={card} form={form} set={set} force={forced} disabled={disabled} /> : <Form form={form} set={set} />}
      </Tabs>
      {keep && (
        <div class="keep">
          <div class="stack"><span class="label">{t('The next request that')}</span><Editor label={t('Condition')} value={match} onChange={setMatch} schema={MATCH} rows={3} /></div>
          <label class="field narrow"><span>{t('Times')}</span><select value={times} onChange={(event) => setTimes(event.currentTarget.value)}>{['unlimited', '1', '2', '5', '10'].map((one) => <option key={one} value={one}>{one === 'unlimited' ? t('always') : one}</option>)}</select></label>
        </div>
      )}
      <div class="bar answer-bar">
        <button type="submit" class="primary" disabled={disabled} title="Ctrl+Enter"><Icon name={paused && !changed ? 'play' : 'check'} />{primary}</button>
        {paused && card.stream && <button type="button" disabled={disabled} onClick={step} title="Alt+S"><Icon name="step" />{t('Step')}</button>}
        <label class="check"><input type="checkbox" checked={keep} onChange={(event) => setKeep(event.currentTarget.checked)} />{t('Keep as rule')}</label>
        <span class="grow" />
        <Menu label={t('More')} items={[
          { text: t('Let it be generated'), onClick: generate },
          { text: t('Let it be echoed'), onClick: echo },
          { text: t('Let it fail'), onClick: also('fallback', { to: 'error' }, t('Sent')) },
          reaches && { text: t('Let the real API answer'), onClick: upstream },
          typed && { text: t('Finish with length'), onClick: () => finish('length') },
          paused && { text: t('Never answer'), onClick: also('drop', {}, t('Dropped')) },
          { text: t('Cut the connection'), onClick: cut },
        ]} />
      </div>
    </form>
  );
}

/** What was typed becomes a rule of its session; people still answer what the rule does not, where there was no script. */
function keepTyped(card, { match, times }, text) {
  const scripted = sessions.value.find(({ id }) => id === card.session_id)?.has_script;
  const script = { rules: [{ match, times, response: { text } }], ...(scripted ? {} : { defaults: { fallback: 'manual' } }) };
  return call('POST', `api/sessions/${encodeURIComponent(card.session_id)}/script`, script);
}
