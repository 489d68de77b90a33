import { defineFunction, type Context } from '../autograd/function.js';
import type { DType } from '../dtype.js';
import { sumAxes } from '../autograd/sum-to.js';
import { tracer } from '../graph/tracer.js';
import { atLeast0 } from '../options.js';
import { reducedShape, sizeOf, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { div, mul, sub } from './arithmetic.js';
import { asGiven, optionsOf, reduction, type ReduceOptions } from './axes.js';
import { divisorOf } from './divisor.js';
import { reshape } from './movement.js';
import { sqrt } from './pointwise.js';
import { sum } from './reduce.js';
import { requireFloat } from './support.js';

/** Options of `variance` and `std`. */
export interface SpreadOptions {
  /** What is taken off the number of elements before dividing by it. Default 1, Bessel's correction. */
  readonly correction?: number;
  /** Whether reduced axes stay, with size 1. Default false. */
  readonly keepdim?: boolean;
}

/** Where the axes of `variance` and `std` stand. */
export type SpreadAxes = number | readonly number[] | (SpreadOptions & ReduceOptions);

interface Spread {
  readonly axes: readonly number[];
  readonly keepdim: boolean;
  /** The number of elements less the correction, at least 0. */
  readonly divisor: number;
}

interface Saved extends Spread {
  readonly x: Tensor;
  readonly out: Tensor;
  /** The result's shape with the reduced axes. */
  readonly kept: Shape;
}

/** x less its mean over the axes: NaN of nothing. */
function centred(x: Tensor, axes: readonly number[]): Tensor {
  const count = sizeOf(axes.map((axis) => x.shape[axis]));
  return sub(x, mul(sum(x, axes, { keepdim: true }), 1 / count));
}

/** In two passes: first the mean, then the squares of the distances from it. */
function varianceOf(x: Tensor, { axes, keepdim, divisor }: Spread): Tensor {
  const distances = centred(x, axes);
  const squares = sumAxes(mul(distances, distances), axes);
  return div(squares, divisor).view(reducedShape(x.shape, axes, keepdim), 'variance');
}

const varianceFunction = defineFunction('variance', {
  forward(ctx: Context<Saved>, x: Tensor, spread: Spread) {
    const out = varianceOf(x, spread);
    ctx.save({ ...spread, x, out, kept: reducedShape(x.shape, spread.axes, true) });
    return out;
  },
  backward(ctx, dOut) {
    const { x, axes, divisor, kept } = ctx.saved;
    return mul(centred(x, axes), mul(reshape(dOut, kept), 2 / divisor));
  },
});

const stdFunction = defineFunction('std', {
  forward(ctx: Context<Saved>, x: Tensor, spread: Spread) {
    const out = sqrt(varianceOf(x, spread));
    ctx.save({ ...spread, x, out, kept: reducedShape(x.shape, spread.axes, true) });
    return out;
  },
  backward(ctx, dOut) {
    // Where all are equal, all distances are 0, and so is the gradient, whatever they are divided by.
    const { x, axes, divisor, kept } = ctx.saved;
    const out = divisorOf(reshape(ctx.saved.out, kept));
    return mul(centred(x, axes), div(reshape(dOut, kept), mul(out, divisor)));
  },
});

function spreadOf(
  name: 'variance' | 'std',
  run: typeof variance,
  x: Tensor,
  axis: SpreadAxes | undefined,
  options: SpreadOptions | undefined,
): Tensor {
  const given = reduction(name, x, axis, options, { correction: atLeast0 });
  const correction = optionsOf<SpreadOptions>(axis, options)?.correction ?? 1;
  if (tracer) {
    return tracer.operation(name, run, asGiven(x, axis, given, { correction }));
  }
  requireFloat(name, x);
  const count = sizeOf(given.axes.map((at) => x.shape[at]));
  const spread = { ...given, divisor: Math.max(0, count - correction) };
  return name === 'std' ? stdFunction(x, spread) : varianceFunction(x, spread);
}

/**
 * The variance over any axes, given as those of `sum`: the squared distances from the mean, summed and
 * divided by their number less `correction`. PyTorch's `torch.var`; `var` is a word of JavaScript, which
 * an import has to rename. NaN where there are no more elements than the correction, and all equal.
 * @throws DTypeError for integers.
 */
export function variance<D extends DType>(
  x: Tensor<D>,
  axis?: SpreadAxes,
  options?: SpreadOptions,
): Tensor<D>;
export function variance(x: Tensor, axis?: SpreadAxes, options?: SpreadOptions): Tensor {
  return spreadOf('variance', variance, x, axis, options);
}

/**
 * The standard deviation, the root of `variance`, whose options it has. Where all elements are equal, its
 * gradient is 0, as PyTorch's; of one element, less the default correction, both are NaN.
 * @throws DTypeError for integers.
 */
export function std<D extends DType>(
  x: Tensor<D>,
  axis?: SpreadAxes,
  options?: SpreadOptions,
): Tensor<D>;
export function std(x: Tensor, axis?: SpreadAxes, options?: SpreadOptions): Tensor {
  return spreadOf('std', std, x, axis, options);
}
