// Dark or light: the system's, or as chosen.
import { effect } from '@preact/signals';
import { kept } from './kept.js';

/** `system`, `light` or `dark`. */
export const theme = kept('theme', 'system');

effect(() => {
  const own = theme.value;
  if (own === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = own;
});

const isDark = () => (theme.value === 'system' ? matchMedia('(prefers-color-scheme: dark)').matches : theme.value === 'dark');

/** The other one. */
export function toggleTheme() {
  theme.value = isDark() ? 'light' : 'dark';
}
