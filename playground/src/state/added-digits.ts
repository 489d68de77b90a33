import { computed, signal } from '@preact/signals';
import type { Experiment } from '../spec/experiment.js';
import { runs } from './runs.js';

/** The digits that were added to a run's training set. */
interface Added {
  /** What the run had then: one that begins anew has none of them. */
  readonly of: Experiment | null;
  /** Each digit's label, by `keyOf`. */
  readonly labels: ReadonlyMap<string, number>;
}

const NONE: Added = { of: null, labels: new Map() };
const all = signal(NONE);

/** The labels of the digits that were added to the run at hand. */
export const added = computed(() => {
  const { of, labels } = all.value;
  return of === (runs.value[0]?.experiment.value ?? null) ? labels : NONE.labels;
});

/** The label that the very same digit was added with; null if it wasn't. */
export const labelOfAdded = (pixels: Uint8Array): number | null =>
  added.value.get(keyOf(pixels)) ?? null;

/** Remembers that a digit was added. */
export function noteAdded(pixels: Uint8Array, label: number): void {
  all.value = {
    of: runs.value[0]?.experiment.value ?? null,
    labels: new Map(added.value).set(keyOf(pixels), label),
  };
}

const keyOf = (pixels: Uint8Array): string => String.fromCharCode(...pixels);
