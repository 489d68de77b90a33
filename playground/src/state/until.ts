import type { ReadonlySignal } from '@preact/signals';

/** @returns The first value, from now on, that is awaited. */
export function until<Value>(
  of: ReadonlySignal<Value>,
  isAwaited: (value: Value) => boolean,
): Promise<Value> {
  return new Promise((resolve) => {
    const stop = of.subscribe((value) => {
      if (!isAwaited(value)) return;
      // The first call comes before `stop` is there.
      queueMicrotask(() => stop());
      resolve(value);
    });
  });
}
