import { defineFunction, type Context } from '../autograd/function.js';
import type { Tensor } from '../tensor.js';
import { pairwise, requireFloat, unary } from './support.js';

/**
 * max(x, 0); the derivative at 0 is 0.
 * @function
 */
export const relu = defineFunction('relu', {
  forward(ctx: Context<{ out: Tensor }>, x: Tensor) {
    requireFloat('relu', x);
    const out = unary('relu', x, (k, y, data) => k.relu(y, data));
    ctx.save({ out });
    return out;
  },
  backward: (ctx, dOut) =>
    pairwise('reluBackward', dOut, ctx.saved.out, (k, dX, d, out) => k.reluBackward(dX, d, out)),
});

/** Options of `leakyRelu`. */
export interface LeakyReluOptions {
  /** The factor below 0. Default 0.01. */
  readonly slope?: number;
}

const leakyReluFunction = defineFunction('leakyRelu', {
  forward(ctx: Context<{ x: Tensor; slope: number }>, x: Tensor, options: { slope: number }) {
    requireFloat('leakyRelu', x);
    ctx.save({ x, slope: options.slope });
    return unary('leakyRelu', x, (k, out, data) => k.leakyRelu(out, data, options));
  },
  backward(ctx, dOut) {
    const { x, slope } = ctx.saved;
    return pairwise('leakyReluBackward', dOut, x, (k, dX, d, data) =>
      k.leakyReluBackward(dX, d, data, { slope }),
    );
  },
});

/** x where x > 0, else slope·x; the derivative at 0 is the slope. */
export function leakyRelu(x: Tensor, { slope = 0.01 }: LeakyReluOptions = {}): Tensor {
  return leakyReluFunction(x, { slope });
}

/**
 * 1 / (1 + e⁻ˣ).
 * @function
 */
export const sigmoid = defineFunction('sigmoid', {
  forward(ctx: Context<{ out: Tensor }>, x: Tensor) {
    requireFloat('sigmoid', x);
    const out = unary('sigmoid', x, (k, y, data) => k.sigmoid(y, data));
    ctx.save({ out });
    return out;
  },
  backward: (ctx, dOut) =>
    pairwise('sigmoidBackward', dOut, ctx.saved.out, (k, dX, d, out) =>
      k.sigmoidBackward(dX, d, out),
    ),
});

/**
 * The hyperbolic tangent.
 * @function
 */
export const tanh = defineFunction('tanh', {
  forward(ctx: Context<{ out: Tensor }>, x: Tensor) {
    requireFloat('tanh', x);
    const out = unary('tanh', x, (k, y, data) => k.tanh(y, data));
    ctx.save({ out });
    return out;
  },
  backward: (ctx, dOut) =>
    pairwise('tanhBackward', dOut, ctx.saved.out, (k, dX, d, out) => k.tanhBackward(dX, d, out)),
});

/**
 * x·Φ(x), Φ being the normal distribution function; exact, as PyTorch's default.
 * @function
 */
export const gelu = defineFunction('gelu', {
  forward(ctx: Context<{ x: Tensor }>, x: Tensor) {
    requireFloat('gelu', x);
    ctx.save({ x });
    return unary('gelu', x, (k, out, data) => k.gelu(out, data));
  },
  backward: (ctx, dOut) =>
    pairwise('geluBackward', dOut, ctx.saved.x, (k, dX, d, x) => k.geluBackward(dX, d, x)),
});
