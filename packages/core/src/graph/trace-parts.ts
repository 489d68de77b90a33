import type { Tensor } from '../tensor.js';

/*
 * What modules have to know of traces. Beside trace.ts, so that a page that trains and never traces does without
 * that.
 */

/** The method by which a model tells a trace what is in it: a Module of `@unfold/nn` has it. */
export const traceParts = Symbol.for('unfold.traceParts');

/** The parts of a model that a trace needs to know. */
export interface TraceParts {
  readonly parameters: Iterable<readonly [name: string, tensor: Tensor]>;
  readonly buffers: Iterable<readonly [name: string, tensor: Tensor]>;
  /** Runs `run`, and meanwhile each call of a module's forward through `around`, with its path and arguments. */
  watch<T>(
    around: <R>(path: string, inputs: readonly unknown[], call: () => R) => R,
    run: () => T,
  ): T;
}
