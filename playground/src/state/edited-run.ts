import { computed, signal } from '@preact/signals';
import { type Run, runs } from './runs.js';

/** The name of the run whose draft the editor shows. */
export const editedName = signal('A');

export const editedRun = computed<Run | undefined>(
  () => runs.value.find(({ name }) => name === editedName.value) ?? runs.value[0],
);
