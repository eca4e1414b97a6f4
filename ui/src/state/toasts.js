// Short messages at the page's edge: what was done, or why not.
import { signal } from '@preact/signals';

export const toasts = signal([]);

/** How long a message stays, in ms; errors until they are read and put away. */
const STAYS = 3000;

let next = 0;

/** Shows a message. `link`: its `text`, and where it leads (`href`) or what it does (`onClick`). */
export function toast(text, { error = false, link = null } = {}) {
  const id = (next += 1);
  toasts.value = [...toasts.value.slice(-3), { id, text, error, link }];
  setTimeout(() => dismiss(id), error ? STAYS * 4 : link ? STAYS * 2 : STAYS);
}

export function dismiss(id) {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

/** Does something that may be refused; tells what came of it. Undefined if it was refused. */
export async function attempt(action, done) {
  try {
    const result = await action();
    if (done) toast(done);
    return result ?? null;
  } catch (error) {
    toast(error.message, { error: true });
    return undefined;
  }
}
