import { defineFunction, type Context } from '../autograd/function.js';
import { moreKernelsFor } from '../engine/more.js';
import { tracer } from '../graph/tracer.js';
import type { Tensor } from '../tensor.js';
import { eq, gt, lt } from './compare.js';
import { onTensors } from './promotion.js';
import { binary, type Operand } from './support.js';
import { where } from './where.js';

/** `wins` says where its first operand is taken alone. At a tie a is; beside NaN both are. */
const extremeFunction = (name: 'maximum' | 'minimum', wins: (a: Operand, b: Operand) => Tensor) =>
  defineFunction(name, {
    forward(ctx: Context<{ a: Tensor; b: Tensor }>, a: Tensor, b: Tensor) {
      ctx.save({ a, b });
      return binary(moreKernelsFor, name, a, b, (k, out, x, y, geometry) =>
        k[name](out, x, y, geometry),
      );
    },
    backward(ctx, dOut) {
      const { a, b } = ctx.saved;
      return [
        ctx.needsInputGrad[0] ? where(wins(b, a), 0, dOut) : null,
        ctx.needsInputGrad[1] ? where(wins(a, b), 0, where(eq(a, b), 0, dOut)) : null,
      ];
    },
  });

const maximumFunction = extremeFunction('maximum', gt);
const minimumFunction = extremeFunction('minimum', lt);

/**
 * The larger of a and b, broadcast; NaN if either is. At a tie the gradient goes to a (PyTorch
 * gives half to each); where either is NaN it goes to both, as PyTorch's.
 */
export function maximum<D extends 'float32' | 'float64' | 'int32'>(
  a: Tensor<D> | number,
  b: Tensor<D> | number,
): Tensor<D>;
export function maximum(a: Operand, b: Operand): Tensor;
export function maximum(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('maximum', maximum, { a, b });
  return onTensors('maximum', a, b, maximumFunction);
}

/** The smaller of a and b, broadcast; NaN if either is. The gradient goes as that of `maximum`. */
export function minimum<D extends 'float32' | 'float64' | 'int32'>(
  a: Tensor<D> | number,
  b: Tensor<D> | number,
): Tensor<D>;
export function minimum(a: Operand, b: Operand): Tensor;
export function minimum(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('minimum', minimum, { a, b });
  return onTensors('minimum', a, b, minimumFunction);
}
