import { computed, type ReadonlySignal } from '@preact/signals';
import { isFresh, isWanted } from './controls.js';
import { type Run, runs } from './runs.js';

/**
 * Whether no worker loads one of its files, or is about to: Firefox now and then never answers an `import()` that a
 * worker makes in the moment when a service worker takes over.
 */
export const isQuiet: ReadonlySignal<boolean> = computed(() => runs.value.every(isRunQuiet));

function isRunQuiet(run: Run): boolean {
  if (run.isLoading.value || run.state.value === 'preparing') return false;
  // The compiler comes with the first step.
  return !isWanted(run) || !isFresh(run);
}
