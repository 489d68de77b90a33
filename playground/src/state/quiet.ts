import { computed, type ReadonlySignal } from '@preact/signals';
import { isFresh, isWanted } from './controls.js';
import { type Run, runs } from './runs.js';

/** Whether no worker loads one of its files, or is about to: a service worker may take over then. See takeover.ts. */
export const isQuiet: ReadonlySignal<boolean> = computed(() => runs.value.every(isRunQuiet));

function isRunQuiet(run: Run): boolean {
  if (run.isLoading.value || run.state.value === 'preparing') return false;
  // The compiler comes with the first step.
  return !isWanted(run) || !isFresh(run);
}
