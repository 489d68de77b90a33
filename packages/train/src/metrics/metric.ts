import { ConfigError, Tensor } from '@unfold/core';
import { requireTensor, valueText } from '@unfold/core/internal';
import type { AnyBatch, Batch } from '../data/batch.js';
import type { JsonObject } from '../optim/state.js';

/** What a metric has gathered of the batches of an epoch, or of a validation, so far. */
export interface MetricState<B = Batch, Output = Tensor> {
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
export interface AccumulatingMetric<B = Batch, Output = Tensor> {
  /** A state that has seen nothing. */
  create(): MetricState<B, Output>;
}

/** What a metric compares an output with: a batch, or targets alone. */
export type Compared = AnyBatch | { readonly targets: unknown };

export function isAccumulating(value: unknown): value is AccumulatingMetric<AnyBatch, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'create' in value &&
    typeof value.create === 'function'
  );
}

/**
 * What an output is compared with.
 * @throws ConfigError or DTypeError where there is no such tensor, with how to write it.
 */
export function requireTargets(metric: string, output: unknown, batch: unknown): Tensor {
  if (output === undefined && batch === undefined) {
    throw new ConfigError(
      `${metric}: expected an output and a batch, got none; name it without calling it: { ${metric} }`,
    );
  }
  if (!(output instanceof Tensor) && typeof output === 'object' && output !== null) {
    throw new ConfigError(
      `${metric}: expected a tensor for output, got ${valueText(output)}; of several outputs, ` +
        `metricOf(${metric}, (output, batch) => ({ output: …, targets: … })) looks at one`,
    );
  }
  requireTensor(metric, 'output', output);
  if (typeof batch !== 'object' || batch === null || batch instanceof Tensor) {
    throw new ConfigError(`${metric}: expected a batch, or { targets }, got ${valueText(batch)}`);
  }
  const targets: unknown = Reflect.get(batch, 'targets') ?? Reflect.get(batch, 'labels');
  if (targets === undefined) {
    throw new ConfigError(
      `${metric}: expected targets in the batch, got none; where the input is the target, ` +
        `metricOf(${metric}, (output, { inputs }) => ({ output, targets: inputs })) says so`,
    );
  }
  if (!(targets instanceof Tensor) && typeof targets === 'object' && targets !== null) {
    throw new ConfigError(
      `${metric}: expected a tensor for targets, got ${valueText(targets)}; of several targets, ` +
        `metricOf(${metric}, (output, batch) => ({ output: …, targets: … })) looks at one`,
    );
  }
  requireTensor(metric, 'targets', targets);
  return targets;
}
