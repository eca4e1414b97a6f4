// What a session answers with: its rules with the uses they have left, an editor to load more, and why a request was not
// answered by one of them.
import { useEffect, useState } from 'preact/hooks';
import schema from '../../../script.schema.json';
import { lineOf } from '../logic/json-walk.js';
import { read } from '../parts/answer-forms.jsx';
import { Confirm } from '../parts/dialog.jsx';
import { Editor } from '../parts/editor.jsx';
import { Json } from '../parts/json.jsx';
import { call } from '../state/api.js';
import { t } from '../state/i18n.js';
import { kept } from '../state/kept.js';
import { go, route } from '../state/route.js';
import { exchanges, sessions } from '../state/store.js';
import { attempt, toast } from '../state/toasts.js';
import { WhyList } from './exchange.jsx';

/** What is being written; it outlives the view. */
const draft = kept('script', '{\n  "rules": [\n    {\n      "match": { "user": "weather" },\n      "response": "Sunny."\n    }\n  ]\n}\n');

/** The script of all sessions that have none of their own. */
const SHARED = '*';

export function Script() {
  const list = sessions.value;
  const chosen = route.value.id ?? list[0]?.id ?? SHARED;
  const session = list.find((one) => one.id === chosen);
  const [asking, setAsking] = useState(false);
  const [turn, setTurn] = useState(0);
  const again = () => setTurn((before) => before + 1);
  return (
    <div class="columns">
      <section class="pane stack" aria-label={t('Rules')} data-pane tabIndex={-1}>
        <div class="bar">
          <label class="field inline grow"><span>{t('Session')}</span>
            <select value={chosen} onChange={(event) => go('script', event.currentTarget.value)}>
              {list.map((one) => <option key={one.id} value={one.id}>{one.name}{one.has_script ? '' : ` · ${t('no script')}`}</option>)}
              <option value={SHARED}>{t('All without their own')}</option>
            </select>
          </label>
          {session && <button type="button" onClick={() => setAsking(true)}>{t('Reset')}</button>}
        </div>
        {session ? <Rules key={chosen} session={session} turn={turn} /> : <p class="muted">{t('The shared script serves every session that has none of its own. What is loaded here is added to it.')}</p>}
      </section>
      <section class="pane stack" aria-label={t('Editor')} data-pane tabIndex={-1}>
        <Load session={session} onLoaded={again} />
        {session && <WhyNot key={chosen} session={session} />}
      </section>
      {asking && <Confirm question={t('Forget script, journal and objects of {0}?', session.name)} action={t('Reset')} onClose={() => setAsking(false)} onConfirm={async () => (await attempt(() => call('POST', `api/sessions/${encodeURIComponent(chosen)}/reset`), t('Reset')), again())} />}
    </div>
  );
}

function Rules({ session, turn }) {
  const [state, setState] = useState(null);
  useEffect(() => void attempt(async () => setState(await call('GET', `api/sessions/${encodeURIComponent(session.id)}/state`))), [session.id, session.rules, session.requests, turn]);
  if (!state) return null;
  if (!state.rules?.length) return <p class="muted">{t('The session has no script: the fallback answers.')}</p>;
  return (
    <ol class="rules">
      {state.rules.map((rule, index) => (
        <li key={rule.index ?? index} class={rule.left === 0 ? 'used' : ''}>
          <details>
            <summary><code class="rule-name">{rule.name ?? rule.path ?? rule.label ?? `rules[${index}]`}</code><code class="rule-text">{JSON.stringify(ruleIn(rule)).slice(0, 200)}</code><span class="badge">{left(rule)}</span></summary>
            <Json value={ruleIn(rule)} label={t('Rule')} />
          </details>
        </li>
      ))}
    </ol>
  );
}

/** The rule as it was written. */
const ruleIn = (rule) => rule.rule ?? rule.source ?? rule;

function left({ left: more, times, used }) {
  if (more === null || more === 'unlimited' || (more === undefined && times === 'unlimited')) return t('always');
  if (more !== undefined) return more === 0 ? t('used up') : t('{0} left', more);
  return used === undefined ? '' : t('{0} used', used);
}

function Load({ session, onLoaded }) {
  const [refusal, setRefusal] = useState(null);
  const load = async (reset) => {
    const { value, refusal: broken = null } = read(draft.value);
    setRefusal(broken);
    if (broken) return;
    const script = reset ? { ...(Array.isArray(value) ? { responses: value } : value), reset: true } : value;
    try {
      const { rules } = await call('POST', session ? `api/sessions/${encodeURIComponent(session.id)}/script` : 'api/shared-script', script);
      toast(t('Rules loaded: {0}', rules));
      onLoaded();
    } catch (error) {
      setRefusal({ message: error.message, line: error.param ? lineOf(draft.value, error.param) : null, path: error.param });
    }
  };
  return (
    <>
      <Editor label={t('Script')} value={draft.value} onChange={(text) => (draft.value = text)} schema={schema} faultLine={refusal?.line} rows={16} />
      {refusal && <p class="fault" role="alert">{refusal.line && <b>{t('Line {0}', refusal.line)} </b>}{refusal.path && <code>{refusal.path}</code>} {refusal.message}</p>}
      <div class="row end">
        <span class="muted grow">{t('Ctrl+Space completes')}</span>
        <button type="button" onClick={() => load(true)}>{t('Replace')}</button>
        <button type="button" class="primary" onClick={() => load(false)}>{t('Load')}</button>
      </div>
    </>
  );
}

function WhyNot({ session }) {
  const mine = exchanges.value.rows.filter((row) => row.session_id === session.id || row.session === session.name).slice(-50).reverse();
  const [id, setId] = useState('');
  const [why, setWhy] = useState(null);
  const ask = (next) => {
    setId(next);
    setWhy(null);
    if (next) attempt(async () => setWhy(await call('GET', `api/exchanges/${encodeURIComponent(next)}/why`)));
  };
  return (
    <section class="stack">
      <h2 class="sub">{t('Why did this not match?')}</h2>
      <label class="field"><span>{t('Request')}</span>
        <select value={id} onChange={(event) => ask(event.currentTarget.value)}>
          <option value="">{mine.length ? t('choose one') : t('none yet')}</option>
          {mine.map((row) => <option key={row.id} value={row.id}>{`${row.status ?? '…'} ${row.asked || row.path}`.slice(0, 90)}</option>)}
        </select>
      </label>
      {why && <WhyList why={why} />}
    </section>
  );
}
