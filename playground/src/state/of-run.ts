import { signal, type Signal } from '@preact/signals';
import type { Run } from './runs.js';

/** A value for each run, kept as long as the run is. @returns A run's, which is `initial` at first. */
export function ofRun<T>(initial: T): (run: Run) => Signal<T> {
  const values = new WeakMap<Run, Signal<T>>();
  return (run) => {
    const known = values.get(run);
    if (known) return known;
    const made = signal(initial);
    values.set(run, made);
    return made;
  };
}
