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
import { checkedInUse, checkOptions, flag } from '@unfold/core/internal';
import { floatDType, requireSizes } from '../checks.js';
import { Module } from '../module.js';
import { filledParameter } from '../parameter.js';
import { formatOptions } from '../tree.js';
import { checkEps, checkMomentum } from './batch-norm.js';

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

/** The rules of these; those of `eps` and `momentum` hold where they are used. */
export const BATCH_NORM_LAYER_OPTIONS: OptionRules<BatchNormLayerOptions> = {
  eps: checkedInUse,
  momentum: checkedInUse,
  affine: flag,
  trackRunningStats: flag,
  dtype: floatDType,
};

/** What a kind of layer has of its own. */
interface Kind {
  readonly rules: OptionRules<BatchNormLayerOptions>;
  /** The defaults. */
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
}

/** What layers have in common that normalise each channel: parameters, buffers and options. */
export abstract class ChannelNorm extends Module {
  /** The factor of each channel, `[C]`, 1 at first; null without `affine`. */
  readonly weight: Parameter | null;
  /** The offset of each channel, `[C]`, 0 at first; null without `affine`. */
  readonly bias: Parameter | null;
  /** `[C]`, 0 at first, in the state `running_mean`; null without `trackRunningStats`. */
  readonly runningMean: Tensor | null;
  /** `[C]`, 1 at first, in the state `running_var`; unbiased. */
  readonly runningVar: Tensor | null;
  /**
   * An int32 scalar, in the state `num_batches_tracked`: the batches that training has seen, where the
   * layer counts them.
   */
  readonly numBatchesTracked: Tensor | null;
  protected readonly channels: number;
  protected readonly eps: number;
  protected readonly momentum: number | null;

  /**
   * @param numFeatures C, the number of channels.
   * @throws ConfigError for a size or an option out of range.
   */
  constructor(numFeatures: number, options: BatchNormLayerOptions, kind: Kind) {
    super();
    const name = new.target.name;
    requireSizes(name, 'a positive number of channels', numFeatures);
    checkOptions(name, options, kind.rules);
    const {
      eps = 1e-5,
      momentum = 0.1,
      affine = kind.affine,
      trackRunningStats = kind.trackRunningStats,
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
    this.channels = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
  }

  /** @hidden */
  override constructedWith(): object {
    return {
      numFeatures: this.channels,
      eps: this.eps,
      momentum: this.momentum,
      affine: this.weight !== null,
      trackRunningStats: this.runningMean !== null,
    };
  }

  override extraRepr(): string {
    return formatOptions(this.constructedWith(), 1);
  }

  /** @throws ShapeError unless x has a shape that the layer takes. */
  protected abstract checkShape(x: Tensor, channels: number): void;
}

/** @throws ShapeError unless x is `[N, C, H, W]`. */
export function requireImages(layer: string, x: Tensor, C: number): void {
  if (x.ndim === 4 && x.shape[1] === C) return;
  const looksLikeNHWC = x.ndim === 4 && x.shape[3] === C;
  throw new ShapeError(
    `${layer}: expected x [N,${C},H,W], got ${formatShape(x.shape)}` +
      (looksLikeNHWC
        ? '; x looks like NHWC, Unfold is NCHW: permute(x, [0, 3, 1, 2])'
        : x.ndim === 3
          ? '; one image needs a batch axis in front'
          : ''),
  );
}
