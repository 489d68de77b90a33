import {
  abs,
  add,
  cast,
  clamp,
  defineFunction,
  div,
  lt,
  moreKernelsFor,
  type Context,
  type Tensor,
} from '@unfold/core';
import {
  composed,
  curvedSlope,
  pieceSlope,
  requireFloat,
  requireTensor,
  tracer,
  unary,
} from '@unfold/core/internal';
import { Module } from './module.js';

const relu6Slope = pieceSlope(moreKernelsFor, 'relu6Backward', (k, dX, d, out) =>
  k.relu6Backward(dX, d, out),
);

/**
 * min(max(x, 0), 6), as `torch.nn.functional.relu6`; the derivative is 0 at 0, at 6 and at NaN.
 * @function
 */
export const relu6 = defineFunction('relu6', {
  forward(ctx: Context<{ out: Tensor }>, x: Tensor) {
    requireFloat('relu6', x);
    const out = clamp(x, { min: 0, max: 6 });
    ctx.save({ out });
    return out;
  },
  backward: (ctx, dOut) => relu6Slope(dOut, ctx.saved.out),
});

/**
 * min(max(x + 3, 0), 6)/6, as `torch.nn.functional.hardsigmoid`; the derivative is 0 at ±3 and at NaN.
 * @throws DTypeError for integers.
 */
export function hardsigmoid(x: Tensor): Tensor {
  requireTensor('hardsigmoid', 'x', x);
  if (tracer) return tracer.operation('hardsigmoid', hardsigmoid, { x });
  requireFloat('hardsigmoid', x);
  return composed(() => div(relu6(add(x, 3)), 6));
}

const hardswishSlope = curvedSlope(
  moreKernelsFor,
  'hardswishBackward',
  (k, dX, d, x) => k.hardswishBackward(dX, d, x),
  (x) => div(cast(lt(abs(x), 3), x.dtype), 3),
);

/**
 * x·hardsigmoid(x), as `torch.nn.functional.hardswish`; the derivative is 0 at -3 and 1 at 3. At -∞ it
 * is its limit, 0; PyTorch has NaN there.
 * @function
 */
export const hardswish = defineFunction('hardswish', {
  forward(ctx: Context<{ x: Tensor }>, x: Tensor) {
    requireFloat('hardswish', x);
    ctx.save({ x });
    return unary(moreKernelsFor, 'hardswish', x, (k, out, data) => k.hardswish(out, data));
  },
  backward: (ctx, dOut) => hardswishSlope(dOut, ctx.saved.x),
});

/** min(max(x, 0), 6), see `relu6`. */
export class ReLU6 extends Module {
  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return relu6(x);
  }
}

/** min(max(x + 3, 0), 6)/6, see `hardsigmoid`. */
export class Hardsigmoid extends Module {
  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return hardsigmoid(x);
  }
}

/** x·hardsigmoid(x), see `hardswish`. */
export class Hardswish extends Module {
  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return hardswish(x);
  }
}
