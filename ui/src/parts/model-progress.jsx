// Models that servers of their own answer (`--local`, `--upstream-model`), while one is not ready yet.
import { useEffect, useState } from 'preact/hooks';
import { call } from '../state/api.js';
import { connection } from '../state/connection.js';
import { t } from '../state/i18n.js';

/** How often is asked again, in ms, while one is not ready. */
const AGAIN = 1000;

export function ModelProgress() {
  const [waiting, setWaiting] = useState([]);
  const open = connection.value === 'open';
  useEffect(() => {
    if (!open) return setWaiting([]);
    let timer;
    const look = async () => {
      const { data } = await call('GET', 'api/models').catch(() => ({ data: [] }));
      const left = data.filter(({ state }) => state !== 'ready');
      setWaiting(left);
      if (timer !== null && left.length) timer = setTimeout(look, AGAIN);
    };
    look();
    return () => {
      clearTimeout(timer);
      timer = null;
    };
  }, [open]);
  if (!waiting.length) return null;
  return (
    <div class="banner" role="status">
      {waiting.map(({ model, server, state, progress }) => (
        <span key={model}>{words(model, server, state, progress)} {state === 'loading' && <progress max={1} value={share(progress)} aria-label={model} />}</span>
      ))}
    </div>
  );
}

/** From 0 to 1; undefined = nobody knows. */
const share = (progress) => (progress?.total ? progress.done / progress.total : undefined);

function words(model, server, state, progress) {
  if (state === 'unreachable') return t('The server of the model {0} does not answer: {1}', model, server);
  if (state === 'failed') return t('The model {0} could not be loaded; its server says why.', model);
  const part = share(progress);
  const far = part === undefined ? '' : ` ${Math.floor(part * 100)} %`;
  return (progress?.what === 'download' ? t('The weights of the model {0} are downloaded.', model) : t('The model {0} is loading. Requests for it wait.', model)) + far;
}
