import type { Tensor } from '@unfold/core';
import type { AnyBatch, Batch } from '../data/batch.js';
import type { JsonObject } from '../optim/state.js';

/** What a metric has gathered of the batches of an epoch, or of a validation, so far. */
export interface MetricState<B extends AnyBatch = Batch, Output = Tensor> {
  /**
   * Takes a batch in.
   * @param output What the model made of the batch's inputs.
   */
  update(output: Output, batch: B): void;
  /** The figure over all batches that were taken in, of which there is at least one; it is finite. */
  compute(): number;
  /** What was gathered, as plain JSON, so that half an epoch can be saved. */
  stateDict(): JsonObject;
  /**
   * Goes on from what `stateDict` gave, as if the same batches had been taken in.
   * @throws ConfigError, or another UnfoldError, for anything else; it has gathered the same as before then.
   */
  loadStateDict(state: JsonObject): void;
}

/**
 * A metric that is no mean of its values over batches, such as an F1 or the area under a curve. It holds
 * nothing itself: whoever measures creates a state for each epoch and each validation, so that none sees
 * what belongs to another.
 */
export interface AccumulatingMetric<B extends AnyBatch = Batch, Output = Tensor> {
  /** A state that has seen nothing. */
  create(): MetricState<B, Output>;
}
