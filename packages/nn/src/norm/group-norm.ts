import {
  bufferOf,
  concat,
  ConfigError,
  defineFunction,
  empty,
  expand,
  formatShape,
  mean,
  moreKernelsFor,
  reshape,
  ShapeError,
  slice,
  sum,
  tile,
  type Context,
  type DType,
  type OptionRules,
  type Parameter,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  checkValue,
  flag,
  positiveCount,
  requireFloat,
  requireTensor,
  tracer,
} from '@unfold/core/internal';
import { planesOf } from '../channels.js';
import { floatDType, requireSizes } from '../checks.js';
import { Module } from '../module.js';
import { filledParameter } from '../parameter.js';
import { formatOptions } from '../tree.js';
import {
  channelSums,
  inputGradient,
  normalised,
  track,
  type Running,
} from './batch-norm-functions.js';
import { checkEps, checkVectors } from './batch-norm.js';
import { normalisedGradients } from './recorded.js';

/*
 * Normalisation of groups of channels, image by image (Wu and He, 2018), by the kernels of batch
 * normalisation: the channels of all images are the channels of one, of which those of a group have
 * the same statistics.
 */

interface Groups {
  readonly groups: number;
  readonly eps: number;
  /** Running statistics that move towards the means of the images'; of groups of one channel. */
  readonly running: Running | null;
}

interface Saved extends Groups {
  readonly x: Tensor;
  /** Means, variances and 1/√(variance + eps), `[3, N·C]`. */
  readonly statistics: Tensor;
  readonly weight: Tensor | null;
}

/** x `[N, C, …]` as one image of N·C channels. */
function asOne(x: Tensor): Tensor {
  const { N, C, p } = planesOf(x);
  return reshape(x, [1, N * C, p]);
}

/** A vector `[C]` for each of N images, `[N·C]`. */
function forEach(N: number, vector: Tensor | null): Tensor | null {
  return vector && tile(vector, [N]);
}

/** Rows of a value for each group, `[rows, count]`, as rows of one for each channel. */
function ofChannels(rows: Tensor, channels: number): Tensor {
  const [n, count] = rows.shape;
  const each = channels / Math.max(1, count);
  return reshape(expand(reshape(rows, [n, count, 1]), [n, count, each]), [n, channels]);
}

export const normaliseGroups = defineFunction('groupNorm', {
  forward(
    ctx: Context<Saved>,
    x: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    { groups, eps, running }: Groups,
  ) {
    const { N, C, p } = planesOf(x);
    const [count, inner] = [N * groups, (C / groups) * p];
    const ofGroups = empty([3, count], x.dtype, 'groupNorm');
    moreKernelsFor(x.dtype).moments(bufferOf(ofGroups), bufferOf(x), {
      outer: 1,
      channels: count,
      inner,
      eps,
    });
    if (running) track(mean(reshape(ofGroups, [3, N, groups]), 1), inner, running);
    const statistics = groups === C ? ofGroups : ofChannels(ofGroups, N * C);
    ctx.save({ x, statistics, weight, groups, eps, running });
    const out = normalised(asOne(x), statistics, forEach(N, weight), forEach(N, bias));
    return reshape(out, x.shape);
  },

  backward(ctx, dOut) {
    const { x, statistics, weight, groups, eps } = ctx.saved;
    const [needsX, needsWeight, needsBias] = ctx.needsInputGrad;
    const { N, C } = planesOf(x);
    const one = { x: asOne(x), statistics, weight: forEach(N, weight), eps };
    const sums = channelSums(asOne(dOut), one);
    // The means of g = dOut·weight and of g·normal over a group are those over its channels.
    const factorsOfGroups = (): Tensor => {
      const means = reshape(slice(sums.factors, [[1, 3]]), [2, N * groups, C / groups]);
      const ofGroups = ofChannels(mean(means, 2), N * C);
      return concat([slice(sums.factors, [[0, 1]]), ofGroups]);
    };
    const dX = (): Tensor => {
      const factors = groups === C ? sums.factors : factorsOfGroups();
      return reshape(inputGradient(asOne(dOut), one.x, statistics, factors), x.shape);
    };
    const overImages = (each: Tensor): Tensor => sum(reshape(each, [N, C]), 0);
    return [
      needsX ? dX() : null,
      needsWeight ? overImages(sums.dWeight) : null,
      needsBias ? overImages(sums.dBias) : null,
    ];
  },

  recordedBackward(ctx, dOut) {
    const { x, weight, groups, eps } = ctx.saved;
    const { N, C, p } = planesOf(x);
    const each = C / groups;
    const inGroups = (tensor: Tensor): Tensor => reshape(tensor, [N, groups, each, p]);
    const [dX, dWeight, dBias] = normalisedGradients(
      ctx.needsInputGrad,
      inGroups(dOut),
      inGroups(x),
      weight,
      { axes: [2, 3], others: [0, 3], shape: [groups, each, 1], eps, isCentred: true },
    );
    return [
      dX && reshape(dX, x.shape),
      dWeight && reshape(dWeight, [C]),
      dBias && reshape(dBias, [C]),
    ];
  },
});

/** Options of `groupNorm`, named and defaulted as PyTorch's. */
export interface GroupNormOptions {
  /** The factor of each channel, `[C]`. Default: none. */
  readonly weight?: Tensor | null;
  /** The offset of each channel, `[C]`. Default: none. */
  readonly bias?: Tensor | null;
  /** Is added to the variance. Default 1e-5. */
  readonly eps?: number;
}

const GROUP_NORM_OPTIONS: OptionRules<GroupNormOptions> = {
  weight: checkedInUse,
  bias: checkedInUse,
  eps: checkedInUse,
};

/**
 * (x - mean)/√(variance + eps)·weight + bias, with a mean and a variance for each image and each of
 * `numGroups` groups of neighbouring channels, as `torch.nn.functional.group_norm` (Wu and He, 2018). Large
 * means and large squares are treated as `layerNorm` does.
 * @param x `[N, C, …]`
 * @param numGroups Divides C.
 * @returns The shape of x.
 * @throws ShapeError for shapes that don't fit, DTypeError unless all are floats of one dtype,
 * ConfigError for an option out of range.
 */
export function groupNorm(x: Tensor, numGroups: number, options: GroupNormOptions = {}): Tensor {
  requireFloat('groupNorm', x);
  checkValue('groupNorm: numGroups', positiveCount, numGroups);
  checkOptions('groupNorm', options, GROUP_NORM_OPTIONS);
  const { weight = null, bias = null, eps = 1e-5 } = options;
  if (tracer) {
    const completed = { weight, bias, eps };
    return tracer.operation('groupNorm', groupNorm, { x, numGroups, options: completed });
  }
  if (x.ndim < 2 || x.shape[1] % numGroups !== 0) {
    throw new ShapeError(
      `groupNorm: expected x [N,C,…] with channels in ${numGroups} groups of one size, got ` +
        formatShape(x.shape),
    );
  }
  checkVectors('groupNorm', x, { weight, bias });
  checkEps('groupNorm', eps);
  return normaliseGroups(x, weight, bias, { groups: numGroups, eps, running: null });
}

/** Options of `GroupNorm`, named and defaulted as PyTorch's. */
export interface GroupNormLayerOptions {
  /** Is added to the variance. Default 1e-5. */
  readonly eps?: number;
  /** Whether a factor and an offset are learnt for each channel. Default true. */
  readonly affine?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

const LAYER_OPTIONS: OptionRules<GroupNormLayerOptions> = {
  eps: checkedInUse,
  affine: flag,
  dtype: floatDType,
};

/** Normalises groups of channels, image by image, as `torch.nn.GroupNorm`; see `groupNorm`. */
export class GroupNorm extends Module {
  /** The factor of each channel, `[C]`, 1 at first; null without `affine`. */
  readonly weight: Parameter | null;
  /** The offset of each channel, `[C]`, 0 at first; null without `affine`. */
  readonly bias: Parameter | null;
  readonly #groups: number;
  readonly #channels: number;
  readonly #eps: number;

  /**
   * @param numGroups Divides the number of channels.
   * @param numChannels C
   * @throws ConfigError for sizes that don't fit, or an option out of range.
   */
  constructor(numGroups: number, numChannels: number, options: GroupNormLayerOptions = {}) {
    super();
    requireSizes('GroupNorm', 'positive integers', numGroups, numChannels);
    checkOptions('GroupNorm', options, LAYER_OPTIONS);
    const { eps = 1e-5, affine = true, dtype = 'float32' } = options;
    checkEps('GroupNorm', eps);
    if (numChannels % numGroups !== 0) {
      throw new ConfigError(
        `GroupNorm: expected a number of channels that ${numGroups} groups divide, got ${numChannels}`,
      );
    }
    this.weight = affine ? filledParameter([numChannels], dtype, 1) : null;
    this.bias = affine ? filledParameter([numChannels], dtype, 0) : null;
    this.#groups = numGroups;
    this.#channels = numChannels;
    this.#eps = eps;
  }

  /** `[N, C, …]`, to the same shape. */
  forward(x: Tensor): Tensor {
    requireTensor('GroupNorm', 'x', x);
    if (x.ndim < 2 || x.shape[1] !== this.#channels) {
      throw new ShapeError(
        `GroupNorm: expected x [N,${this.#channels},…], got ${formatShape(x.shape)}`,
      );
    }
    const { weight, bias } = this;
    return groupNorm(x, this.#groups, { weight, bias, eps: this.#eps });
  }

  /** @hidden */
  override constructedWith(): object {
    return {
      numGroups: this.#groups,
      numChannels: this.#channels,
      eps: this.#eps,
      affine: this.weight !== null,
    };
  }

  override extraRepr(): string {
    return formatOptions(this.constructedWith(), 2);
  }
}
