import { defineFunction, type Context } from '../autograd/function.js';
import { moreKernelsFor } from '../engine/more.js';
import { isFloat } from '../dtype.js';
import { DTypeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import { hostCall, reads } from '../host-call.js';
import type { Tensor } from '../tensor.js';
import { add, div, mul, neg } from './arithmetic.js';
import { eq } from './compare.js';
import { maximum } from './extremes.js';
import { abs } from './pointwise.js';
import { onTensors } from './promotion.js';
import { requireFloat, zerosOf, type Operand, binary } from './support.js';
import { where } from './where.js';

interface Pair {
  readonly a: Tensor;
  readonly b: Tensor;
}

const atan2Function = defineFunction('atan2', {
  forward(ctx: Context<Pair>, a: Tensor, b: Tensor) {
    requireFloat('atan2', a);
    ctx.save({ a, b });
    return binary(moreKernelsFor, 'atan2', a, b, (k, out, y, x, geometry) =>
      k.atan2(out, y, x, geometry),
    );
  },
  backward(ctx, dOut) {
    // b/(a² + b²) and -a/(a² + b²), with both divided by the larger first: the squares neither overflow
    // nor vanish. What they are divided by changes nothing, so it is a constant.
    const { a, b } = ctx.saved;
    const size = maximum(abs(a.detach()), abs(b.detach()));
    const isOrigin = eq(size, 0);
    const scale = where(isOrigin, 1, size);
    const [y, x] = [div(a, scale), div(b, scale)];
    const square = mul(add(mul(y, y), mul(x, x)), scale);
    const share = div(dOut, where(isOrigin, 1, square));
    return [
      ctx.needsInputGrad[0] ? mul(share, x) : null,
      ctx.needsInputGrad[1] ? neg(mul(share, y)) : null,
    ];
  },
});

/**
 * The angle of the point (b, a), which is the arc tangent of a/b in the right quadrant: from -π to π, broadcast.
 * At the origin it is 0 or ±π, by the signs of the zeros, and the gradient is 0, as PyTorch's. Integers
 * are float32 here, as those of `div`.
 */
export function atan2<D extends 'float32' | 'float64'>(
  a: Tensor<D> | number,
  b: Tensor<D> | number,
): Tensor<D>;
export function atan2(a: Operand, b: Operand): Tensor;
export function atan2(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('atan2', atan2, { a, b });
  return onTensors('atan2', a, b, atan2Function, 'float');
}

/** @throws DTypeError for integers among which there is a 0. */
function requireDivisors(name: string, b: Tensor): void {
  if (isFloat(b.dtype)) return;
  hostCall(name, [reads(b)], (divisors) => {
    const at = divisors.indexOf(0);
    if (at < 0) return;
    throw new DTypeError(
      `${name}: ${b.dtype} holds no quotient by 0, got 0 at element ${at} of b; cast(x, 'float64') ` +
        'has NaN and infinities',
    );
  });
}

const floorDivideFunction = defineFunction('floorDivide', {
  forward(_ctx: Context<object>, a: Tensor, b: Tensor) {
    requireDivisors('floorDivide', b);
    return binary(moreKernelsFor, 'floorDivide', a, b, (k, out, x, y, geometry) =>
      k.floorDivide(out, x, y, geometry),
    );
  },
  backward(ctx, dOut) {
    const zero = zerosOf('floorDivide', dOut.shape, dOut.dtype);
    return ctx.needsInputGrad.map((isNeeded) => (isNeeded ? zero : null));
  },
});

/**
 * ⌊a/b⌋, broadcast: the largest whole number that is at most the quotient, so -7 by 2 gives -4. Integers
 * stay integers; int32's smallest by -1 wraps to itself. Of floats, a/b where b is 0, and else NaN where
 * a is infinite, as PyTorch's. The gradient is 0; PyTorch has none.
 * @throws DTypeError for integers by 0.
 */
export function floorDivide<D extends 'float32' | 'float64' | 'int32'>(
  a: Tensor<D> | number,
  b: Tensor<D> | number,
): Tensor<D>;
export function floorDivide(a: Operand, b: Operand): Tensor;
export function floorDivide(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('floorDivide', floorDivide, { a, b });
  return onTensors('floorDivide', a, b, floorDivideFunction);
}

const remainderFunction = defineFunction('remainder', {
  forward(ctx: Context<Pair>, a: Tensor, b: Tensor) {
    ctx.save({ a, b });
    requireDivisors('remainder', b);
    return binary(moreKernelsFor, 'remainder', a, b, (k, out, x, y, geometry) =>
      k.remainder(out, x, y, geometry),
    );
  },
  backward(ctx, dOut) {
    const { a, b } = ctx.saved;
    return [dOut, ctx.needsInputGrad[1] ? neg(mul(dOut, floorDivide(a, b))) : null];
  },
});

/**
 * a - ⌊a/b⌋·b, broadcast: what is left of a, with the sign of b, so -7 by 2 gives 1. Of floats NaN where
 * b is 0 or a is infinite. The gradient is 1 by a and -⌊a/b⌋ by b.
 * @throws DTypeError for integers by 0.
 */
export function remainder<D extends 'float32' | 'float64' | 'int32'>(
  a: Tensor<D> | number,
  b: Tensor<D> | number,
): Tensor<D>;
export function remainder(a: Operand, b: Operand): Tensor;
export function remainder(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('remainder', remainder, { a, b });
  return onTensors('remainder', a, b, remainderFunction);
}
