import {
  ConfigError,
  defineFunction,
  DTypeError,
  elementsOf,
  empty,
  formatShape,
  kernelsFor,
  ShapeError,
  sizeOf,
  type Context,
  type DType,
  type Parameter,
  type Shape,
  type Tensor,
} from '@unfold/core';
import { requireFloat } from '../checks.js';
import { Module } from '../module.js';
import { filledParameter } from '../parameter.js';
import { checkEps } from './batch-norm.js';
import { isOutOfRange, normaliseScaled } from './scaled.js';

/** Options of `layerNorm`, named and defaulted as PyTorch's. */
export interface LayerNormOptions {
  /** A factor for each place, of `normalizedShape`. Default: none. */
  readonly weight?: Tensor | null;
  /** What is added to each place, of `normalizedShape`. Default: none. */
  readonly bias?: Tensor | null;
  /** Is added to the variance. Default 1e-5. */
  readonly eps?: number;
}

interface Saved {
  /** (x - mean)/√(variance + eps) */
  readonly normalised: Tensor;
  /** 1/√(variance + eps), `[rows]` */
  readonly inverse: Tensor;
  readonly weight: Tensor | null;
  readonly rows: Rows;
  /** Of weight and bias. */
  readonly shape: Shape;
}

/** x as rows of n values, each normalised on its own. */
class Rows {
  readonly rows: number;
  readonly n: number;

  constructor(x: Tensor, n: number) {
    this.rows = x.size / n;
    this.n = n;
  }

  /** How a kernel walks x and one value for each row. */
  get byRow() {
    return { shape: [this.rows, this.n], aStrides: [this.n, 1], bStrides: [1, 0] };
  }

  /** How a kernel walks x and one value for each place in a row. */
  get byPlace() {
    return { shape: [this.rows, this.n], aStrides: [this.n, 1], bStrides: [0, 1] };
  }

  /** How a kernel walks two tensors as large as x. */
  get flat() {
    return { shape: [this.rows * this.n], aStrides: [1], bStrides: [1] };
  }

  /** The mean of each row, `[rows]`. */
  means(x: Tensor): Tensor {
    const means = empty([this.rows], x.dtype, 'layerNorm');
    kernelsFor(x.dtype).sum(elementsOf(means), elementsOf(x), {
      outer: this.rows,
      n: this.n,
      inner: 1,
    });
    means.update((data) => {
      for (let row = 0; row < data.length; row++) data[row] = (data[row] as number) / this.n;
    });
    return means;
  }

  /** The sum over the rows for each place, of `shape`. */
  total(x: Tensor, shape: Shape): Tensor {
    const total = empty(shape, x.dtype, 'layerNorm');
    kernelsFor(x.dtype).sum(elementsOf(total), elementsOf(x), {
      outer: 1,
      n: this.rows,
      inner: this.n,
    });
    return total;
  }
}

const layerNormFunction = defineFunction('layerNorm', {
  forward(
    ctx: Context<Saved>,
    x: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    { shape, eps }: { shape: Shape; eps: number },
  ) {
    const rows = new Rows(x, sizeOf(shape));
    const kernels = kernelsFor(x.dtype);
    const normalised = empty(x.shape, x.dtype, 'layerNorm');
    const out = empty(x.shape, x.dtype, 'layerNorm');
    const means = rows.means(x);
    kernels.sub(elementsOf(normalised), elementsOf(x), elementsOf(means), rows.byRow);
    // Σ(x - mean)² and not Σx² - (Σx)²/n, which cancels where the mean is large.
    kernels.mul(elementsOf(out), elementsOf(normalised), elementsOf(normalised), rows.flat);
    const inverse = rows.means(out);
    const outOfRange: number[] = [];
    inverse.update((data) => {
      for (let row = 0; row < data.length; row++) {
        const variance = data[row] as number;
        if (isOutOfRange(variance, eps)) outOfRange.push(row);
        data[row] = 1 / Math.sqrt(variance + eps);
      }
    });
    kernels.mul(elementsOf(normalised), elementsOf(normalised), elementsOf(inverse), rows.byRow);
    for (const row of outOfRange) {
      const values = { starts: [row * rows.n], length: rows.n };
      const found = normaliseScaled(normalised, x, values, eps);
      if (found) inverse.update((data) => (data[row] = found.inverse));
    }
    ctx.save({ normalised, inverse, weight, rows, shape });
    if (!weight && !bias) return normalised;
    if (weight)
      kernels.mul(elementsOf(out), elementsOf(normalised), elementsOf(weight), rows.byPlace);
    if (bias) {
      const factored = weight ? out : normalised;
      kernels.add(elementsOf(out), elementsOf(factored), elementsOf(bias), rows.byPlace);
    }
    return out;
  },

  backward(ctx, dOut) {
    const { normalised, inverse, weight, rows, shape } = ctx.saved;
    const [needsX, needsWeight, needsBias] = ctx.needsInputGrad;
    const kernels = kernelsFor(dOut.dtype);
    const scratch = empty(dOut.shape, dOut.dtype, 'layerNorm');
    const dWeight = (): Tensor => {
      kernels.mul(elementsOf(scratch), elementsOf(dOut), elementsOf(normalised), rows.flat);
      return rows.total(scratch, shape);
    };
    const dX = (): Tensor => {
      // With g = dOut·weight: dX = inverse·(g - mean(g) - normalised·mean(g·normalised)).
      const d = empty(dOut.shape, dOut.dtype, 'layerNorm');
      let g = dOut;
      if (weight) {
        kernels.mul(elementsOf(d), elementsOf(dOut), elementsOf(weight), rows.byPlace);
        g = d;
      }
      kernels.mul(elementsOf(scratch), elementsOf(g), elementsOf(normalised), rows.flat);
      const slopes = rows.means(scratch);
      const means = rows.means(g);
      kernels.mul(elementsOf(scratch), elementsOf(normalised), elementsOf(slopes), rows.byRow);
      kernels.sub(elementsOf(d), elementsOf(g), elementsOf(scratch), rows.flat);
      kernels.sub(elementsOf(d), elementsOf(d), elementsOf(means), rows.byRow);
      kernels.mul(elementsOf(d), elementsOf(d), elementsOf(inverse), rows.byRow);
      return d;
    };
    return [
      needsX ? dX() : null,
      needsWeight ? dWeight() : null,
      needsBias ? rows.total(dOut, shape) : null,
    ];
  },
});

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
  { weight = null, bias = null, eps = 1e-5 }: LayerNormOptions = {},
): Tensor {
  requireFloat('layerNorm', x);
  const shape = placesOf('layerNorm', normalizedShape);
  checkEps('layerNorm', eps);
  if (formatShape(x.shape.slice(-shape.length)) !== formatShape(shape)) {
    throw new ShapeError(
      `layerNorm: expected x […,${shape.join(',')}], got ${formatShape(x.shape)}`,
    );
  }
  for (const [name, parameter] of Object.entries({ weight, bias })) {
    if (!parameter) continue;
    if (formatShape(parameter.shape) !== formatShape(shape)) {
      throw new ShapeError(
        `layerNorm: expected ${name} ${formatShape(shape)}, got ${formatShape(parameter.shape)}`,
      );
    }
    if (parameter.dtype !== x.dtype) {
      throw new DTypeError(
        `layerNorm: expected x and ${name} of one dtype, got ${x.dtype} and ${parameter.dtype}; ` +
          'cast(x, dtype) converts',
      );
    }
  }
  return layerNormFunction(x, weight, bias, { shape, eps });
}

/** @throws ConfigError unless `shape` is made of positive integers. */
function placesOf(operation: string, shape: number | Shape): Shape {
  const sizes = typeof shape === 'number' ? [shape] : shape;
  if (sizes.length === 0 || !sizes.every((size) => Number.isInteger(size) && size > 0)) {
    throw new ConfigError(
      `${operation}: normalizedShape must hold positive integers, got ${formatShape(sizes)}`,
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

/** Normalises over the last axes, as `torch.nn.LayerNorm`; see `layerNorm`. */
export class LayerNorm extends Module {
  /** A factor for each place, 1 at first; null without `elementwiseAffine`. */
  readonly weight: Parameter | null;
  /** What is added to each place, 0 at first; null without `elementwiseAffine` or `bias`. */
  readonly bias: Parameter | null;
  readonly #shape: Shape;
  readonly #eps: number;

  /**
   * @param normalizedShape The last axes of x, those that are normalised together.
   * @throws ConfigError for a bad size or eps.
   */
  constructor(
    normalizedShape: number | Shape,
    {
      eps = 1e-5,
      elementwiseAffine = true,
      bias = true,
      dtype = 'float32',
    }: LayerNormLayerOptions = {},
  ) {
    super();
    this.#shape = placesOf('LayerNorm', normalizedShape);
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
}
