import { defineFunction, type Context } from '../autograd/function.js';
import { moreKernelsFor } from '../engine/more.js';
import { kernelsFor } from '../engine/engine.js';
import { copyChecked, newArray, type DType } from '../dtype.js';
import { ConfigError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import {
  checkOptions,
  isOptions,
  type OptionRule,
  type OptionRules,
  valueText,
} from '../options.js';
import { requireTensor, type Tensor } from '../tensor.js';
import { div, mul } from './arithmetic.js';
import { curvedSlope, pieceSlope } from './slopes.js';
import { flat, pairwise, requireFloat, requireNumber, type Unary, unary } from './support.js';

/**
 * eˣ.
 * @function
 */
export const exp = defineFunction('exp', {
  forward(ctx: Context<{ out: Tensor }>, x: Tensor) {
    requireFloat('exp', x);
    const out = unary(moreKernelsFor, 'exp', x, (k, y, data) => k.exp(y, data));
    ctx.save({ out });
    return out;
  },
  backward: (ctx, dOut) =>
    pairwise(kernelsFor, 'mul', dOut, ctx.saved.out, (k, dX, d, out) => k.mul(dX, d, out, flat(d))),
  recordedBackward: (ctx, dOut) => mul(dOut, ctx.saved.out),
}) as Unary;

/**
 * The natural logarithm: -∞ at 0, NaN below.
 * @function
 */
export const log = defineFunction('log', {
  forward(ctx: Context<{ x: Tensor }>, x: Tensor) {
    requireFloat('log', x);
    ctx.save({ x });
    return unary(moreKernelsFor, 'log', x, (k, out, data) => k.log(out, data));
  },
  backward: (ctx, dOut) =>
    pairwise(kernelsFor, 'div', dOut, ctx.saved.x, (k, dX, d, x) => k.div(dX, d, x, flat(d))),
  recordedBackward: (ctx, dOut) => div(dOut, ctx.saved.x),
}) as Unary;

const sqrtSlope = curvedSlope(
  moreKernelsFor,
  'sqrtBackward',
  (k, dX, d, out) => k.sqrtBackward(dX, d, out),
  (out) => div(-0.5, mul(out, out)),
);

/**
 * √x: NaN below 0; the derivative at 0 is ∞.
 * @function
 */
export const sqrt = defineFunction('sqrt', {
  forward(ctx: Context<{ out: Tensor }>, x: Tensor) {
    requireFloat('sqrt', x);
    const out = unary(moreKernelsFor, 'sqrt', x, (k, y, data) => k.sqrt(y, data));
    ctx.save({ out });
    return out;
  },
  backward: (ctx, dOut) => sqrtSlope(dOut, ctx.saved.out),
}) as Unary;

const absSlope = pieceSlope(moreKernelsFor, 'absBackward', (k, dX, d, x) =>
  k.absBackward(dX, d, x),
);

/**
 * |x|; the derivative is 0 at 0 and, as PyTorch's, at NaN.
 * @function
 */
export const abs = defineFunction('abs', {
  forward(ctx: Context<{ x: Tensor }>, x: Tensor) {
    requireNumber('abs', x);
    ctx.save({ x });
    return unary(moreKernelsFor, 'abs', x, (k, out, data) => k.abs(out, data));
  },
  backward: (ctx, dOut) => absSlope(dOut, ctx.saved.x),
}) as Unary;

/** Bounds of `clamp`; either may be left out, but not both. */
export interface ClampOptions {
  /** Values below become this. */
  readonly min?: number;
  /** Values above become this. */
  readonly max?: number;
}

type Bounds = Required<ClampOptions>;

const bound: OptionRule = {
  expected: 'a number that is not NaN',
  accepts: (value) => typeof value === 'number' && !Number.isNaN(value),
};

const CLAMP_OPTIONS: OptionRules<ClampOptions> = { min: bound, max: bound };

const clampSlope = pieceSlope(moreKernelsFor, 'clampBackward', (k, dX, d, x, bounds: Bounds) =>
  k.clampBackward(dX, d, x, bounds),
);

const clampFunction = defineFunction('clamp', {
  forward(ctx: Context<Bounds & { x: Tensor }>, x: Tensor, bounds: Bounds) {
    requireNumber('clamp', x);
    ctx.save({ x, ...bounds });
    return unary(moreKernelsFor, 'clamp', x, (k, out, data) => k.clamp(out, data, bounds));
  },
  backward(ctx, dOut) {
    const { x, min, max } = ctx.saved;
    return clampSlope(dOut, x, { min, max });
  },
});

/**
 * min(max(x, min), max), so max where the bounds cross; NaN stays NaN. The gradient passes where
 * min ≤ x ≤ max, bounds included; at NaN it is 0.
 * @throws ConfigError without a bound or if one is NaN, DTypeError if an integer x cannot hold one.
 */
export function clamp<D extends DType>(x: Tensor<D>, options: ClampOptions): Tensor<D>;
export function clamp(x: Tensor, options: ClampOptions): Tensor {
  requireTensor('clamp', 'x', x);
  if (!isOptions(options)) {
    throw new ConfigError(
      `clamp: expected { min, max }, or one of them, got ${valueText(options)}; clamp(x, { min: 0, max: 1 })`,
    );
  }
  checkOptions('clamp', options, CLAMP_OPTIONS);
  if (tracer) return tracer.operation('clamp', clamp, { x, options });
  const { min = -Infinity, max = Infinity } = options;
  const given = [options.min, options.max].filter((bound) => bound !== undefined);
  if (given.length === 0) {
    throw new ConfigError('clamp: expected numbers for min, max or both, got neither');
  }
  const finite = given.filter(Number.isFinite);
  copyChecked('clamp', x.dtype, newArray(x.dtype, finite.length), finite);
  return clampFunction(x, { min, max });
}

/**
 * Another name of `clamp`, by which graphs and errors know it.
 * @function
 */
export const clip = clamp;
