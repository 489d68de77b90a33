import { defineFunction, type Context } from '../autograd/function.js';
import type { DType } from '../dtype.js';
import { sumAxes } from '../autograd/sum-to.js';
import { tracer } from '../graph/tracer.js';
import type { OptionRule } from '../options.js';
import { reducedShape, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { div, mul } from './arithmetic.js';
import { asGiven, optionsOf, reduction, type Axes, type ReduceOptions } from './axes.js';
import { eq } from './compare.js';
import { countNonzero } from './count.js';
import { divisorOf } from './divisor.js';
import { cast, reshape } from './movement.js';
import { abs, sqrt } from './pointwise.js';
import { max, min } from './extreme-values.js';
import { sum } from './reduce.js';
import { pow } from './power.js';
import { sign } from './rounding.js';
import { composed, requireFloat } from './support.js';
import { where } from './where.js';

/** Options of `norm`. */
export interface NormOptions {
  /** The order of the norm; default 2. */
  readonly p?: number;
  /** Whether reduced axes stay, with size 1. Default false. */
  readonly keepdim?: boolean;
}

/** Where the axes of `norm` stand. */
export type NormAxes = number | readonly number[] | (NormOptions & ReduceOptions);

const order: OptionRule = {
  expected: 'a number that is not NaN',
  accepts: (value) => typeof value === 'number' && !Number.isNaN(value),
};

interface Saved {
  readonly x: Tensor;
  readonly out: Tensor;
  readonly kept: Shape;
}

const euclideanFunction = defineFunction('norm', {
  forward(ctx: Context<Saved>, x: Tensor, { axes, keepdim }: Axes) {
    const out = sqrt(sumAxes(mul(x, x), axes)).view(reducedShape(x.shape, axes, keepdim), 'norm');
    ctx.save({ x, out, kept: reducedShape(x.shape, axes, true) });
    return out;
  },
  backward(ctx, dOut) {
    const { x, kept } = ctx.saved;
    return mul(x, div(reshape(dOut, kept), divisorOf(reshape(ctx.saved.out, kept))));
  },
});

const powerFunction = defineFunction('norm', {
  forward(
    ctx: Context<Saved & { p: number }>,
    x: Tensor,
    { axes, keepdim, p }: Axes & { p: number },
  ) {
    const out = pow(sumAxes(pow(abs(x), p), axes), 1 / p).view(
      reducedShape(x.shape, axes, keepdim),
      'norm',
    );
    ctx.save({ x, out, p, kept: reducedShape(x.shape, axes, true) });
    return out;
  },
  backward(ctx, dOut) {
    // sign(x)·(|x|/out)^(p - 1); 0 where x is 0, and where the norm is.
    const { x, p, kept } = ctx.saved;
    const out = reshape(ctx.saved.out, kept);
    const given = where(eq(out, 0), 0, reshape(dOut, kept));
    const share = div(where(eq(x, 0), 1, abs(x)), divisorOf(out));
    return mul(mul(given, sign(x)), pow(share, p - 1));
  },
});

function normOf(x: Tensor, { axes, keepdim }: Axes, p: number): Tensor {
  if (p === 2) return euclideanFunction(x, { axes, keepdim });
  if (p === 1) return sum(abs(x), axes, { keepdim });
  if (p === Infinity) return max(abs(x), axes, { keepdim });
  if (p === -Infinity) return min(abs(x), axes, { keepdim });
  if (p === 0) return cast(countNonzero(x, axes, { keepdim }), x.dtype);
  return powerFunction(x, { axes, keepdim, p });
}

/**
 * The p-norm of the elements over any axes, given as those of `sum`: (Σ|x|ᵖ)^(1/p), by default the
 * Euclidean length, as `torch.linalg.vector_norm`; `norm(x, 1, { p: 1 })`. Of p = ∞ and -∞ it is the
 * largest and the smallest magnitude, of 0 the number of elements that are not 0. Where the norm is 0,
 * so is the gradient; of p = ±∞ it goes to the first of equals. Powers of the elements are summed in
 * their dtype, so float32 is good for magnitudes from 1e-19 to 1e19 with p = 2.
 * @throws DTypeError for integers, ShapeError for p = ±∞ over no element.
 */
export function norm<D extends DType>(
  x: Tensor<D>,
  axis?: NormAxes,
  options?: NormOptions,
): Tensor<D>;
export function norm(x: Tensor, axis?: NormAxes, options?: NormOptions): Tensor {
  const given = reduction('norm', x, axis, options, { p: order });
  const p = optionsOf<NormOptions>(axis, options)?.p ?? 2;
  if (tracer) {
    return tracer.operation('norm', norm, asGiven(x, axis, given, { p }));
  }
  requireFloat('norm', x);
  return composed(() => normOf(x, given, p));
}
