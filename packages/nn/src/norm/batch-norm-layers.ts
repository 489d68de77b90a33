import { formatShape, ShapeError, type Tensor } from '@unfold/core';
import { requireTensor } from '@unfold/core/internal';
import { batchNorm } from './batch-norm.js';
import {
  BATCH_NORM_LAYER_OPTIONS,
  ChannelNorm,
  requireImages,
  type BatchNormLayerOptions,
} from './channel-norm.js';

/** The common part of `BatchNorm1d` and `BatchNorm2d`: all but the shapes that they take. */
export abstract class BatchNorm extends ChannelNorm {
  /**
   * @param numFeatures C, the number of channels.
   * @throws ConfigError for a size or an option out of range.
   */
  constructor(numFeatures: number, options: BatchNormLayerOptions = {}) {
    super(numFeatures, options, {
      rules: BATCH_NORM_LAYER_OPTIONS,
      affine: true,
      trackRunningStats: true,
    });
  }

  /**
   * Normalises each channel of x: in training by the batch, in evaluation by the running
   * statistics.
   * @throws ShapeError unless x fits, or if, in training, a channel has one value only.
   */
  forward(x: Tensor): Tensor {
    requireTensor(this.constructor.name, 'x', x);
    this.checkShape(x, this.channels);
    const { runningMean, runningVar, numBatchesTracked, weight, bias } = this;
    const options = { weight, bias, eps: this.eps };
    if (!this.training || !numBatchesTracked) {
      const training = this.training || !runningMean;
      return batchNorm(x, runningMean, runningVar, { ...options, training });
    }
    const tracking = { training: true, momentum: this.momentum, numBatchesTracked };
    return batchNorm(x, runningMean, runningVar, { ...options, ...tracking });
  }
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
    requireImages('BatchNorm2d', x, C);
  }
}
