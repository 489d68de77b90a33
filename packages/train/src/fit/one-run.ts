import { ConfigError } from '@unfold/core';
import type { Callback } from './callback.js';
import { namedCallbacks } from './run-state.js';

/** The callbacks with a state that take part in a run now. */
const busy = new WeakSet<object>();

/**
 * Keeps callbacks that have a state to one run at a time: of two, they would remember a mixture, and
 * the end of the first would take from the second what they hold.
 * @returns To be called when the run has ended.
 * @throws ConfigError if one takes part in another run now.
 */
export function takePart<Metric extends string>(
  callbacks: readonly Callback<Metric>[],
): () => void {
  const named = namedCallbacks(callbacks);
  for (const [name, callback] of named) {
    if (!busy.has(callback)) continue;
    throw new ConfigError(
      `fit: callbacks: expected ${name} to take part in no other run, got one in a run that goes on; ` +
        'wait for its end, or give each run one of its own',
    );
  }
  for (const callback of named.values()) busy.add(callback);
  return () => {
    for (const callback of named.values()) busy.delete(callback);
  };
}
