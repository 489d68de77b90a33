import {
  bufferOf,
  ConfigError,
  defineFunction,
  DTypeError,
  empty,
  formatShape,
  full,
  moreKernelsFor,
  ShapeError,
  sizeOf,
  zeros,
  type Context,
  type DType,
  type OptionRules,
  type Parameter,
  type RowsGeometry,
  type Shape,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  flag,
  requireFloat,
  sameShape,
  valueText,
  tracer,
} from '@unfold/core/internal';
import { floatDType, ownCopy, requireTensorOrNone } from '../checks.js';
import { Module } from '../module.js';
import { filledParameter } from '../parameter.js';
import { formatOptions } from '../tree.js';
import { checkEps } from './batch-norm.js';
import { normalisedGradients } from './recorded.js';

/** Options of `layerNorm`, named and defaulted as PyTorch's. */
export interface LayerNormOptions {
  /** A factor for each place, of `normalizedShape`. Default: none. */
  readonly weight?: Tensor | null;
  /** An offset for each place, of `normalizedShape`. Default: none. */
  readonly bias?: Tensor | null;
  /** Is added to the variance. Default 1e-5. */
  readonly eps?: number;
}

const LAYER_NORM_OPTIONS: OptionRules<LayerNormOptions> = {
  weight: checkedInUse,
  bias: checkedInUse,
  eps: checkedInUse,
};

interface Saved {
  readonly x: Tensor;
  /** Means, variances and 1/√(variance + eps), `[3, rows]`. */
  readonly statistics: Tensor;
  readonly weight: Tensor | null;
  /** Of weight and bias. */
  readonly shape: Shape;
  readonly eps: number;
}

const layerNormFunction = defineFunction('layerNorm', {
  forward(
    ctx: Context<Saved>,
    x: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    { shape, eps }: { shape: Shape; eps: number },
  ) {
    const geometry = rowsOf(x, shape);
    const factors = weight ?? full(shape, 1, { dtype: x.dtype });
    const offsets = bias ?? zeros(shape, { dtype: x.dtype });
    const out = empty(x.shape, x.dtype, 'layerNorm');
    const statistics = empty([3, geometry.rows], x.dtype, 'layerNorm');
    moreKernelsFor(x.dtype).layerNorm(
      bufferOf(out),
      bufferOf(statistics),
      bufferOf(x),
      bufferOf(factors),
      bufferOf(offsets),
      { ...geometry, eps },
    );
    ctx.save({ x, statistics, weight, shape, eps });
    return out;
  },

  backward(ctx, dOut) {
    const { x, statistics, weight, shape } = ctx.saved;
    const [needsX, needsWeight, needsBias] = ctx.needsInputGrad;
    const kernels = moreKernelsFor(dOut.dtype);
    const geometry = rowsOf(x, shape);
    const dX = (): Tensor => {
      const factors = weight ?? full(shape, 1, { dtype: x.dtype });
      const d = empty(x.shape, x.dtype, 'layerNorm');
      kernels.layerNormBackward(
        bufferOf(d),
        bufferOf(dOut),
        bufferOf(x),
        bufferOf(statistics),
        bufferOf(factors),
        geometry,
      );
      return d;
    };
    const parameters = (): readonly [Tensor, Tensor] => {
      const dWeight = empty(shape, x.dtype, 'layerNorm');
      const dBias = empty(shape, x.dtype, 'layerNorm');
      kernels.layerNormSums(
        bufferOf(dWeight),
        bufferOf(dBias),
        bufferOf(dOut),
        bufferOf(x),
        bufferOf(statistics),
        geometry,
      );
      return [dWeight, dBias];
    };
    const [dWeight, dBias] = needsWeight || needsBias ? parameters() : [null, null];
    return [needsX ? dX() : null, needsWeight ? dWeight : null, needsBias ? dBias : null];
  },

  recordedBackward(ctx, dOut) {
    const { x, weight, shape, eps } = ctx.saved;
    const lead = x.ndim - shape.length;
    const axes = x.shape.map((_, axis) => axis);
    return normalisedGradients(ctx.needsInputGrad, dOut, x, weight, {
      axes: axes.slice(lead),
      others: axes.slice(0, lead),
      shape,
      eps,
      isCentred: true,
    });
  },
});

/** x as rows of values, each normalised on its own. */
export function rowsOf(x: Tensor, shape: Shape): RowsGeometry {
  const n = sizeOf(shape);
  return { rows: x.size / n, n };
}

/**
 * (x - mean)/√(variance + eps)·weight + bias over the last axes, as
 * `torch.nn.functional.layer_norm` (Ba, Kiros and Hinton, 2016). The variance is the sum of squares
 * divided by their count, in two passes, so that a large mean costs it nothing. Where the squares
 * are too large for the dtype (from 1e19 on in float32, where PyTorch gives NaN), x is scaled first.
 * @param x `[…, ...normalizedShape]`
 * @param normalizedShape The last axes of x, those that are normalised together; a number for one.
 * @returns The shape of x.
 * @throws ShapeError for shapes that don't fit, DTypeError unless all are floats of one dtype,
 * ConfigError for a bad size or eps.
 */
export function layerNorm(
  x: Tensor,
  normalizedShape: number | Shape,
  options: LayerNormOptions = {},
): Tensor {
  requireFloat('layerNorm', x);
  checkOptions('layerNorm', options, LAYER_NORM_OPTIONS);
  const { weight = null, bias = null, eps = 1e-5 } = options;
  if (tracer) {
    const completed = { weight, bias, eps };
    return tracer.operation('layerNorm', layerNorm, { x, normalizedShape, options: completed });
  }
  const shape = placesOf('layerNorm', normalizedShape);
  checkEps('layerNorm', eps);
  checkPlaces('layerNorm', x, shape, { weight, bias });
  return layerNormFunction(x, weight, bias, { shape, eps });
}

/** @throws ShapeError unless x ends in `shape`, and each parameter has it; DTypeError for mixed dtypes. */
export function checkPlaces(
  operation: string,
  x: Tensor,
  shape: Shape,
  parameters: Readonly<Record<string, Tensor | null>>,
): void {
  if (!sameShape(x.shape.slice(-shape.length), shape)) {
    throw new ShapeError(
      `${operation}: expected x […,${shape.join(',')}], got ${formatShape(x.shape)}`,
    );
  }
  for (const [name, parameter] of Object.entries(parameters)) {
    requireTensorOrNone(operation, name, parameter);
    if (!parameter) continue;
    if (!sameShape(parameter.shape, shape)) {
      throw new ShapeError(
        `${operation}: expected ${name} ${formatShape(shape)}, got ${formatShape(parameter.shape)}`,
      );
    }
    if (parameter.dtype !== x.dtype) {
      throw new DTypeError(
        `${operation}: expected x and ${name} of one dtype, got ${x.dtype} and ${parameter.dtype}; ` +
          'cast(x, dtype) converts',
      );
    }
  }
}

/** @throws ConfigError unless `shape` is made of positive integers. */
export function placesOf(operation: string, shape: number | Shape): Shape {
  const sizes = typeof shape === 'number' ? [shape] : shape;
  const valid =
    Array.isArray(sizes) &&
    sizes.length > 0 &&
    sizes.every((size) => Number.isInteger(size) && size > 0);
  if (!valid) {
    throw new ConfigError(
      `${operation}: normalizedShape must hold positive integers, got ` +
        (Array.isArray(sizes) ? formatShape(sizes) : valueText(sizes)),
    );
  }
  return sizes;
}

/** Options of `LayerNorm`, named and defaulted as PyTorch's. */
export interface LayerNormLayerOptions {
  /** Is added to the variance. Default 1e-5. */
  readonly eps?: number;
  /** Whether a factor, and perhaps an offset, is learnt for each place. Default true. */
  readonly elementwiseAffine?: boolean;
  /** Whether there is an offset too. Default true. */
  readonly bias?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

const LAYER_OPTIONS: OptionRules<LayerNormLayerOptions> = {
  eps: checkedInUse,
  elementwiseAffine: flag,
  bias: flag,
  dtype: floatDType,
};

/** Normalises over the last axes, as `torch.nn.LayerNorm`; see `layerNorm`. */
export class LayerNorm extends Module {
  /** A factor for each place, 1 at first; null without `elementwiseAffine`. */
  readonly weight: Parameter | null;
  /** An offset for each place, 0 at first; null without `elementwiseAffine` or `bias`. */
  readonly bias: Parameter | null;
  readonly #shape: Shape;
  readonly #eps: number;

  /**
   * @param normalizedShape The last axes of x, those that are normalised together.
   * @throws ConfigError for a bad size or eps.
   */
  constructor(normalizedShape: number | Shape, options: LayerNormLayerOptions = {}) {
    super();
    checkOptions('LayerNorm', options, LAYER_OPTIONS);
    const { eps = 1e-5, elementwiseAffine = true, bias = true, dtype = 'float32' } = options;
    this.#shape = ownCopy(placesOf('LayerNorm', normalizedShape));
    checkEps('LayerNorm', eps);
    this.weight = elementwiseAffine ? filledParameter(this.#shape, dtype, 1) : null;
    this.bias = elementwiseAffine && bias ? filledParameter(this.#shape, dtype, 0) : null;
    this.#eps = eps;
  }

  /** `[…, ...normalizedShape]`, to the same shape. */
  forward(x: Tensor): Tensor {
    const { weight, bias } = this;
    return layerNorm(x, this.#shape, { weight, bias, eps: this.#eps });
  }

  /** @hidden */
  override constructedWith(): object {
    const elementwiseAffine = this.weight !== null;
    // As PyTorch's: a layer that learns no factor learns no offset either.
    const bias = elementwiseAffine && this.bias === null ? false : undefined;
    return { normalizedShape: this.#shape, eps: this.#eps, elementwiseAffine, bias };
  }

  override extraRepr(): string {
    return formatOptions(this.constructedWith(), 1);
  }
}
