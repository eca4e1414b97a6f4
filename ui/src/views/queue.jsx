// Answers that wait for their requests, per client address or session: first come, first used.
import { useState } from 'preact/hooks';
import { brokenLine, REPLY, Templates } from '../parts/answer-forms.jsx';
import { Confirm, Dialog } from '../parts/dialog.jsx';
import { Editor } from '../parts/editor.jsx';
import { Icon } from '../parts/icon.jsx';
import { Menu } from '../parts/copy.jsx';
import { call, download } from '../state/api.js';
import { t } from '../state/i18n.js';
import { go, href, route } from '../state/route.js';
import { useKeys } from '../state/shortcuts.js';
import { fetchQueues, queues, sessions } from '../state/store.js';
import { attempt, toast } from '../state/toasts.js';

const at = (address, ...rest) => ['api/preset-queue', ...[address, ...rest].filter(Boolean).map(encodeURIComponent)].join('/');

/** What takes the last deletions back, the newest last. */
const undos = [];

/** How many can be taken back. */
const MOST_UNDOS = 20;

/** Takes the last deletion back; false when there is none. */
function undo() {
  const back = undos.pop();
  return back ? void change(back, t('Back again')) : false;
}

/** Does away with something, and says how to have it back. */
async function away(action, back, said) {
  if ((await change(action)) === undefined) return;
  undos.splice(0, Math.max(0, undos.length + 1 - MOST_UNDOS));
  undos.push(back);
  toast(said, { link: { text: t('Undo'), onClick: () => undos.includes(back) && change(undos.splice(undos.indexOf(back), 1)[0], t('Back again')) } });
}

/** An item as it is sent. */
const sent = ({ id, created_at, ...item }) => item;

/** Does something to a queue and shows what it is then, not only when the event comes. */
const change = async (action, said) => {
  const done = await attempt(action, said);
  if (done !== undefined) await attempt(fetchQueues);
  return done;
};

export function Queue() {
  const known = Object.keys(queues.value);
  const address = route.value.id ?? known[0] ?? '127.0.0.1';
  const items = queues.value[address]?.items ?? [];
  const [dialog, setDialog] = useState(null);
  useKeys({ 'Ctrl+Z': undo });
  const clear = (only) => {
    const before = Object.fromEntries(Object.entries(queues.value).filter(([one, { count }]) => count > 0 && (!only || one === only)).map(([one, { items: own }]) => [one, own.map(sent)]));
    return away(() => call('DELETE', only ? at(only) : 'api/preset-queue'), () => call('POST', 'api/preset-queue/import', before), t('Cleared'));
  };
  return (
    <div class="columns">
      <section class="pane stack" aria-label={t('Queue')} data-pane tabIndex={-1}>
        <div class="bar">
          <Address address={address} known={known} />
          <Menu label={t('File')} items={[
            { text: t('Import into this queue …'), onClick: () => pick((file) => importInto(address, file)) },
            { text: t('Import a file of many queues …'), onClick: () => pick((file) => importInto(null, file)) },
            { text: t('Export this queue'), onClick: () => attempt(() => download(at(address, 'export'))) },
            { text: t('Export all'), onClick: () => attempt(() => download('api/preset-queue/export')) },
          ]} />
          <button type="button" disabled={items.length === 0} onClick={() => setDialog({ clear: address })}>{t('Clear')}</button>
          <button type="button" class="quiet" disabled={known.length === 0} onClick={() => setDialog({ clear: '' })}>{t('Clear all')}</button>
        </div>
        <Known address={address} known={known} />
        {items.length === 0 ? <div class="empty"><p>{t('This queue is empty. What is added answers the next requests from {0}, in order.', address)}</p></div> : <Items address={address} items={items} onEdit={(item) => setDialog({ item })} />}
      </section>
      <section class="pane stack" aria-label={t('Add to the queue')} data-pane tabIndex={-1}><Add address={address} /></section>
      {dialog?.item && <Edit address={address} item={dialog.item} onClose={() => setDialog(null)} />}
      {dialog?.clear !== undefined && (
        <Confirm
          question={dialog.clear ? t('Clear the queue of {0}?', dialog.clear) : t('Clear all queues?')} action={t('Clear')} onClose={() => setDialog(null)}
          onConfirm={() => clear(dialog.clear)}
        />
      )}
    </div>
  );
}

function Address({ address, known }) {
  const choose = (event) => event.currentTarget.value.trim() && go('queue', event.currentTarget.value.trim());
  return (
    <label class="field inline grow"><span>{t('Address')}</span>
      <input type="text" list="addresses" key={address} defaultValue={address} onChange={choose} onFocus={(event) => event.currentTarget.select()} />
      <datalist id="addresses">
        {known.map((one) => <option key={one} value={one}>{t('{0} waiting', queues.value[one].count)}</option>)}
        {sessions.value.map(({ name }) => <option key={name} value={`session:${name}`} />)}
      </datalist>
    </label>
  );
}

/** The queues that hold something, a click away. */
function Known({ address, known }) {
  const others = known.filter((one) => queues.value[one].count > 0 || one === address);
  if (!others.some((one) => one !== address)) return null;
  return (
    <nav class="chips bare" aria-label={t('Queues')}>
      {others.map((one) => <a key={one} class="chip" href={href('queue', one)} aria-current={one === address ? 'true' : undefined}>{one} <b class="num">{queues.value[one].count}</b></a>)}
    </nav>
  );
}

function Items({ address, items, onEdit }) {
  const [chosen, setChosen] = useState(null);
  const [dragged, setDragged] = useState(null);
  const [over, setOver] = useState(null);
  const index = items.findIndex((item) => item.id === chosen);
  const move = (id, position) => position >= 0 && position < items.length && change(() => call('PATCH', at(address, id), { position }));
  const duplicate = (id) => change(() => call('POST', at(address, id, 'duplicate')), t('Duplicated'));
  const remove = (id) => {
    const position = items.findIndex((item) => item.id === id);
    return away(() => call('DELETE', at(address, id)), () => call('POST', at(address), { ...sent(items[position]), position }), t('Deleted'));
  };
  const withChosen = (act) => () => (index >= 0 ? void act() : false);
  useKeys({
    'Alt+ArrowUp': withChosen(() => move(chosen, index - 1)),
    'Alt+ArrowDown': withChosen(() => move(chosen, index + 1)),
    d: withChosen(() => duplicate(chosen)),
    Delete: withChosen(() => remove(chosen)),
  });
  const drop = (position) => (event) => {
    event.preventDefault();
    setOver(null);
    if (dragged) move(dragged, position);
  };
  return (
    <ol class="queue" onDragEnd={() => (setDragged(null), setOver(null))}>
      {items.map((item, position) => (
        <li
          key={item.id} class={`${item.id === chosen ? 'chosen' : ''} ${over === position ? 'over' : ''} ${dragged === item.id ? 'dragged' : ''}`} draggable onFocusIn={() => setChosen(item.id)}
          onDragStart={(event) => (setDragged(item.id), event.dataTransfer.setData('text/plain', item.id))} onDragOver={(event) => (event.preventDefault(), setOver(position))} onDrop={drop(position)}
        >
          <Icon name="grip" />
          <span class="num muted">#{position + 1}</span>
          <span class={`badge ${statusOf(item) < 400 ? 'good' : 'bad'}`}>{statusOf(item)}</span>
          {item.times !== undefined && <span class="chip">{item.times === 'unlimited' ? t('always') : `× ${item.times}`}</span>}
          {item.delay_ms > 0 && <span class="chip">{item.delay_ms} ms</span>}
          <button type="button" class="preview mono" onClick={() => onEdit(item)} title={t('Edit')}>{JSON.stringify(item.response ?? item.reply).slice(0, 200)}</button>
          <span class="row item-actions">
            <button type="button" class="quiet square" aria-label={t('Up: {0}', position + 1)} disabled={position === 0} onClick={() => move(item.id, position - 1)}><Icon name="up" /></button>
            <button type="button" class="quiet square" aria-label={t('Down: {0}', position + 1)} disabled={position === items.length - 1} onClick={() => move(item.id, position + 1)}><Icon name="down" /></button>
            <button type="button" class="quiet square" aria-label={t('Duplicate {0}', position + 1)} onClick={() => duplicate(item.id)}><Icon name="copy" /></button>
            <button type="button" class="quiet square" aria-label={t('Delete {0}', position + 1)} onClick={() => remove(item.id)}><Icon name="trash" /></button>
          </span>
        </li>
      ))}
    </ol>
  );
}

const blank = { kind: 'reply', text: '{\n  "text": "Hello!"\n}', status: 200, delay: '', times: '1', fill: false };

/** What is sent for what was filled in; `null` takes a field away. A Reply has its own status: in `error` or `raw`. */
function itemOf({ kind, text, status, delay, times, fill }) {
  const own = kind === 'response' ? { status_code: Number(status), fill: fill || null } : { status_code: null, fill: null };
  return { [kind]: JSON.parse(text), ...own, delay_ms: delay === '' ? null : Number(delay), times: times === 'unlimited' ? times : Number(times) };
}

/** The status an item answers with. */
const statusOf = ({ status_code: status, reply }) => reply?.error?.status ?? reply?.raw?.status ?? status ?? 200;

function ItemForm({ form, set }) {
  return (
    <>
      <div class="row wrap bottom">
        <label class="field narrow"><span>{t('Kind')}</span><select value={form.kind} onChange={(event) => set({ kind: event.currentTarget.value })}><option value="reply">{t('Reply')}</option><option value="response">{t('Verbatim body')}</option></select></label>
        {form.kind === 'response' && <label class="field narrow"><span>{t('Status')}</span><input type="number" min={200} max={599} value={form.status} onInput={(event) => set({ status: event.currentTarget.value })} /></label>}
        <label class="field narrow"><span>{t('Delay, ms')}</span><input type="number" min={0} value={form.delay} onInput={(event) => set({ delay: event.currentTarget.value })} /></label>
        <label class="field narrow"><span>{t('Times')}</span><select value={form.times} onChange={(event) => set({ times: event.currentTarget.value })}>{[...new Set(['1', '2', '5', '10', 'unlimited', String(form.times)])].map((one) => <option key={one} value={one}>{one === 'unlimited' ? t('always') : one}</option>)}</select></label>
        {form.kind === 'response' && <Templates onChoose={(body) => set({ text: JSON.stringify(body, null, 2) })} />}
      </div>
      <Editor key={form.kind} label={t('Body')} value={form.text} onChange={(text) => set({ text })} schema={form.kind === 'reply' ? REPLY : undefined} rows={12} faultLine={brokenLine(form.text)} />
      {form.kind === 'response' && <label class="check"><input type="checkbox" checked={form.fill} onChange={(event) => set({ fill: event.currentTarget.checked })} />{t('Fill in what a body of its kind lacks')}</label>}
    </>
  );
}

function Add({ address }) {
  const [form, setForm] = useState(blank);
  const add = (event) => {
    event.preventDefault();
    change(async () => call('POST', at(address), Object.fromEntries(Object.entries(itemOf(form)).filter(([, value]) => value !== null))), t('Added'));
  };
  return (
    <form class="stack" onSubmit={add}>
      <h2>{t('Add to the queue')}</h2>
      <ItemForm form={form} set={(fields) => setForm((before) => ({ ...before, ...fields }))} />
      <div class="row end"><button type="submit" class="primary"><Icon name="plus" />{t('Add to {0}', address)}</button></div>
    </form>
  );
}

function Edit({ address, item, onClose }) {
  const [form, setForm] = useState({
    kind: 'response' in item ? 'response' : 'reply', text: JSON.stringify(item.response ?? item.reply, null, 2), status: item.status_code ?? 200, delay: item.delay_ms ?? '', times: String(item.times ?? 1), fill: item.fill === true,
  });
  const save = async (event) => {
    event.preventDefault();
    if (await change(async () => call('PATCH', at(address, item.id), itemOf(form)), t('Saved'))) onClose();
  };
  return (
    <Dialog title={t('Edit')} onClose={onClose} wide>
      <form class="stack" onSubmit={save}>
        <ItemForm form={form} set={(fields) => setForm((before) => ({ ...before, ...fields }))} />
        <div class="row end"><button type="button" onClick={onClose}>{t('Cancel')}</button><button type="submit" class="primary">{t('Save')}</button></div>
      </form>
    </Dialog>
  );
}

/** Lets somebody choose a file. */
function pick(take) {
  const input = Object.assign(document.createElement('input'), { type: 'file', accept: '.json,application/json' });
  input.onchange = () => input.files[0] && take(input.files[0]);
  input.click();
}

async function importInto(address, file) {
  const form = new FormData();
  form.append('file', file);
  const done = await change(async () => (address ? call('POST', at(address, 'import'), form) : call('POST', 'api/preset-queue/import', JSON.parse(await file.text()))));
  if (!done) return;
  toast(t('{0} of {1} added', done.added_count, done.total), { error: done.failed_count > 0 });
}
