import { defineFunction, type Context } from '../autograd/function.js';
import type { Tensor } from '../tensor.js';
import { gt, lt } from './compare.js';
import { binary, onTensors, type Operand } from './support.js';
import { where } from './where.js';

/** Splits dOut between the operands: `second` says where b won alone; ties go to a. */
function route(ctx: Context<object>, second: Tensor, dOut: Tensor): (Tensor | null)[] {
  return [
    ctx.needsInputGrad[0] ? where(second, 0, dOut) : null,
    ctx.needsInputGrad[1] ? where(second, dOut, 0) : null,
  ];
}

const maximumFunction = defineFunction('maximum', {
  forward(ctx: Context<{ a: Tensor; b: Tensor }>, a: Tensor, b: Tensor) {
    ctx.save({ a, b });
    return binary('maximum', a, b, (k, out, x, y, geometry) => k.maximum(out, x, y, geometry));
  },
  backward: (ctx, dOut) => route(ctx, lt(ctx.saved.a, ctx.saved.b), dOut),
});

/**
 * The larger of a and b, broadcast; NaN if either is. At a tie the gradient goes to a (PyTorch
 * gives half to each).
 */
export function maximum(a: Operand, b: Operand): Tensor {
  return onTensors('maximum', a, b, maximumFunction);
}

const minimumFunction = defineFunction('minimum', {
  forward(ctx: Context<{ a: Tensor; b: Tensor }>, a: Tensor, b: Tensor) {
    ctx.save({ a, b });
    return binary('minimum', a, b, (k, out, x, y, geometry) => k.minimum(out, x, y, geometry));
  },
  backward: (ctx, dOut) => route(ctx, gt(ctx.saved.a, ctx.saved.b), dOut),
});

/** The smaller of a and b, broadcast; NaN if either is. At a tie the gradient goes to a. */
export function minimum(a: Operand, b: Operand): Tensor {
  return onTensors('minimum', a, b, minimumFunction);
}
