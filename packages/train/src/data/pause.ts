/** Milliseconds after which a loop should hand the thread back. */
const INTERVAL = 25;

/**
 * A function to await in a long loop: it mostly returns at once, and now and then lets timers,
 * signals and input be served. Awaiting batches alone never would: promises that are already
 * settled go before everything else.
 */
export function pauses(): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < INTERVAL) return undefined;
    return nextTurn().then(() => {
      last = performance.now();
    });
  };
}

/** Browsers lack it. */
declare const setImmediate: ((done: () => void) => void) | undefined;

/** Settles in the event loop's next turn. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}

/**
 * The same, from item `first` on, which counts from 0; it hands the thread back now and then, so that
 * timers and Ctrl-C are heard on a long way through.
 */
export async function* withPauses<T>(
  items: Iterable<T> | AsyncIterable<T>,
  first = 0,
): AsyncIterableIterator<T> {
  const pause = pauses();
  let index = 0;
  for await (const item of items) {
    await pause();
    if (index++ >= first) yield item;
  }
}
