import {
  ConfigError,
  DTypeError,
  formatShape,
  ShapeError,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  atLeast0,
  checkOptions,
  flag,
  int32Of,
  requireFloat,
  share,
  valueText,
  tracer,
} from '@unfold/core/internal';
import { requireTensorOrNone } from '../checks.js';
import { normaliseByBatch, normaliseByNumbers } from './batch-norm-functions.js';

/** Options of `batchNorm`, named and defaulted as PyTorch's. */
export interface BatchNormOptions {
  /** The factor of each channel, `[C]`. Default: none. */
  readonly weight?: Tensor | null;
  /** The offset of each channel, `[C]`. Default: none. */
  readonly bias?: Tensor | null;
  /** Whether to normalise by the batch, and to update the running statistics. Default false. */
  readonly training?: boolean;
  /**
   * The batch's share in the updated running statistics. Default 0.1; null is 1/n for the n-th batch,
   * so that they become plain averages, and needs numBatchesTracked.
   */
  readonly momentum?: number | null;
  /** An int32 scalar that is one more after each batch in training. Default: none. */
  readonly numBatchesTracked?: Tensor | null;
  /** Is added to the variance. Default 1e-5. */
  readonly eps?: number;
}

const BATCH_NORM_OPTIONS: OptionRules<BatchNormOptions> = {
  weight: checkedInUse,
  bias: checkedInUse,
  training: flag,
  momentum: checkedInUse,
  numBatchesTracked: checkedInUse,
  eps: checkedInUse,
};

/**
 * (x - mean)/√(variance + eps)·weight + bias for each channel, as
 * `torch.nn.functional.batch_norm`. In training, mean and variance are the batch's (the variance
 * in two passes, so that a large mean costs it nothing), and the running ones move towards them,
 * in place: running = (1 - momentum)·running + momentum·batch, where the batch's variance is the
 * unbiased one, divided by one less than the count. Otherwise they are the running ones. Where the
 * batch's squares are too large for the dtype (from 1e19 on in float32), it is scaled first.
 * @param x `[N, C]` or `[N, C, …]`
 * @param runningMean `[C]`, or null to keep none; then runningVar is null too.
 * @param runningVar `[C]`
 * @returns The shape of x.
 * @throws ShapeError for shapes that don't fit, or, in training, one value to a channel, whose
 * variance says nothing; DTypeError unless all are floats of one dtype; ConfigError for an option
 * out of range, or if running statistics, or the count of batches, are needed and missing.
 */
export function batchNorm(
  x: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  options: BatchNormOptions = {},
): Tensor {
  requireFloat('batchNorm', x);
  checkOptions('batchNorm', options, BATCH_NORM_OPTIONS);
  const { weight = null, bias = null, training = false, momentum = 0.1, eps = 1e-5 } = options;
  const { numBatchesTracked = null } = options;
  if (tracer) {
    const always = { weight, bias, training, eps };
    const completed = training ? { ...always, momentum, numBatchesTracked } : always;
    const given = { x, runningMean, runningVar, options: completed };
    return tracer.operation('batchNorm', batchNorm, given);
  }
  if (x.ndim < 2) {
    throw new ShapeError(`batchNorm: expected x [N,C] or [N,C,…], got ${formatShape(x.shape)}`);
  }
  checkVectors('batchNorm', x, { runningMean, runningVar, weight, bias });
  checkEps('batchNorm', eps);
  if (momentum !== null) checkMomentum('batchNorm', momentum);
  checkCounter(numBatchesTracked);
  const running = runningPair('batchNorm', runningMean, runningVar);
  if (!training) {
    if (!running) {
      throw new ConfigError(
        'batchNorm: expected runningMean and runningVar outside of training, got null; pass ' +
          '{ training: true } to normalise by the batch',
      );
    }
    return normaliseByNumbers(x, weight, bias, { eps, ...running });
  }
  const count = x.shape[1] === 0 ? 0 : x.size / x.shape[1];
  if (count < 2) {
    throw new ShapeError(
      `batchNorm: expected more than 1 value per channel when training, got x ` +
        `${formatShape(x.shape)}; use a larger batch, or eval()`,
    );
  }
  if (running && !numBatchesTracked && momentum === null) {
    throw new ConfigError(
      'batchNorm: expected numBatchesTracked with momentum null, got none; it counts the batches, ' +
        "such as zeros([], { dtype: 'int32' })",
    );
  }
  const tracked = { mean: runningMean, variance: runningVar, momentum, batches: numBatchesTracked };
  return normaliseByBatch(x, weight, bias, { eps, running: tracked });
}

/** @throws ConfigError unless there are both running statistics, or neither. */
export function runningPair(
  operation: string,
  mean: Tensor | null,
  variance: Tensor | null,
): { readonly mean: Tensor; readonly variance: Tensor } | null {
  if (!mean !== !variance) {
    throw new ConfigError(`${operation}: expected both runningMean and runningVar, or neither`);
  }
  return mean && variance && { mean, variance };
}

/** @throws DTypeError or ShapeError unless the counter is an int32 scalar, or null. */
function checkCounter(counter: Tensor | null): void {
  requireTensorOrNone('batchNorm', 'numBatchesTracked', counter);
  if (!counter) return;
  int32Of('batchNorm', counter);
  if (counter.ndim === 0) return;
  throw new ShapeError(
    `batchNorm: expected a scalar for numBatchesTracked, got ${counter.describe()}`,
  );
}

/** @throws ShapeError unless each is `[C]`, DTypeError unless it has the dtype of x. */
export function checkVectors(
  operation: string,
  x: Tensor,
  vectors: Readonly<Record<string, Tensor | null>>,
): void {
  const C = x.shape[1];
  for (const [name, vector] of Object.entries(vectors)) {
    requireTensorOrNone(operation, name, vector);
    if (!vector) continue;
    if (vector.ndim !== 1 || vector.size !== C) {
      throw new ShapeError(
        `${operation}: x ${formatShape(x.shape)} has ${C} channels and expects ${name} [${C}], got ` +
          `${formatShape(vector.shape)}; the second axis of x must be its channels`,
      );
    }
    if (vector.dtype !== x.dtype) {
      throw new DTypeError(
        `${operation}: expected x and ${name} of one dtype, got ${x.dtype} and ${vector.dtype}; ` +
          'cast(x, dtype) converts',
      );
    }
  }
}

/** @throws ConfigError unless eps is a number of at least 0. */
export function checkEps(operation: string, eps: number): void {
  if (!atLeast0.accepts(eps)) {
    throw new ConfigError(
      `${operation}: eps must be a number of at least 0, got ${valueText(eps)}`,
    );
  }
}

/** @throws ConfigError unless momentum is in 0 … 1. */
export function checkMomentum(operation: string, momentum: number): void {
  if (!share.accepts(momentum)) {
    throw new ConfigError(`${operation}: momentum must be in 0 … 1, got ${valueText(momentum)}`);
  }
}
