import { defineFunction, type Context } from '../autograd/function.js';
import { moreKernelsFor } from '../engine/more.js';
import type { Tensor } from '../tensor.js';
import { add, div, mul, neg, sub } from './arithmetic.js';
import { exp, sqrt } from './pointwise.js';
import { requireFloat, requireNumber, type Unary, unary } from './support.js';

type Kernel =
  | 'sin'
  | 'cos'
  | 'tan'
  | 'asin'
  | 'acos'
  | 'atan'
  | 'sinh'
  | 'cosh'
  | 'erf'
  | 'log1p'
  | 'expm1'
  | 'log2'
  | 'log10';

/** What a gradient may be written with. */
interface Saved {
  readonly x: Tensor;
  readonly out: Tensor;
}

/** A function of floats with a kernel of its name. `slope` turns the gradient of the result into that of x. */
const floatFunction = (name: Kernel, slope: (dOut: Tensor, saved: Saved) => Tensor) =>
  defineFunction(name, {
    forward(ctx: Context<Saved>, x: Tensor) {
      requireFloat(name, x);
      const out = unary(moreKernelsFor, name, x, (k, y, data) => k[name](y, data));
      ctx.save({ x, out });
      return out;
    },
    backward: (ctx, dOut) => slope(dOut, ctx.saved),
  });

/**
 * The sine of x in radians; NaN at ±∞. The relative error of float32 is below 3e-7 for every x, however
 * large.
 * @function
 */
export const sin = floatFunction('sin', (dOut, { x }) => mul(dOut, cos(x))) as Unary;

/**
 * The cosine of x in radians, as exact as `sin`; NaN at ±∞.
 * @function
 */
export const cos = floatFunction('cos', (dOut, { x }) => neg(mul(dOut, sin(x)))) as Unary;

/**
 * The tangent of x in radians, as exact as `sin`; NaN at ±∞.
 * @function
 */
export const tan = floatFunction('tan', (dOut, { out }) =>
  mul(dOut, add(mul(out, out), 1)),
) as Unary;

/** √(1 - x²): as a product, which keeps its digits near ±1. */
const cathetus = (x: Tensor): Tensor => sqrt(mul(sub(1, x), add(1, x)));

/**
 * The angle from -½π to ½π whose sine x is; NaN beyond ±1, where the derivative is NaN, too. At ±1 that
 * is ∞.
 * @function
 */
export const asin = floatFunction('asin', (dOut, { x }) => div(dOut, cathetus(x))) as Unary;

/**
 * The angle from 0 to π whose cosine x is; NaN beyond ±1, where the derivative is NaN, too. At ±1 that is
 * -∞.
 * @function
 */
export const acos = floatFunction('acos', (dOut, { x }) => neg(div(dOut, cathetus(x)))) as Unary;

/**
 * The angle from -½π to ½π whose tangent x is.
 * @function
 */
export const atan = floatFunction('atan', (dOut, { x }) => div(dOut, add(mul(x, x), 1))) as Unary;

/**
 * The hyperbolic sine, ½(eˣ - e⁻ˣ), without the loss of precision near 0.
 * @function
 */
export const sinh = floatFunction('sinh', (dOut, { x }) => mul(dOut, cosh(x))) as Unary;

/**
 * The hyperbolic cosine, ½(eˣ + e⁻ˣ).
 * @function
 */
export const cosh = floatFunction('cosh', (dOut, { x }) => mul(dOut, sinh(x))) as Unary;

/**
 * The error function, 2/√π times the integral of e^(-t²) from 0 to x; ±1 at ±∞.
 * @function
 */
export const erf = floatFunction('erf', (dOut, { x }) =>
  mul(dOut, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI))),
) as Unary;

/**
 * ln(1 + x), without the loss of precision near 0: -∞ at -1, NaN below.
 * @function
 */
export const log1p = floatFunction('log1p', (dOut, { x }) => div(dOut, add(x, 1))) as Unary;

/**
 * eˣ - 1, without the loss of precision near 0.
 * @function
 */
export const expm1 = floatFunction('expm1', (dOut, { out }) => mul(dOut, add(out, 1))) as Unary;

/**
 * The logarithm to the base 2, whole for powers of 2: -∞ at 0, NaN below.
 * @function
 */
export const log2 = floatFunction('log2', (dOut, { x }) => div(dOut, mul(x, Math.LN2))) as Unary;

/**
 * The logarithm to the base 10: -∞ at 0, NaN below.
 * @function
 */
export const log10 = floatFunction('log10', (dOut, { x }) => div(dOut, mul(x, Math.LN10))) as Unary;

/**
 * x². Squares of integers wrap, as products do.
 * @function
 */
export const square = defineFunction('square', {
  forward(ctx: Context<{ x: Tensor }>, x: Tensor) {
    requireNumber('square', x);
    ctx.save({ x });
    return mul(x, x);
  },
  backward: (ctx, dOut) => mul(dOut, mul(ctx.saved.x, 2)),
}) as Unary;

/**
 * 1/x: ±∞ at ±0.
 * @function
 */
export const reciprocal = defineFunction('reciprocal', {
  forward(ctx: Context<{ out: Tensor }>, x: Tensor) {
    requireFloat('reciprocal', x);
    const out = div(1, x);
    ctx.save({ out });
    return out;
  },
  backward: (ctx, dOut) => neg(mul(dOut, mul(ctx.saved.out, ctx.saved.out))),
}) as Unary;

/**
 * 1/√x: ∞ at 0, where the derivative is -∞; NaN below.
 * @function
 */
export const rsqrt = defineFunction('rsqrt', {
  forward(ctx: Context<{ out: Tensor }>, x: Tensor) {
    requireFloat('rsqrt', x);
    const out = div(1, sqrt(x));
    ctx.save({ out });
    return out;
  },
  backward(ctx, dOut) {
    const { out } = ctx.saved;
    return mul(mul(dOut, -0.5), mul(out, mul(out, out)));
  },
}) as Unary;
