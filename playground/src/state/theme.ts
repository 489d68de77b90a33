import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'unfold-theme';

/** Light or dark; `system` follows the device. Remembered where the browser lets a page remember. */
export const theme = signal<Theme>(remembered());

effect(() => {
  document.documentElement.dataset['theme'] = theme.value;
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // The page works without: some browsers refuse storage to pages they don't trust.
  }
});

function remembered(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system';
  }
}
