import { type Compiled, Scope, unscoped } from '@unfold/core';
import { servesPage } from '@unfold/core/internal';

/** A function, or one that was compiled. */
export type Callable<Args extends readonly unknown[], Result> =
  ((...args: Args) => Result) | Compiled<Args, Result>;

/**
 * Calls a function, and `look` with its result in a scope that ends with the call. On a page's main thread
 * one that was compiled hands the thread back now and then.
 */
export async function callInTurns<Args extends readonly unknown[], Result, T>(
  fn: Callable<Args, Result>,
  args: Args,
  look: (result: Result) => T,
): Promise<T> {
  if (!('runAsync' in fn) || !servesPage()) return Scope.run(() => look(fn(...args)));
  // No scope may stand open while others work: what they make would be freed with it.
  const { scope, run } = unscoped(() => ({ scope: new Scope(), run: fn.runAsync(...args) }));
  try {
    const result = await run;
    return Scope.run(() => look(result));
  } finally {
    scope.close();
  }
}
