import { SIGNALS } from './signals.js';

/*
 * Whoever cleans up at a signal has to know whether anybody else listens: if so, they decide, and if
 * not, the process has to end as if nobody had. Two that each took the other for somebody else would
 * swallow the signal. So there is one listener for all that is to be cleaned up.
 */

const cleanups = new Set<() => void>();

/** See `Files`. */
export function atEnd(cleanup: () => void): () => void {
  // One of its own for each request, as the same function may be given twice.
  const request = (): void => cleanup();
  if (cleanups.size === 0) listen();
  cleanups.add(request);
  return () => {
    if (cleanups.delete(request) && cleanups.size === 0) stopListening();
  };
}

function listen(): void {
  process.on('exit', cleanUp);
  // Before all others: one that listens once has gone when it is called.
  for (const signal of SIGNALS) process.prependListener(signal, onSignal);
}

function stopListening(): void {
  process.off('exit', cleanUp);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

/** Ends the process as the signal would have, had nobody listened; others that do decide themselves. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  cleanUp();
  stopListening();
  process.kill(process.pid, signal);
}

function cleanUp(): void {
  for (const cleanup of cleanups) {
    try {
      cleanup();
    } catch {
      // The process ends, and what is left to be cleaned up matters more.
    }
  }
  cleanups.clear();
}
