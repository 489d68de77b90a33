import { effect, signal } from '@preact/signals';
import type { Action } from './controls.js';

/** What single keys do, on every view. */
export const KEYS = [
  { key: 's', action: 'toggle' },
  { key: 'n', action: 'step' },
  { key: 'e', action: 'epoch' },
  // With the shift key, as what was trained is lost.
  { key: 'R', action: 'reset' },
] as const satisfies readonly { readonly key: string; readonly action: Action }[];

/** Who speaks to the computer, or hits keys by chance, can turn single keys off. */
export const keysAct = signal(remembered());

const KEY = 'unfold-keys';
effect(() => {
  try {
    localStorage.setItem(KEY, keysAct.value ? 'on' : 'off');
  } catch {
    // The page works without: some browsers refuse storage to pages they don't trust.
  }
});

function remembered(): boolean {
  try {
    return localStorage.getItem(KEY) !== 'off';
  } catch {
    return true;
  }
}

/** The action that a key asks for; null for one that is meant for something else. */
export function actionOf(event: KeyboardEvent): Action | null {
  if (event.defaultPrevented || event.repeat) return null;
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  const { target } = event;
  if (target instanceof HTMLElement && target.closest(TYPED_INTO)) return null;
  return KEYS.find(({ key }) => key === event.key)?.action ?? null;
}

const TYPED_INTO =
  'input:not([type="checkbox"], [type="radio"], [type="button"]), textarea, select, [contenteditable], dialog';
