import { ConfigError, type Tensor } from '@unfold/core';
import { requireFunction, valueText } from '@unfold/core/internal';
import type { AnyBatch, Batch, WholeBatch } from '../data/batch.js';
import { isAccumulating, type AccumulatingMetric, type Compared } from './metric.js';

/** An output and what it is compared with, of a batch that has several. */
export interface Picked {
  readonly output: Tensor;
  readonly targets: Tensor;
}

/** Chooses what a metric looks at. */
export type PickCompared<B extends AnyBatch = Batch, Output = Tensor> = (
  output: Output,
  batch: WholeBatch<B>,
) => Picked;

/**
 * A metric of one of several outputs, or of an output that is to be changed first.
 *
 * ```ts
 * metrics: {
 *   accuracy: metricOf(accuracy, (output, { targets }) => ({ output: output.digit, targets: targets.digit })),
 *   f1: metricOf(f1(), (output, { targets }) => ({ output: output.digit, targets: targets.digit })),
 * }
 * ```
 *
 * @param metric A function, such as `accuracy`, or what gathers over an epoch, such as `f1()`.
 * @param pick Gives the output and the targets that it is to compare.
 * @throws ConfigError for what is no metric; what the metric throws.
 */
export function metricOf<B extends AnyBatch = Batch, Output = Tensor>(
  metric: AccumulatingMetric<Compared, Tensor>,
  pick: PickCompared<B, Output>,
): AccumulatingMetric<B, Output>;
export function metricOf<B extends AnyBatch = Batch, Output = Tensor>(
  metric: (output: Tensor, batch: Compared) => number,
  pick: PickCompared<B, Output>,
): (output: Output, batch: WholeBatch<B>) => number;
export function metricOf<B extends AnyBatch, Output>(
  metric: AccumulatingMetric<Compared, Tensor> | ((output: Tensor, batch: Compared) => number),
  pick: PickCompared<B, Output>,
): AccumulatingMetric<B, Output> | ((output: Output, batch: WholeBatch<B>) => number) {
  requireFunction('metricOf', pick);
  const picked = (output: Output, batch: WholeBatch<B>): Picked => {
    const found: unknown = pick(output, batch);
    if (typeof found === 'object' && found !== null && 'output' in found && 'targets' in found) {
      return found as Picked;
    }
    throw new ConfigError(
      `metricOf: expected { output, targets } of tensors for a batch, got ${valueText(found)}`,
    );
  };
  if (typeof metric === 'function') {
    return (output, batch) => {
      const { output: own, targets } = picked(output, batch);
      return metric(own, { targets });
    };
  }
  if (!isAccumulating(metric)) {
    throw new ConfigError(
      `metricOf: expected a metric, such as accuracy or f1(), got ${valueText(metric)}`,
    );
  }
  return {
    create() {
      const state = metric.create();
      return {
        update(output, batch) {
          const { output: own, targets } = picked(output, batch as WholeBatch<B>);
          state.update(own, { targets });
        },
        compute: () => state.compute(),
        stateDict: () => state.stateDict(),
        loadStateDict: (given) => state.loadStateDict(given),
      };
    },
  };
}
