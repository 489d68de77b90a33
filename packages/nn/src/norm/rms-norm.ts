import {
  bufferOf,
  defineFunction,
  empty,
  kernelsFor,
  moreKernelsFor,
  mul,
  reshape,
  type Context,
  type DType,
  type OptionRules,
  type Parameter,
  type Shape,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  fills,
  flag,
  hostCall,
  reads,
  requireFloat,
  tracer,
} from '@unfold/core/internal';
import { floatDType, ownCopy } from '../checks.js';
import { Module } from '../module.js';
import { filledParameter } from '../parameter.js';
import { formatOptions } from '../tree.js';
import { channelSums, inputGradient, normalised } from './batch-norm-functions.js';
import { checkEps } from './batch-norm.js';
import { checkPlaces, placesOf, rowsOf } from './layer-norm.js';
import { normalisedGradients } from './recorded.js';

/*
 * Root mean square normalisation (Zhang and Sennrich, 2019) is normalisation by a mean of 0, and runs by
 * the kernels of batch normalisation: its rows are the channels of one image.
 */

interface Saved {
  readonly x: Tensor;
  /** 0 and 1/√(mean square + eps) of each row, in the first and the last of `[3, rows]`. */
  readonly statistics: Tensor;
  readonly weight: Tensor | null;
  /** Of the weight. */
  readonly shape: Shape;
  readonly eps: number;
}

/** x as one image whose channels are its rows. */
function asOne(x: Tensor, shape: Shape): Tensor {
  const { rows, n } = rowsOf(x, shape);
  return reshape(x, [1, rows, n]);
}

/** What rows are normalised by: the mean square is variance + mean², and `hypot` keeps it from growing. */
function statisticsOf(one: Tensor, eps: number): Tensor {
  const [outer, channels, inner] = one.shape;
  const moments = empty([3, channels], one.dtype, 'rmsNorm');
  const statistics = empty([3, channels], one.dtype, 'rmsNorm');
  const geometry = { outer, channels, inner, eps };
  moreKernelsFor(one.dtype).moments(bufferOf(moments), bufferOf(one), geometry);
  hostCall('rmsNorm', [fills(statistics), reads(moments)], (data, found) => {
    data.fill(0);
    for (let row = 0; row < channels; row++) {
      const at = 2 * channels + row;
      data[at] = 1 / Math.hypot(1 / found[at], found[row]);
    }
  });
  return statistics;
}

const rmsNormFunction = defineFunction('rmsNorm', {
  forward(
    ctx: Context<Saved>,
    x: Tensor,
    weight: Tensor | null,
    { shape, eps }: { shape: Shape; eps: number },
  ) {
    const one = asOne(x, shape);
    const statistics = statisticsOf(one, eps);
    ctx.save({ x, statistics, weight, shape, eps });
    const normal = reshape(normalised(one, statistics, null, null), x.shape);
    return weight ? mul(normal, weight) : normal;
  },

  backward(ctx, dOut) {
    const { x, statistics, weight, shape, eps } = ctx.saved;
    const [needsX, needsWeight] = ctx.needsInputGrad;
    const geometry = rowsOf(x, shape);
    const dX = (): Tensor => {
      const one = asOne(x, shape);
      const g = asOne(weight ? mul(dOut, weight) : dOut, shape);
      const { factors } = channelSums(g, { x: one, statistics, weight: null, eps });
      // No mean was taken off, so that of the gradient plays no part either.
      const means = bufferOf(factors).slice(geometry.rows, 2 * geometry.rows);
      kernelsFor(x.dtype).fill(means, { value: 0 });
      return reshape(inputGradient(g, one, statistics, factors), x.shape);
    };
    const dWeight = (): Tensor => {
      const [ofWeight, ofBias] = [0, 1].map(() => empty(shape, x.dtype, 'rmsNorm'));
      moreKernelsFor(x.dtype).layerNormSums(
        bufferOf(ofWeight),
        bufferOf(ofBias),
        bufferOf(dOut),
        bufferOf(x),
        bufferOf(statistics),
        geometry,
      );
      return ofWeight;
    };
    return [needsX ? dX() : null, needsWeight ? dWeight() : null];
  },

  recordedBackward(ctx, dOut) {
    const { x, weight, shape, eps } = ctx.saved;
    const [needsX, needsWeight] = ctx.needsInputGrad;
    const lead = x.ndim - shape.length;
    const axes = x.shape.map((_, axis) => axis);
    const [dX, dWeight] = normalisedGradients([needsX, needsWeight, false], dOut, x, weight, {
      axes: axes.slice(lead),
      others: axes.slice(0, lead),
      shape,
      eps,
      isCentred: false,
    });
    return [dX, dWeight];
  },
});

/** Options of `rmsNorm`, named and defaulted as PyTorch's. */
export interface RMSNormOptions {
  /** A factor for each place, of `normalizedShape`. Default: none. */
  readonly weight?: Tensor | null;
  /** Is added to the mean square. Default null: the distance from 1 to the next number of x's dtype. */
  readonly eps?: number | null;
}

const RMS_NORM_OPTIONS: OptionRules<RMSNormOptions> = { weight: checkedInUse, eps: checkedInUse };

/**
 * x/√(mean x² + eps)·weight over the last axes, as `torch.nn.functional.rms_norm` (Zhang and Sennrich,
 * 2019). Squares that are too large for the dtype are treated as `layerNorm` does.
 * @param x `[…, ...normalizedShape]`
 * @param normalizedShape The last axes of x, those that are normalised together; a number for one.
 * @returns The shape of x.
 * @throws ShapeError for shapes that don't fit, DTypeError unless both are floats of one dtype,
 * ConfigError for a bad size or eps.
 */
export function rmsNorm(
  x: Tensor,
  normalizedShape: number | Shape,
  options: RMSNormOptions = {},
): Tensor {
  requireFloat('rmsNorm', x);
  checkOptions('rmsNorm', options, RMS_NORM_OPTIONS);
  const { weight = null, eps = null } = options;
  if (tracer) {
    const completed = { weight, eps };
    return tracer.operation('rmsNorm', rmsNorm, { x, normalizedShape, options: completed });
  }
  const shape = placesOf('rmsNorm', normalizedShape);
  if (eps !== null) checkEps('rmsNorm', eps);
  checkPlaces('rmsNorm', x, shape, { weight });
  return rmsNormFunction(x, weight, {
    shape,
    eps: eps ?? (x.dtype === 'float32' ? 2 ** -23 : 2 ** -52),
  });
}

/** Options of `RMSNorm`, named and defaulted as PyTorch's. */
export interface RMSNormLayerOptions {
  /** Is added to the mean square. Default null: the distance from 1 to the next number of x's dtype. */
  readonly eps?: number | null;
  /** Whether a factor is learnt for each place. Default true. */
  readonly elementwiseAffine?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

const LAYER_OPTIONS: OptionRules<RMSNormLayerOptions> = {
  eps: checkedInUse,
  elementwiseAffine: flag,
  dtype: floatDType,
};

/** Divides by the root mean square over the last axes, as `torch.nn.RMSNorm`; see `rmsNorm`. */
export class RMSNorm extends Module {
  /** A factor for each place, 1 at first; null without `elementwiseAffine`. */
  readonly weight: Parameter | null;
  readonly #shape: Shape;
  readonly #eps: number | null;

  /**
   * @param normalizedShape The last axes of x, those that are normalised together.
   * @throws ConfigError for a bad size or eps.
   */
  constructor(normalizedShape: number | Shape, options: RMSNormLayerOptions = {}) {
    super();
    checkOptions('RMSNorm', options, LAYER_OPTIONS);
    const { eps = null, elementwiseAffine = true, dtype = 'float32' } = options;
    this.#shape = ownCopy(placesOf('RMSNorm', normalizedShape));
    if (eps !== null) checkEps('RMSNorm', eps);
    this.weight = elementwiseAffine ? filledParameter(this.#shape, dtype, 1) : null;
    this.#eps = eps;
  }

  /** `[…, ...normalizedShape]`, to the same shape. */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.#shape, { weight: this.weight, eps: this.#eps });
  }

  /** @hidden */
  override constructedWith(): object {
    const elementwiseAffine = this.weight !== null;
    return { normalizedShape: this.#shape, eps: this.#eps, elementwiseAffine };
  }

  override extraRepr(): string {
    return formatOptions(this.constructedWith(), 1);
  }
}
