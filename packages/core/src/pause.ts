/**
 * A function to await in a long loop: it mostly returns at once, and now and then lets timers,
 * signals and input be served. Awaiting batches alone never would: promises that are already
 * settled go before everything else.
 * @param interval Milliseconds after which the thread is handed back.
 */
export function pauses(interval = 25): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < interval) return undefined;
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
    else if (typeof MessageChannel === 'function') {
      // Browsers make timers that follow each other wait for 4 ms.
      const { port1, port2 } = new MessageChannel();
      port1.addEventListener('message', () => {
        port1.close();
        resolve();
      });
      port1.start();
      port2.postMessage(null);
    } else setTimeout(resolve, 0);
  });
}

/** The same; it hands the thread back now and then, so that timers and Ctrl-C are heard on a long way. */
export async function* withPauses<T>(
  items: Iterable<T> | AsyncIterable<T>,
): AsyncIterableIterator<T> {
  const pause = pauses();
  for await (const item of items) {
    await pause();
    yield item;
  }
}
