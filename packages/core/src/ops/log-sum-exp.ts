import { defineFunction, type Context } from '../autograd/function.js';
import type { DType } from '../dtype.js';
import { sumAxes } from '../autograd/sum-to.js';
import { full } from '../creation.js';
import { tracer } from '../graph/tracer.js';
import { reducedShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { add, div, mul, sub } from './arithmetic.js';
import { asGiven, reduction, type Axes, type ReduceAxes, type ReduceOptions } from './axes.js';
import { divisorOf } from './divisor.js';
import { isFinite } from './logic.js';
import { reshape } from './movement.js';
import { exp, log } from './pointwise.js';
import { max } from './extreme-values.js';
import { sum } from './reduce.js';
import { requireFloat, zerosOf } from './support.js';
import { where } from './where.js';

interface Saved {
  readonly x: Tensor;
  readonly axes: readonly number[];
  /** The largest elements, 0 for those that are infinite; null of nothing. */
  readonly shift: Tensor | null;
}

function shiftOf(x: Tensor, axes: readonly number[]): Tensor {
  const largest = max(x, axes, { keepdim: true });
  // An infinite one taken off itself would be NaN.
  return where(isFinite(largest), largest, 0);
}

/** Softmax, from the exponentials: exp(x - out) would have the rounding of a large result. */
function slope({ x, axes, shift }: Saved, dOut: Tensor): Tensor {
  if (shift === null) return zerosOf('logSumExp', x.shape, x.dtype);
  const exponentials = exp(sub(x, shift));
  const total = sum(exponentials, axes, { keepdim: true });
  const share = div(reshape(dOut, shift.shape), divisorOf(total));
  return mul(exponentials, share);
}

const logSumExpFunction = defineFunction('logSumExp', {
  forward(ctx: Context<Saved>, x: Tensor, { axes, keepdim }: Axes) {
    const shape = reducedShape(x.shape, axes, keepdim);
    if (axes.some((axis) => x.shape[axis] === 0)) {
      ctx.save({ x, axes, shift: null });
      return full(shape, -Infinity, { dtype: x.dtype });
    }
    const shift = shiftOf(x, axes);
    ctx.save({ x, axes, shift });
    const total = sumAxes(exp(sub(x, shift)), axes);
    return add(log(total), shift).view(shape, 'logSumExp');
  },
  backward: (ctx, dOut) => slope(ctx.saved, dOut),
  // What the elements are shifted by shows in no result, so no gradient has to flow through it.
  recordedBackward(ctx, dOut) {
    const { x, axes, shift } = ctx.saved;
    return slope({ x, axes, shift: shift && shiftOf(x.detach(), axes) }, dOut);
  },
});

/**
 * log Σ exp(x) over any axes, given as those of `sum`; finite for any finite x, -∞ over no element.
 * The gradient is softmax; where every x is -∞ it is 0 (PyTorch has NaN).
 * @throws DTypeError for integers.
 */
export function logSumExp<D extends DType>(
  x: Tensor<D>,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor<D>;
export function logSumExp(
  x: Tensor,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor {
  const given = reduction('logSumExp', x, axis, options);
  if (tracer) return tracer.operation('logSumExp', logSumExp, asGiven(x, axis, given));
  requireFloat('logSumExp', x);
  return logSumExpFunction(x, given);
}
