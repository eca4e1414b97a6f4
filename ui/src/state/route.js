// Where the page is: `#/live/EXCHANGE`. In the address, so that back works, on a phone by gesture, and places can be sent.
import { computed, signal } from '@preact/signals';

const hash = signal(location.hash);
addEventListener('hashchange', () => (hash.value = location.hash));

export const VIEWS = ['live', 'pending', 'script', 'queue', 'upstream', 'sessions', 'statistics'];

/** The view and what is opened in it. */
export const route = computed(() => {
  const [, view, ...rest] = hash.value.split('/');
  const parts = rest.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { view: VIEWS.includes(view) ? view : 'live', id: parts[0] || null, more: parts[1] || null };
});

export const href = (view, ...parts) => `#/${[view, ...parts.filter(Boolean).map(encodeURIComponent)].join('/')}`;

/** Goes there; `replace` for moving within a list, which is not a step to go back over. */
export function go(view, ...parts) {
  location.hash = href(view, ...parts);
}

export function replace(view, ...parts) {
  history.replaceState(null, '', href(view, ...parts));
  hash.value = location.hash;
}
