// Whether the real API answers, which one, and what was sent there.
import { useEffect, useState } from 'preact/hooks';
import { clockTime, duration } from '../logic/times.js';
import { call } from '../state/api.js';
import { t } from '../state/i18n.js';
import { href } from '../state/route.js';
import { bypass, fetchBypass, upstreamChanged } from '../state/store.js';
import { attempt } from '../state/toasts.js';

export function Upstream() {
  const config = bypass.value;
  if (!config) return null;
  const toggle = async () => {
    await attempt(() => call('POST', `api/bypass/${config.enabled ? 'disable' : 'enable'}`));
    await attempt(fetchBypass);
  };
  return (
    <div class="columns">
      <section class="pane stack" aria-label={t('Upstream')} data-pane tabIndex={-1}>
        <label class="switch">
          <input type="checkbox" role="switch" checked={config.enabled} onChange={toggle} />
          <span><strong>{config.enabled ? t('The real API answers everything') : t('The emulator answers')}</strong><small>{t('Before queues, scripts and persons.')}</small></span>
        </label>
        <Settings key={JSON.stringify(config)} config={config} />
      </section>
      <section class="pane stack" aria-label={t('History')} data-pane tabIndex={-1}><History /></section>
    </div>
  );
}

function Settings({ config }) {
  const [form, setForm] = useState({ ...config, api_key: '' });
  const [fault, setFault] = useState(null);
  const set = (field) => (event) => setForm((before) => ({ ...before, [field]: event.currentTarget.type === 'checkbox' ? event.currentTarget.checked : event.currentTarget.value }));
  const save = async (event) => {
    event.preventDefault();
    setFault(null);
    const { target_host, target_uri, use_https, api_key } = form;
    const sent = { target_host, target_uri, use_https, target_port: Number(form.target_port), timeout: Number(form.timeout), ...(api_key ? { api_key } : {}) };
    await attempt(async () => {
      try {
        bypass.value = await call('PUT', 'api/bypass/config', sent);
      } catch (error) {
        setFault(error.param);
        throw error;
      }
    }, t('Saved'));
  };
  const forget = () => attempt(async () => (bypass.value = await call('PUT', 'api/bypass/config', { api_key: '' })), t('The key is forgotten'));
  const field = (name, text, more) => <label class="field"><span>{text}</span><input value={form[name]} onInput={set(name)} aria-invalid={fault === name} {...more} /></label>;
  return (
    <form class="stack" onSubmit={save}>
      <div class="target">
        {field('target_host', t('Host'), { type: 'text' })}
        {field('target_port', t('Port'), { type: 'number', min: 1, max: 65535 })}
        {field('target_uri', t('Path'), { type: 'text' })}
        {field('timeout', t('Timeout, s'), { type: 'number', min: 1, max: 300 })}
      </div>
      <label class="check"><input type="checkbox" checked={form.use_https} onChange={set('use_https')} />HTTPS</label>
      {field('api_key', config.api_key_configured ? t('API key (one is set, it is never shown)') : t('API key'), { type: 'password', autocomplete: 'off', placeholder: config.api_key_configured ? '••••••••' : '' })}
      <div class="row end">
        {config.api_key_configured && <button type="button" class="quiet" onClick={forget}>{t('Forget the key')}</button>}
        <button type="button" onClick={() => attempt(fetchBypass, t('Reloaded'))}>{t('Reload')}</button>
        <button type="submit" class="primary">{t('Save')}</button>
      </div>
    </form>
  );
}

function History() {
  const [rows, setRows] = useState([]);
  const changed = upstreamChanged.value;
  useEffect(() => void attempt(async () => setRows((await call('GET', 'api/bypass/history')).data)), [changed]);
  return (
    <>
      <h2>{t('History')}</h2>
      {rows.length === 0 && <p class="muted">{t('Nothing was sent to the real API.')}</p>}
      <ul class="history">
        {rows.map((row) => (
          <li key={row.id}>
            <time class="num muted">{clockTime(row.timestamp * 1000).slice(0, 8)}</time>
            <span class={`badge ${row.success === null ? 'wait' : row.success ? 'good' : 'bad'}`}>{row.success === null ? '…' : row.status_code ?? t('failed')}</span>
            <span class="grow"><a href={href('live', String(row.id))}>{row.target_url}</a>{row.error && <small class="fault">{row.error}</small>}</span>
            <span class="muted">{row.client_ip}</span>
            <span class="num">{duration(row.elapsed_ms)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
