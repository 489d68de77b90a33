import { defineFunction, type Context } from '../autograd/function.js';
import { kernelsFor } from '../engine/engine.js';
import type { DType } from '../dtype.js';
import { tracer } from '../graph/tracer.js';
import { checkOptions, finite, type OptionRules } from '../options.js';
import type { Tensor } from '../tensor.js';
import { pieceSlope } from './slopes.js';
import { requireFloat, unary, type Unary } from './support.js';

const reluSlope = pieceSlope(kernelsFor, 'reluBackward', (k, dX, d, out) =>
  k.reluBackward(dX, d, out),
);

/**
 * max(x, 0); the derivative is 0 at 0 and, as PyTorch's, 1 at NaN.
 * @function
 */
export const relu = defineFunction('relu', {
  forward(ctx: Context<{ out: Tensor }>, x: Tensor) {
    requireFloat('relu', x);
    const out = unary(kernelsFor, 'relu', x, (k, y, data) => k.relu(y, data));
    ctx.save({ out });
    return out;
  },
  backward: (ctx, dOut) => reluSlope(dOut, ctx.saved.out),
}) as Unary;

/** Options of `leakyRelu`. */
export interface LeakyReluOptions {
  /** The factor below 0. Default 0.01. */
  readonly slope?: number;
}

const LEAKY_RELU_OPTIONS: OptionRules<LeakyReluOptions> = { slope: finite };

const leakyReluSlope = pieceSlope(
  kernelsFor,
  'leakyReluBackward',
  (k, dX, d, x, options: { slope: number }) => k.leakyReluBackward(dX, d, x, options),
);

const leakyReluFunction = defineFunction('leakyRelu', {
  forward(ctx: Context<{ x: Tensor; slope: number }>, x: Tensor, options: { slope: number }) {
    requireFloat('leakyRelu', x);
    ctx.save({ x, slope: options.slope });
    return unary(kernelsFor, 'leakyRelu', x, (k, out, data) => k.leakyRelu(out, data, options));
  },
  backward(ctx, dOut) {
    const { x, slope } = ctx.saved;
    return leakyReluSlope(dOut, x, { slope });
  },
});

/** x where x > 0, else slope·x; the derivative at 0, and at NaN, is the slope. */
export function leakyRelu<D extends DType>(x: Tensor<D>, options?: LeakyReluOptions): Tensor<D>;
export function leakyRelu(x: Tensor, options: LeakyReluOptions = {}): Tensor {
  checkOptions('leakyRelu', options, LEAKY_RELU_OPTIONS);
  const { slope = 0.01 } = options;
  if (tracer) return tracer.operation('leakyRelu', leakyRelu, { x, options: { slope } });
  return leakyReluFunction(x, { slope });
}
