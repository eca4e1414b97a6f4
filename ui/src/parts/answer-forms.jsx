// The forms of an answer, one for each kind; `form` holds the values of all, `set` changes some.
import schema from '../../../script.schema.json';
import { lineOf } from '../logic/json-walk.js';
import { fault } from '../logic/schema.js';
import { callOf, ERRORS } from '../logic/start.js';
import { t } from '../state/i18n.js';
import { forgetTemplate, keepTemplate, ownTemplates, TEMPLATES } from '../state/templates.js';
import { Menu } from './copy.jsx';
import { Editor } from './editor.jsx';
import { Icon } from './icon.jsx';
import { SchemaForm } from './schema-form.jsx';

/** What a Reply, and what a condition may be: parts of a script's schema. */
export const REPLY = { $ref: '#/$defs/a-reply', $defs: schema.$defs };
export const MATCH = { $ref: '#/$defs/a-match', $defs: schema.$defs };

export function ToolCalls({ form: { calls, tools }, set }) {
  const change = (index, call) => set({ calls: calls.with(index, call) });
  return (
    <>
      {calls.map((call, index) => {
        const tool = tools.find((one) => one.name === call.name);
        const found = tool?.parameters && fault(tool.parameters, call.arguments);
        return (
          <fieldset class="nested" key={index}>
            <legend>{t('Call {0}', index + 1)}</legend>
            <div class="row">
              <label class="field grow"><span>{t('Tool')}</span><select value={call.name} onChange={(event) => change(index, callOf(tools.find((one) => one.name === event.currentTarget.value)))}>{tools.map((one) => <option key={one.name}>{one.name}</option>)}</select></label>
              {calls.length > 1 && <button type="button" class="quiet square" aria-label={t('Leave out {0}', index + 1)} onClick={() => set({ calls: calls.toSpliced(index, 1) })}><Icon name="close" /></button>}
            </div>
            <SchemaForm key={call.name} schema={tool?.parameters ?? {}} value={call.arguments} onChange={(value) => change(index, { ...call, arguments: value })} />
            <Fault found={found} />
          </fieldset>
        );
      })}
      <button type="button" class="small add" onClick={() => set({ calls: [...calls, callOf(tools[0])] })}><Icon name="plus" />{t('One more call')}</button>
    </>
  );
}

export function Structured({ form: { schema: wanted, json }, set }) {
  return <><SchemaForm schema={wanted ?? {}} value={json} onChange={(value) => set({ json: value })} /><Fault found={wanted && fault(wanted, json)} /></>;
}

const Fault = ({ found }) => found && <p class="fault" role="status"><code>{found.path}</code> {found.message === 'required' ? t('required') : found.message}</p>;

export function Refusal({ form: { refusal }, set }) {
  return <label class="field"><span>{t('Refusal')}</span><textarea rows={3} value={refusal} onInput={(event) => set({ refusal: event.currentTarget.value })} /></label>;
}

export function ErrorPicker({ form: { error }, set }) {
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

export function Verbatim({ form: { verbatim, status }, set }) {
  return (
    <>
      <div class="row wrap bottom">
        <label class="field narrow"><span>{t('Status')}</span><input type="number" min={200} max={599} value={status} onInput={(event) => set({ status: event.currentTarget.value })} /></label>
        <Templates onChoose={(body) => set({ verbatim: JSON.stringify(body, null, 2) })} />
        <button type="button" onClick={() => keepTemplate(verbatim)}>{t('Keep as template')}</button>
      </div>
      <Editor label={t('Body')} value={verbatim} onChange={(text) => set({ verbatim: text })} rows={12} faultLine={brokenLine(verbatim)} />
    </>
  );
}

/** The older tool's bodies and one's own; the latter can be forgotten. */
export function Templates({ onChoose }) {
  const own = ownTemplates.value;
  return (
    <Menu label={t('Templates')} items={[
      ...TEMPLATES.map(({ name, body }) => ({ text: t(name), onClick: () => onChoose(body) })),
      ...own.map(({ name, body }) => ({ text: name, onClick: () => onChoose(body), also: { text: t('Forget {0}', name), icon: 'close', onClick: () => forgetTemplate(name) } })),
    ]} />
  );
}

/** A Reply as JSON: whatever a script can say, with its pace, usage and faults. */
export function ReplyEditor({ form: { reply }, set }) {
  return <Editor label={t('Reply')} value={reply} onChange={(text) => set({ reply: text })} schema={REPLY} rows={10} faultLine={brokenLine(reply)} />;
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

/** The value of a text that is to be sent, or how a form refuses one that is no JSON. */
export function read(text) {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { refusal: { message: t('This is no JSON: {0}', error.message), line: brokenLine(text) } };
  }
}
