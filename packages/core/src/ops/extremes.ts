import { defineFunction, type Context } from '../autograd/function.js';
import type { Tensor } from '../tensor.js';
import { gt, lt } from './compare.js';
import { binary, onTensors, type Operand } from './support.js';
import { where } from './where.js';

/** `second` says where b is taken alone; at a tie a is. */
const extremeFunction = (name: 'maximum' | 'minimum', second: (a: Operand, b: Operand) => Tensor) =>
  defineFunction(name, {
    forward(ctx: Context<{ a: Tensor; b: Tensor }>, a: Tensor, b: Tensor) {
      ctx.save({ a, b });
      return binary(name, a, b, (k, out, x, y, geometry) => k[name](out, x, y, geometry));
    },
    backward(ctx, dOut) {
      const isSecond = second(ctx.saved.a, ctx.saved.b);
      return [
        ctx.needsInputGrad[0] ? where(isSecond, 0, dOut) : null,
        ctx.needsInputGrad[1] ? where(isSecond, dOut, 0) : null,
      ];
    },
  });

const maximumFunction = extremeFunction('maximum', lt);
const minimumFunction = extremeFunction('minimum', gt);

/**
 * The larger of a and b, broadcast; NaN if either is. At a tie the gradient goes to a (PyTorch
 * gives half to each).
 */
export function maximum(a: Operand, b: Operand): Tensor {
  return onTensors('maximum', a, b, maximumFunction);
}

/** The smaller of a and b, broadcast; NaN if either is. At a tie the gradient goes to a. */
export function minimum(a: Operand, b: Operand): Tensor {
  return onTensors('minimum', a, b, minimumFunction);
}
