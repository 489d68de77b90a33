import {
  ConfigError,
  formatShape,
  ShapeError,
  type DType,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  flag,
  requireFloat,
  requireTensor,
  share,
  tracer,
} from '@unfold/core/internal';
import { planesOf } from '../channels.js';
import { normaliseByNumbers } from './batch-norm-functions.js';
import { checkEps, checkMomentum, checkVectors, runningPair } from './batch-norm.js';
import {
  BATCH_NORM_LAYER_OPTIONS,
  ChannelNorm,
  requireImages,
  type BatchNormLayerOptions,
} from './channel-norm.js';
import { normaliseGroups } from './group-norm.js';

/** Options of `instanceNorm`, named and defaulted as PyTorch's. */
export interface InstanceNormOptions {
  /** The factor of each channel, `[C]`. Default: none. */
  readonly weight?: Tensor | null;
  /** The offset of each channel, `[C]`. Default: none. */
  readonly bias?: Tensor | null;
  /**
   * Whether to normalise by each image's own statistics, and to update the running ones, rather than by
   * those. Default true.
   */
  readonly useInputStats?: boolean;
  /** The share of the images' statistics in the updated running ones. Default 0.1. */
  readonly momentum?: number;
  /** Is added to the variance. Default 1e-5. */
  readonly eps?: number;
}

const INSTANCE_NORM_OPTIONS: OptionRules<InstanceNormOptions> = {
  weight: checkedInUse,
  bias: checkedInUse,
  useInputStats: flag,
  momentum: checkedInUse,
  eps: checkedInUse,
};

/**
 * (x - mean)/√(variance + eps)·weight + bias for each channel of each image, as
 * `torch.nn.functional.instance_norm` (Ulyanov, Vedaldi and Lempitsky, 2016). With running statistics,
 * these move towards the means of the images' statistics, in place, as those of `batchNorm`; without
 * `useInputStats` they are what x is normalised by. Large means and large squares are treated as
 * `layerNorm` does.
 * @param x `[N, C, …]`
 * @param runningMean `[C]`, or null to keep none; then runningVar is null too.
 * @param runningVar `[C]`
 * @returns The shape of x.
 * @throws ShapeError for shapes that don't fit, or channels of one value, whose variance says nothing;
 * DTypeError unless all are floats of one dtype; ConfigError for an option out of range, or if running
 * statistics are needed and missing.
 */
export function instanceNorm(
  x: Tensor,
  runningMean: Tensor | null = null,
  runningVar: Tensor | null = null,
  options: InstanceNormOptions = {},
): Tensor {
  requireFloat('instanceNorm', x);
  checkOptions('instanceNorm', options, INSTANCE_NORM_OPTIONS);
  const { weight = null, bias = null, useInputStats = true, momentum = 0.1, eps = 1e-5 } = options;
  if (tracer) {
    const completed = { weight, bias, useInputStats, momentum, eps };
    const given = { x, runningMean, runningVar, options: completed };
    return tracer.operation('instanceNorm', instanceNorm, given);
  }
  if (x.ndim < 2) {
    throw new ShapeError(`instanceNorm: expected x [N,C,…], got ${formatShape(x.shape)}`);
  }
  checkVectors('instanceNorm', x, { runningMean, runningVar, weight, bias });
  checkEps('instanceNorm', eps);
  checkMomentum('instanceNorm', momentum);
  const running = runningPair('instanceNorm', runningMean, runningVar);
  if (!useInputStats) {
    if (!running) {
      throw new ConfigError(
        'instanceNorm: expected runningMean and runningVar without useInputStats, got null',
      );
    }
    return normaliseByNumbers(x, weight, bias, { eps, ...running });
  }
  const { C, p } = planesOf(x);
  if (p < 2) {
    throw new ShapeError(
      `instanceNorm: expected more than 1 value per channel and image, got x ${formatShape(x.shape)}`,
    );
  }
  return normaliseGroups(x, weight, bias, {
    groups: C,
    eps,
    running: running && { ...running, momentum, batches: null },
  });
}

/** Options of `InstanceNorm1d` and `InstanceNorm2d`, named and defaulted as PyTorch's. */
export interface InstanceNormLayerOptions {
  /** Is added to the variance. Default 1e-5. */
  readonly eps?: number;
  /** The share of each batch in the running statistics. Default 0.1. */
  readonly momentum?: number;
  /** Whether a factor and an offset are learnt for each channel. Default false. */
  readonly affine?: boolean;
  /** Whether running statistics are kept, and used in evaluation. Default false. */
  readonly trackRunningStats?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

const KIND = {
  rules: {
    ...BATCH_NORM_LAYER_OPTIONS,
    momentum: share,
  } satisfies OptionRules<BatchNormLayerOptions>,
  affine: false,
  trackRunningStats: false,
};

/**
 * The common part of `InstanceNorm1d` and `InstanceNorm2d`. As in PyTorch, the state has
 * `num_batches_tracked` with the running statistics, and nothing counts there.
 */
abstract class InstanceNorm extends ChannelNorm {
  readonly #momentum: number;

  /**
   * @param numFeatures C, the number of channels.
   * @throws ConfigError for a size or an option out of range.
   */
  constructor(numFeatures: number, options: InstanceNormLayerOptions = {}) {
    super(numFeatures, options, KIND);
    this.#momentum = options.momentum ?? 0.1;
  }

  /**
   * Normalises each channel of each image: by its own statistics, or in evaluation by running ones, if
   * there are.
   * @throws ShapeError unless x fits, or if a channel has one value only.
   */
  forward(x: Tensor): Tensor {
    requireTensor(this.constructor.name, 'x', x);
    this.checkShape(x, this.channels);
    const { runningMean, runningVar, weight, bias, eps } = this;
    const useInputStats = this.training || !runningMean;
    const options = { weight, bias, eps, useInputStats, momentum: this.#momentum };
    return instanceNorm(x, runningMean, runningVar, options);
  }
}

/** Normalises each channel of `[N, C, L]`, image by image, as `torch.nn.InstanceNorm1d`. */
export class InstanceNorm1d extends InstanceNorm {
  protected override checkShape(x: Tensor, C: number): void {
    if (x.ndim === 3 && x.shape[1] === C) return;
    throw new ShapeError(`InstanceNorm1d: expected x [N,${C},L], got ${formatShape(x.shape)}`);
  }
}

/** Normalises each channel of `[N, C, H, W]`, image by image, as `torch.nn.InstanceNorm2d`. */
export class InstanceNorm2d extends InstanceNorm {
  protected override checkShape(x: Tensor, C: number): void {
    requireImages('InstanceNorm2d', x, C);
  }
}
