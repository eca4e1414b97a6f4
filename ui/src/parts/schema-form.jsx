// A form made from a JSON Schema: each field as its kind wants it, and JSON where a schema leaves the kind open.
import { useId, useState } from 'preact/hooks';
import { alternativeOf, alternatives, kindOf, resolve, smallest } from '../logic/schema.js';
import { t } from '../state/i18n.js';
import { Icon } from './icon.jsx';

/** How deep forms are drawn; below it is JSON. */
const DEEPEST = 6;

/** @param {{ schema: any, root?: any, value: any, onChange: (value: any) => void, name?: string, depth?: number }} props */
export function SchemaForm({ schema, root = schema, value, onChange, name = '', depth = 0, required = true }) {
  const known = resolve(schema, root);
  const choices = alternatives(schema, root);
  const at = alternativeOf(choices, value);
  const own = choices[at];
  const field = { schema: own, root, value, onChange, name, depth, required, about: own.description ?? known.description };
  return (
    <>
      {choices.length > 1 && (
        <label class="field narrow">
          <span>{name ? t('Kind of {0}', name) : t('Kind')}</span>
          <select value={at} onChange={(event) => onChange(smallest(choices[event.currentTarget.value], root))}>
            {choices.map((one, index) => <option key={index} value={index}>{one.title ?? kindOf(one)}</option>)}
          </select>
        </label>
      )}
      <Field {...field} />
    </>
  );
}

function Field(props) {
  const kind = props.depth > DEEPEST ? 'any' : kindOf(props.schema);
  if (kind === 'object') return <ObjectField {...props} />;
  if (kind === 'array') return <ArrayField {...props} />;
  if (kind === 'null' || kind === 'const') return <p class="field"><span>{props.name}</span> <code>{JSON.stringify(props.schema.const ?? null)}</code></p>;
  return <Simple {...props} kind={kind} />;
}

function Simple({ schema, kind, value, onChange, name, about, required }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{name || t('Value')}{required && name && <i class="required" title={t('required')}>*</i>}</label>
      <Input id={id} schema={schema} kind={kind} value={value} onChange={onChange} />
      {about && <small>{about}</small>}
    </div>
  );
}

function Input({ id, schema, kind, value, onChange }) {
  if (kind === 'boolean') return <input id={id} type="checkbox" checked={value === true} onChange={(event) => onChange(event.currentTarget.checked)} />;
  if (kind === 'enum') {
    return (
      <select id={id} value={schema.enum.indexOf(value)} onChange={(event) => onChange(schema.enum[event.currentTarget.value])}>
        {schema.enum.map((one, index) => <option key={index} value={index}>{typeof one === 'string' ? one : JSON.stringify(one)}</option>)}
      </select>
    );
  }
  if (kind === 'number' || kind === 'integer') {
    const type = (event) => onChange(event.currentTarget.value === '' ? undefined : Number(event.currentTarget.value));
    return <input id={id} type="number" step={kind === 'integer' ? 1 : 'any'} min={schema.minimum} max={schema.maximum} value={value ?? ''} onInput={type} />;
  }
  if (kind === 'string') {
    const type = (event) => onChange(event.currentTarget.value);
    const long = (value ?? '').length > 60 || /\n/.test(value ?? '');
    return long ? <textarea id={id} rows={4} value={value ?? ''} onInput={type} /> : <input id={id} type="text" value={value ?? ''} onInput={type} />;
  }
  return <JsonInput id={id} value={value} onChange={onChange} />;
}

/** A value written as JSON; what is no JSON yet is kept, and told when it is. */
function JsonInput({ id, value, onChange }) {
  const [text, setText] = useState(() => JSON.stringify(value ?? null, null, 2));
  const [broken, setBroken] = useState(false);
  const type = (event) => {
    setText(event.currentTarget.value);
    try {
      onChange(JSON.parse(event.currentTarget.value));
      setBroken(false);
    } catch {
      setBroken(true);
    }
  };
  return <textarea id={id} class="mono" rows={3} spellcheck={false} value={text} aria-invalid={broken} onInput={type} />;
}

function ObjectField({ schema, root, value, onChange, name, depth, about }) {
  const own = value && typeof value === 'object' ? value : {};
  const set = (key) => (one) => onChange(Object.fromEntries(Object.keys(schema.properties).filter((each) => each === key || each in own).map((each) => [each, each === key ? one : own[each]]).filter(([, each]) => each !== undefined)));
  const missing = Object.keys(schema.properties).filter((key) => !(key in own));
  const must = new Set(schema.required ?? []);
  return (
    <fieldset class={depth ? 'nested' : 'plain'}>
      <legend class={depth ? '' : 'visually-hidden'}>{name || t('Fields')}</legend>
      {about && depth > 0 && <small>{about}</small>}
      {Object.keys(schema.properties).filter((key) => key in own).map((key) => (
        <div class="entry" key={key}>
          <div class="entry-form"><SchemaForm schema={schema.properties[key]} root={root} value={own[key]} onChange={set(key)} name={key} depth={depth + 1} required={must.has(key)} /></div>
          {!must.has(key) && <button type="button" class="quiet square" aria-label={t('Leave out {0}', key)} onClick={() => set(key)(undefined)}><Icon name="close" /></button>}
        </div>
      ))}
      {missing.length > 0 && (
        <div class="row">
          {missing.map((key) => <button type="button" class="small add" key={key} onClick={() => set(key)(smallest(schema.properties[key], root))}><Icon name="plus" />{key}</button>)}
        </div>
      )}
    </fieldset>
  );
}

function ArrayField({ schema, root, value, onChange, name, depth, about }) {
  const own = Array.isArray(value) ? value : [];
  return (
    <fieldset class="nested">
      <legend>{name || t('List')}</legend>
      {about && <small>{about}</small>}
      {own.map((one, index) => (
        <div class="entry" key={index}>
          <div class="entry-form"><SchemaForm schema={schema.items ?? {}} root={root} value={one} onChange={(next) => onChange(own.with(index, next))} name={String(index + 1)} depth={depth + 1} required={false} /></div>
          <button type="button" class="quiet square" aria-label={t('Leave out {0}', index + 1)} onClick={() => onChange(own.toSpliced(index, 1))}><Icon name="close" /></button>
        </div>
      ))}
      <button type="button" class="small add" onClick={() => onChange([...own, smallest(schema.items ?? {}, root)])}><Icon name="plus" />{t('Add')}</button>
    </fieldset>
  );
}
