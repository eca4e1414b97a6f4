// What a waiting request is answered with: text, typed or whole; calls of the offered tools; a value of the wanted schema;
// a refusal; an error; bytes as they are. It opens with the smallest answer that is right.
import { useState } from 'preact/hooks';
import { proposedMatch } from '../logic/rule.js';
import { fault, smallest } from '../logic/schema.js';
import { schemaOf } from '../parts/conversation.jsx';
import { Menu } from '../parts/copy.jsx';
import { Editor } from '../parts/editor.jsx';
import { Icon } from '../parts/icon.jsx';
import { SchemaForm } from '../parts/schema-form.jsx';
import { Tabs } from '../parts/tabs.jsx';
import { TypedText } from '../parts/typed-text.jsx';
import { lineOf } from '../logic/json-walk.js';
import { t } from '../state/i18n.js';
import { useKeys } from '../state/shortcuts.js';
import { bypass, settings } from '../state/store.js';
import { keepTemplate, ownTemplates, TEMPLATES } from '../state/templates.js';
import { toast } from '../state/toasts.js';
import { doTo } from './pending.jsx';

/** OpenAI's own errors that applications meet. */
const ERRORS = [
  { status: 429, type: 'rate_limit_exceeded', code: 'rate_limit_exceeded', message: 'Rate limit reached. Please try again later.' },
  { status: 429, type: 'insufficient_quota', code: 'insufficient_quota', message: 'You exceeded your current quota, please check your plan and billing details.' },
  { status: 400, type: 'invalid_request_error', code: 'context_length_exceeded', message: "This model's maximum context length is exceeded by your messages." },
  { status: 401, type: 'invalid_request_error', code: 'invalid_api_key', message: 'Incorrect API key provided.' },
  { status: 404, type: 'invalid_request_error', code: 'model_not_found', message: 'The model does not exist or you do not have access to it.' },
  { status: 500, type: 'server_error', code: null, message: 'The server had an error while processing your request.' },
  { status: 503, type: 'server_error', code: null, message: 'The server is overloaded or not ready yet.' },
];

const startOf = (card) => {
  const start = typeof card.smallest === 'string' ? { text: card.smallest } : card.smallest ?? {};
  const tools = card.conversation?.tools ?? [];
  const schema = schemaOf(card.conversation?.format);
  const calls = start.tool_calls ?? tools.slice(0, 1).map((tool) => ({ name: tool.name, arguments: smallest(tool.parameters ?? {}) ?? {} }));
  const json = start.json ?? (schema ? smallest(schema) : {});
  return {
    tools, schema, kind: schema ? 'json' : start.tool_calls ? 'tools' : 'text',
    text: start.text ?? '', calls: calls.map((call) => ({ ...call, arguments: parsed(call.arguments) ?? {} })), json, refusal: start.refusal ?? '', error: ERRORS[0], status: 200,
    verbatim: JSON.stringify(bodyOf(card, start.text ?? ''), null, 2),
  };
};

const parsed = (value) => {
  try {
    return typeof value === 'string' ? JSON.parse(value) : value;
  } catch {
    return value;
  }
};

/** A verbatim body to begin with. */
const bodyOf = (card, content) => (card.operation.startsWith('chat')
  ? { id: 'chatcmpl-1', object: 'chat.completion', created: Math.floor(Date.now() / 1000), model: card.model, choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }
  : {});

/** The Reply of what was filled in. */
const REPLIES = {
  text: ({ text }) => ({ text }),
  tools: ({ calls }) => ({ tool_calls: calls }),
  json: ({ json }) => ({ json }),
  refusal: ({ refusal }) => ({ refusal }),
  error: ({ error }) => ({ error }),
};

export function Answer({ card, force, disabled, onDone }) {
  const [start] = useState(() => startOf(card));
  const [form, setForm] = useState(start);
  const [kind, setKind] = useState(start.kind);
  const [keep, setKeep] = useState(false);
  const [match, setMatch] = useState(() => JSON.stringify(proposedMatch(card), null, 2));
  const [times, setTimes] = useState('unlimited');
  const typed = card.typed !== '';
  const set = (fields) => setForm((before) => ({ ...before, ...fields }));
  const forced = force ? { force: true } : {};

  const send = async () => {
    if (disabled) return;
    if (typed || (kind === 'text' && form.live)) return finish();
    let fields;
    try {
      fields = kind === 'verbatim' ? { response: JSON.parse(form.verbatim), status_code: Number(form.status) } : { reply: REPLIES[kind](form) };
      if (keep) Object.assign(fields, kind === 'verbatim'
        ? { reply: { raw: { status: Number(form.status), body: fields.response } }, response: undefined, status_code: undefined } : {}, { keep: { match: JSON.parse(match), times: times === 'unlimited' ? times : Number(times) } });
    } catch (error) {
      return toast(t('This is no JSON: {0}', error.message), { error: true });
    }
    if (await doTo(card, fields.reply ? 'answer' : 'send_response', { ...fields, ...forced }, keep ? t('Sent, and kept as a rule') : t('Sent'))) onDone();
  };
  const finish = async (reason) => {
    const rest = form.text.slice(card.typed.length);
    if (!typed && rest === '' && !form.live) return;
    if (rest && !(await doTo(card, 'type', { text: rest, ...forced }))) return;
    if (await doTo(card, 'finish', { ...(reason ? { finish_reason: reason } : {}), ...forced }, t('Sent'))) onDone();
  };
  const also = (type, fields, said) => async () => !disabled && (await doTo(card, type, { ...fields, ...forced }, said)) && onDone();
  const cut = also('cut', {}, t('Cut'));
  const generate = also('fallback', { to: 'generate' }, t('Generated'));
  const echo = also('fallback', { to: 'echo' }, t('Echoed'));
  const upstream = also('upstream', {}, t('Sent to the real API'));
  useKeys({ 'Ctrl+Enter': send, 'Ctrl+.': () => finish('length'), 'Ctrl+Backspace': cut, 'Alt+g': generate, 'Alt+e': echo, 'Alt+b': upstream });
  const reaches = settings.value?.upstream || bypass.value?.api_key_configured;

  const tabs = [
    ['text', t('Text')], form.tools.length > 0 && ['tools', t('Tool calls')], (form.schema || card.conversation?.format) && ['json', t('Structured')],
    ['refusal', t('Refusal')], ['error', t('Error')], ['verbatim', t('Verbatim')],
  ].filter(Boolean);
  return (
    <form class="answer" onSubmit={(event) => (event.preventDefault(), send())} aria-label={t('Answer')} data-pane tabIndex={-1}>
      <Tabs label={t('Kind of answer')} chosen={kind} onChoose={setKind} tabs={tabs.map(([id, text]) => ({ id, text }))}>
        {kind === 'text' && <TypedText card={card} form={form} set={set} force={forced} disabled={disabled} />}
        {kind === 'tools' && <ToolCalls form={form} set={set} />}
        {kind === 'json' && <Structured form={form} set={set} />}
        {kind === 'refusal' && <label class="field"><span>{t('Refusal')}</span><textarea rows={3} value={form.refusal} onInput={(event) => set({ refusal: event.currentTarget.value })} /></label>}
        {kind === 'error' && <ErrorPicker form={form} set={set} />}
        {kind === 'verbatim' && <Verbatim form={form} set={set} />}
      </Tabs>
      {keep && (
        <div class="keep">
          <div class="stack"><span class="label">{t('The next request that')}</span><Editor label={t('Condition')} value={match} onChange={setMatch} rows={3} /></div>
          <label class="field narrow"><span>{t('Times')}</span><select value={times} onChange={(event) => setTimes(event.currentTarget.value)}>{['unlimited', '1', '2', '5', '10'].map((one) => <option key={one} value={one}>{one === 'unlimited' ? t('always') : one}</option>)}</select></label>
        </div>
      )}
      <div class="bar answer-bar">
        <button type="submit" class="primary" disabled={disabled} title="Ctrl+Enter"><Icon name="check" />{typed || form.live ? t('Finish') : keep ? t('Send and keep') : t('Send')}</button>
        <label class="check"><input type="checkbox" checked={keep} disabled={typed} onChange={(event) => setKeep(event.currentTarget.checked)} />{t('Keep as rule')}</label>
        <span class="grow" />
        <Menu label={t('Something else')} items={[
          { text: t('Let it be generated'), onClick: generate },
          { text: t('Let it be echoed'), onClick: echo },
          { text: t('Let it fail'), onClick: also('fallback', { to: 'error' }, t('Sent')) },
          reaches && { text: t('Let the real API answer'), onClick: upstream },
          typed && { text: t('Finish with length'), onClick: () => finish('length') },
          { text: t('Cut the connection'), onClick: cut },
        ]} />
      </div>
    </form>
  );
}

function ToolCalls({ form: { calls, tools }, set }) {
  const change = (index, call) => set({ calls: calls.with(index, call) });
  const blank = (tool) => ({ name: tool.name, arguments: smallest(tool.parameters ?? {}) ?? {} });
  return (
    <>
      {calls.map((call, index) => {
        const tool = tools.find((one) => one.name === call.name);
        const found = tool?.parameters && fault(tool.parameters, call.arguments);
        return (
          <fieldset class="nested" key={index}>
            <legend>{t('Call {0}', index + 1)}</legend>
            <div class="row">
              <label class="field grow"><span>{t('Tool')}</span><select value={call.name} onChange={(event) => change(index, blank(tools.find((one) => one.name === event.currentTarget.value)))}>{tools.map((one) => <option key={one.name}>{one.name}</option>)}</select></label>
              {calls.length > 1 && <button type="button" class="quiet square" aria-label={t('Leave out {0}', index + 1)} onClick={() => set({ calls: calls.toSpliced(index, 1) })}><Icon name="close" /></button>}
            </div>
            <SchemaForm key={call.name} schema={tool?.parameters ?? {}} value={call.arguments} onChange={(value) => change(index, { ...call, arguments: value })} />
            <Fault found={found} />
          </fieldset>
        );
      })}
      <button type="button" class="small add" onClick={() => set({ calls: [...calls, blank(tools[0])] })}><Icon name="plus" />{t('One more call')}</button>
    </>
  );
}

function Structured({ form: { schema, json }, set }) {
  return <><SchemaForm schema={schema ?? {}} value={json} onChange={(value) => set({ json: value })} /><Fault found={schema && fault(schema, json)} /></>;
}

const Fault = ({ found }) => found && <p class="fault" role="status"><code>{found.path}</code> {found.message === 'required' ? t('required') : found.message}</p>;

function ErrorPicker({ form: { error }, set }) {
  const change = (field) => (event) => set({ error: { ...error, [field]: field === 'status' ? Number(event.currentTarget.value) : event.currentTarget.value || null } });
  const at = ERRORS.findIndex((one) => one.code === error.code && one.status === error.status);
  return (
    <>
      <label class="field"><span>{t('Known errors')}</span><select value={at} onChange={(event) => set({ error: ERRORS[event.currentTarget.value] ?? error })}>{at < 0 && <option value={-1}>{t('own')}</option>}{ERRORS.map((one, index) => <option key={index} value={index}>{one.status} {one.code ?? one.type}</option>)}</select></label>
      <div class="grid">
        <label class="field"><span>{t('Status')}</span><input type="number" min={400} max={599} value={error.status} onInput={change('status')} /></label>
        <label class="field"><span>type</span><input type="text" value={error.type ?? ''} onInput={change('type')} /></label>
        <label class="field"><span>code</span><input type="text" value={error.code ?? ''} onInput={change('code')} /></label>
      </div>
      <label class="field"><span>message</span><textarea rows={2} value={error.message ?? ''} onInput={change('message')} /></label>
    </>
  );
}

function Verbatim({ form: { verbatim, status }, set }) {
  const own = ownTemplates.value;
  return (
    <>
      <div class="row wrap">
        <label class="field narrow"><span>{t('Status')}</span><input type="number" min={100} max={599} value={status} onInput={(event) => set({ status: event.currentTarget.value })} /></label>
        <Menu label={t('Templates')} items={[...TEMPLATES, ...own].map(({ name, body }) => ({ text: t(name), onClick: () => set({ verbatim: JSON.stringify(body, null, 2) }) }))} />
        <button type="button" class="small" onClick={() => keepTemplate(verbatim)}>{t('Keep as template')}</button>
      </div>
      <Editor label={t('Body')} value={verbatim} onChange={(text) => set({ verbatim: text })} rows={12} faultLine={brokenLine(verbatim)} />
    </>
  );
}

/** The line at which a text stops being JSON; null while it is. */
export function brokenLine(text) {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    const at = /position (\d+)/.exec(error.message)?.[1];
    return at ? text.slice(0, Number(at)).split('\n').length : lineOf(text, '$') ?? 1;
  }
}
