import { defineFunction, type Context } from '../autograd/function.js';
import { moreKernelsFor } from '../engine/more.js';
import { full } from '../creation.js';
import { tracer } from '../graph/tracer.js';
import type { Tensor } from '../tensor.js';
import { mul, sub } from './arithmetic.js';
import { eq, lt } from './compare.js';
import { log } from './pointwise.js';
import { onTensors } from './promotion.js';
import { requireFloat, type Operand, binary } from './support.js';
import { where } from './where.js';

const powFunction = defineFunction('pow', {
  forward(ctx: Context<{ a: Tensor; b: Tensor; out: Tensor }>, a: Tensor, b: Tensor) {
    requireFloat('pow', a);
    const out = binary(moreKernelsFor, 'pow', a, b, (k, y, base, exponent, geometry) =>
      k.pow(y, base, exponent, geometry),
    );
    ctx.save({ a, b, out });
    return out;
  },
  backward(ctx, dOut) {
    const { a, b, out } = ctx.saved;
    const zero = full([], 0, { dtype: a.dtype });
    const dA = (): Tensor => {
      // At b = 0 the power is constant, but b·a^(b-1) would be 0·∞ where a = 0.
      return where(eq(b, zero), zero, mul(dOut, mul(b, pow(a, sub(b, 1)))));
    };
    const dB = (): Tensor => {
      // At a = 0 and b ≥ 0 the power is taken as constant in b; out·log a would be 0·∞. NaN is not
      // ≥ 0, and equals nothing.
      const slope = mul(dOut, mul(out, log(a)));
      const atZero = where(lt(b, zero), slope, where(eq(b, b), zero, slope));
      return where(eq(a, zero), atZero, slope);
    };
    return [ctx.needsInputGrad[0] ? dA() : null, ctx.needsInputGrad[1] ? dB() : null];
  },
});

/** a to the power of b, broadcast; floats only. As C's `pow`: pow(x, 0) = 1. */
export function pow<D extends 'float32' | 'float64'>(
  a: Tensor<D> | number,
  b: Tensor<D> | number,
): Tensor<D>;
export function pow(a: Operand, b: Operand): Tensor;
export function pow(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('pow', pow, { a, b });
  return onTensors('pow', a, b, powFunction);
}
