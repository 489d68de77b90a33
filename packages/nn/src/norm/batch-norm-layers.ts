import {
  formatShape,
  full,
  ShapeError,
  zeros,
  type DType,
  type OptionRules,
  type Parameter,
  type Tensor,
} from '@unfold/core';
import { checkedInUse, checkOptions, flag, requireTensor } from '@unfold/core/internal';
import { floatDType, requireSizes } from '../checks.js';
import { Module } from '../module.js';
import { filledParameter } from '../parameter.js';
import { formatOptions } from '../tree.js';
import { batchNorm, checkEps, checkMomentum } from './batch-norm.js';

/** Options of `BatchNorm1d` and `BatchNorm2d`, named and defaulted as PyTorch's. */
export interface BatchNormLayerOptions {
  /** Is added to the variance. Default 1e-5. */
  readonly eps?: number;
  /**
   * The share of each batch in the running statistics. Default 0.1; null weighs all batches alike,
   * so that they become plain averages.
   */
  readonly momentum?: number | null;
  /** Whether a factor and an offset are learnt for each channel. Default true. */
  readonly affine?: boolean;
  /**
   * Whether running statistics are kept, and used in evaluation. Default true; without them, the
   * batch's serve in evaluation too.
   */
  readonly trackRunningStats?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

const LAYER_OPTIONS: OptionRules<BatchNormLayerOptions> = {
  eps: checkedInUse,
  momentum: checkedInUse,
  affine: flag,
  trackRunningStats: flag,
  dtype: floatDType,
};

/** The common part of `BatchNorm1d` and `BatchNorm2d`: all but the shapes that they take. */
export abstract class BatchNorm extends Module {
  /** The factor of each channel, `[C]`, 1 at first; null without `affine`. */
  readonly weight: Parameter | null;
  /** The offset of each channel, `[C]`, 0 at first; null without `affine`. */
  readonly bias: Parameter | null;
  /** `[C]`, 0 at first, in the state `running_mean`; null without `trackRunningStats`. */
  readonly runningMean: Tensor | null;
  /** `[C]`, 1 at first, in the state `running_var`; unbiased. */
  readonly runningVar: Tensor | null;
  /** An int32 scalar, in the state `num_batches_tracked`: the batches that training has seen. */
  readonly numBatchesTracked: Tensor | null;
  readonly #channels: number;
  readonly #eps: number;
  readonly #momentum: number | null;

  /**
   * @param numFeatures C, the number of channels.
   * @throws ConfigError for a size or an option out of range.
   */
  constructor(numFeatures: number, options: BatchNormLayerOptions = {}) {
    super();
    const name = new.target.name;
    requireSizes(name, 'a positive number of channels', numFeatures);
    checkOptions(name, options, LAYER_OPTIONS);
    const {
      eps = 1e-5,
      momentum = 0.1,
      affine = true,
      trackRunningStats = true,
      dtype = 'float32',
    } = options;
    checkEps(name, eps);
    if (momentum !== null) checkMomentum(name, momentum);
    const C = [numFeatures];
    this.weight = affine ? filledParameter(C, dtype, 1) : null;
    this.bias = affine ? filledParameter(C, dtype, 0) : null;
    const buffer = (key: string, initial: () => Tensor): Tensor | null =>
      trackRunningStats ? this.registerBuffer(key, initial()) : null;
    this.runningMean = buffer('running_mean', () => zeros(C, { dtype }));
    this.runningVar = buffer('running_var', () => full(C, 1, { dtype }));
    this.numBatchesTracked = buffer('num_batches_tracked', () => zeros([], { dtype: 'int32' }));
    this.#channels = numFeatures;
    this.#eps = eps;
    this.#momentum = momentum;
  }

  /**
   * Normalises each channel of x: in training by the batch, in evaluation by the running
   * statistics.
   * @throws ShapeError unless x fits, or if, in training, a channel has one value only.
   */
  forward(x: Tensor): Tensor {
    requireTensor(this.constructor.name, 'x', x);
    this.checkShape(x, this.#channels);
    const { runningMean, runningVar, numBatchesTracked, weight, bias } = this;
    const options = { weight, bias, eps: this.#eps };
    if (!this.training || !numBatchesTracked) {
      const training = this.training || !runningMean;
      return batchNorm(x, runningMean, runningVar, { ...options, training });
    }
    const tracking = { training: true, momentum: this.#momentum, numBatchesTracked };
    return batchNorm(x, runningMean, runningVar, { ...options, ...tracking });
  }

  override extraRepr(): string {
    const options = formatOptions({
      eps: this.#eps,
      momentum: this.#momentum,
      affine: this.weight !== null,
      trackRunningStats: this.runningMean !== null,
    });
    return `${this.#channels}, ${options}`;
  }

  /** @throws ShapeError unless x has a shape that the layer takes. */
  protected abstract checkShape(x: Tensor, channels: number): void;
}

/**
 * Normalises each channel of `[N, C]` or `[N, C, L]` over the batch, and over L, as
 * `torch.nn.BatchNorm1d`; see `batchNorm`.
 */
export class BatchNorm1d extends BatchNorm {
  protected override checkShape(x: Tensor, C: number): void {
    if ((x.ndim === 2 || x.ndim === 3) && x.shape[1] === C) return;
    throw new ShapeError(
      `BatchNorm1d: expected x [N,${C}] or [N,${C},L], got ${formatShape(x.shape)}`,
    );
  }
}

/**
 * Normalises each channel of `[N, C, H, W]` over batch and pixels, as `torch.nn.BatchNorm2d`; see
 * `batchNorm`.
 */
export class BatchNorm2d extends BatchNorm {
  protected override checkShape(x: Tensor, C: number): void {
    if (x.ndim === 4 && x.shape[1] === C) return;
    const looksLikeNHWC = x.ndim === 4 && x.shape[3] === C;
    throw new ShapeError(
      `BatchNorm2d: expected x [N,${C},H,W], got ${formatShape(x.shape)}` +
        (looksLikeNHWC
          ? '; x looks like NHWC, Unfold is NCHW: permute(x, [0, 3, 1, 2])'
          : x.ndim === 3
            ? '; one image needs a batch axis in front'
            : ''),
    );
  }
}
