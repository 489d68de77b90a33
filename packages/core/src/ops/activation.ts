import { defineFunction, type Context } from '../autograd/function.js';
import { moreKernelsFor } from '../engine/more.js';
import type { DType } from '../dtype.js';
import { tracer } from '../graph/tracer.js';
import { checkOptions, oneOf, type OptionRules } from '../options.js';
import type { Tensor } from '../tensor.js';
import { add, mul, sub } from './arithmetic.js';
import { clamp, exp } from './pointwise.js';
import { curvedSlope } from './slopes.js';
import { requireFloat, type Unary, unary } from './support.js';

const sigmoidSlope = curvedSlope(
  moreKernelsFor,
  'sigmoidBackward',
  (k, dX, d, out) => k.sigmoidBackward(dX, d, out),
  (out) => sub(1, mul(out, 2)),
);

/**
 * 1 / (1 + e⁻ˣ).
 * @function
 */
export const sigmoid = defineFunction('sigmoid', {
  forward(ctx: Context<{ out: Tensor }>, x: Tensor) {
    requireFloat('sigmoid', x);
    const out = unary(moreKernelsFor, 'sigmoid', x, (k, y, data) => k.sigmoid(y, data));
    ctx.save({ out });
    return out;
  },
  backward: (ctx, dOut) => sigmoidSlope(dOut, ctx.saved.out),
}) as Unary;

const tanhSlope = curvedSlope(
  moreKernelsFor,
  'tanhBackward',
  (k, dX, d, out) => k.tanhBackward(dX, d, out),
  (out) => mul(out, -2),
);

/**
 * The hyperbolic tangent.
 * @function
 */
export const tanh = defineFunction('tanh', {
  forward(ctx: Context<{ out: Tensor }>, x: Tensor) {
    requireFloat('tanh', x);
    const out = unary(moreKernelsFor, 'tanh', x, (k, y, data) => k.tanh(y, data));
    ctx.save({ out });
    return out;
  },
  backward: (ctx, dOut) => tanhSlope(dOut, ctx.saved.out),
}) as Unary;

/** From here on the sigmoid of x is 1, and that of -x is 0, in float64 too. */
const SATURATED = 800;

/**
 * gate + x·gate·(1 - gate), and x·gate is the result. Not gate + out - gate·out, whose last two
 * cancel to nothing where the result is large.
 */
function siluSlope(gate: Tensor, out: Tensor): Tensor {
  return add(gate, mul(clamp(out, { max: SATURATED }), sub(1, gate)));
}

/**
 * x·sigmoid(x), as `torch.nn.functional.silu`. At ±∞ it is its limits, ∞ and 0, and so is the
 * derivative, 1 and 0; PyTorch has NaN there.
 * @function
 */
export const silu = defineFunction('silu', {
  forward(ctx: Context<{ gate: Tensor; out: Tensor }>, x: Tensor) {
    requireFloat('silu', x);
    const gate = sigmoid(x);
    // Where the gate is 0, the other factor stays finite: 0·∞ is NaN.
    const out = mul(clamp(x, { min: -SATURATED }), gate);
    ctx.save({ gate, out });
    return out;
  },
  backward: (ctx, dOut) => mul(dOut, siluSlope(ctx.saved.gate, ctx.saved.out)),
  recordedBackward: (ctx, dOut) => mul(dOut, siluSlope(sigmoid(ctx.input(0)), ctx.saved.out)),
}) as Unary;

/** How `gelu` is reckoned: `'none'` exactly, by erf, or `'tanh'` by a formula that is near it. */
export type GeluApproximation = 'none' | 'tanh';

/** Options of `gelu`. */
export interface GeluOptions {
  /** Default `'none'`. */
  readonly approximate?: GeluApproximation;
}

const GELU_OPTIONS: OptionRules<GeluOptions> = { approximate: oneOf('none', 'tanh') };

/** The second derivative, φ(x)·(2 - x²), is 0 where φ is: the square stays finite. */
const geluSlope = curvedSlope(
  moreKernelsFor,
  'geluBackward',
  (k, dX, d, x) => k.geluBackward(dX, d, x),
  (x) => {
    const near = nearOf(x);
    const square = mul(near, near);
    const density = mul(exp(mul(square, -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return mul(density, sub(2, square));
  },
);

const geluFunction = defineFunction('gelu', {
  forward(ctx: Context<{ x: Tensor }>, x: Tensor) {
    ctx.save({ x });
    return unary(moreKernelsFor, 'gelu', x, (k, out, data) => k.gelu(out, data));
  },
  backward: (ctx, dOut) => geluSlope(dOut, ctx.saved.x),
});

/** From here on the gate of gelu by tanh is 1, or 0, in float64 too; the cubes stay finite. */
const GELU_SATURATED = 100;

/** 2·√(2/π), and the cubic term's share in it. */
const SLOPE = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715 * SLOPE;

/** ½x·(1 + tanh(u/2)) = x·sigmoid(u) with u = 2·√(2/π)·(x + 0.044715x³). */
const geluTanhFunction = defineFunction('gelu', {
  forward(ctx: Context<{ near: Tensor; gate: Tensor }>, x: Tensor) {
    const low = clamp(x, { min: -GELU_SATURATED });
    const near = clamp(low, { max: GELU_SATURATED });
    const gate = geluGate(near);
    ctx.save({ near, gate });
    return mul(low, gate);
  },
  backward: (ctx, dOut) => mul(dOut, geluTanhSlope(ctx.saved.near, ctx.saved.gate)),
  recordedBackward(ctx, dOut) {
    const near = nearOf(ctx.input(0));
    return mul(dOut, geluTanhSlope(near, geluGate(near)));
  },
});

/** x where gelu is not yet saturated. */
function nearOf(x: Tensor): Tensor {
  return clamp(x, { min: -GELU_SATURATED, max: GELU_SATURATED });
}

/** sigmoid(u) */
function geluGate(near: Tensor): Tensor {
  return sigmoid(mul(near, add(mul(mul(near, near), CUBIC), SLOPE)));
}

/** gate·(1 + x·(1 - gate)·u′), u′ = 2·√(2/π)·(1 + 3·0.044715x²). */
function geluTanhSlope(near: Tensor, gate: Tensor): Tensor {
  const inner = mul(near, add(mul(mul(near, near), 3 * CUBIC), SLOPE));
  return mul(gate, add(mul(inner, sub(1, gate)), 1));
}

/**
 * x·Φ(x), Φ being the normal distribution function, as `torch.nn.functional.gelu`: exact, or by
 * Hendrycks and Gimpel's formula with tanh (2016), as some trained models expect. At ±∞ it is its
 * limits, ∞ and 0, and so is the derivative, 1 and 0; PyTorch has NaN there.
 * @throws DTypeError for integers, ConfigError for an unknown approximation.
 */
export function gelu<D extends DType>(x: Tensor<D>, options?: GeluOptions): Tensor<D>;
export function gelu(x: Tensor, options: GeluOptions = {}): Tensor {
  checkOptions('gelu', options, GELU_OPTIONS);
  const { approximate = 'none' } = options;
  if (tracer) return tracer.operation('gelu', gelu, { x, options: { approximate } });
  requireFloat('gelu', x);
  return approximate === 'none' ? geluFunction(x) : geluTanhFunction(x);
}
