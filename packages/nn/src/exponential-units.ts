import {
  add,
  clamp,
  defineFunction,
  div,
  exp,
  gt,
  log1p,
  moreKernelsFor,
  mul,
  sigmoid,
  sub,
  where,
  type Context,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import {
  checkOptions,
  composed,
  curvedSlope,
  finite,
  positive,
  requireFloat,
  requireTensor,
  tracer,
  unary,
} from '@unfold/core/internal';
import { ownOptions } from './checks.js';
import { Module } from './module.js';

/** Options of `elu` and `ELU`. */
export interface ELUOptions {
  /** Minus the limit at -∞. Default 1. */
  readonly alpha?: number;
}

const ELU_OPTIONS: OptionRules<ELUOptions> = { alpha: finite };

type Elu = Required<ELUOptions>;

/** The second derivative is 0 above 0; exponentials there, which may be ∞, are not made. */
const eluSlope = curvedSlope(
  moreKernelsFor,
  'eluBackward',
  (k, dX, d, x, options: Elu) => k.eluBackward(dX, d, x, options),
  (x, { alpha }) => where(gt(x, 0), 0, mul(exp(clamp(x, { max: 0 })), alpha)),
);

const eluFunction = defineFunction('elu', {
  forward(ctx: Context<Elu & { x: Tensor }>, x: Tensor, { alpha }: Elu) {
    requireFloat('elu', x);
    ctx.save({ x, alpha });
    return unary(moreKernelsFor, 'elu', x, (k, out, data) => k.elu(out, data, { alpha }));
  },
  backward: (ctx, dOut) => eluSlope(dOut, ctx.saved.x, { alpha: ctx.saved.alpha }),
});

/**
 * x where x > 0, else alpha·(eˣ - 1), as `torch.nn.functional.elu`; the derivative at 0 is alpha.
 * @throws DTypeError for integers, ConfigError unless alpha is a finite number.
 */
export function elu(x: Tensor, options: ELUOptions = {}): Tensor {
  requireTensor('elu', 'x', x);
  checkOptions('elu', options, ELU_OPTIONS);
  const { alpha = 1 } = options;
  if (tracer) return tracer.operation('elu', elu, { x, options: { alpha } });
  return eluFunction(x, { alpha });
}

/** With these, layers of `selu` keep mean 0 and variance 1; Klambauer et al., 2017. */
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

/**
 * 1.0507…·elu(x) with alpha 1.6733…, as `torch.nn.functional.selu`: activations keep mean 0 and variance 1
 * from layer to layer. The derivative at 0 is that from below, 1.758….
 * @throws DTypeError for integers.
 */
export function selu(x: Tensor): Tensor {
  requireTensor('selu', 'x', x);
  if (tracer) return tracer.operation('selu', selu, { x });
  requireFloat('selu', x);
  return composed(() => mul(elu(x, { alpha: SELU_ALPHA }), SELU_SCALE));
}

/** Above, mish is x and below it is 0, in float64 too; e⁸⁰ is still a float. */
const MISH_NEAR = { min: -800, max: 40 };

/**
 * With e = eˣ, tanh(ln(1 + e)) is g = 1 - 2/m for m = e² + 2e + 2. With u = 4e·(e + 1), g′ is u/m², and m′ is
 * u/2: so that (x·g)″ = 2g′ + x·g″ is (2·u/m + x·(u′/m - (u/m)²))/m, in which nothing grows.
 */
const mishSlope = curvedSlope(
  moreKernelsFor,
  'mishBackward',
  (k, dX, d, x) => k.mishBackward(dX, d, x),
  (x) => {
    const near = clamp(x, MISH_NEAR);
    const e = exp(near);
    const m = add(mul(e, add(e, 2)), 2);
    const slope = div(mul(mul(e, 4), add(e, 1)), m);
    const bend = div(mul(mul(e, 4), add(mul(e, 2), 1)), m);
    return div(add(mul(slope, 2), mul(near, sub(bend, mul(slope, slope)))), m);
  },
);

/**
 * x·tanh(softplus(x)), as `torch.nn.functional.mish`. At ±∞ it is its limits, ∞ and 0, and so is the
 * derivative, 1 and 0; PyTorch has NaN there.
 * @function
 */
export const mish = defineFunction('mish', {
  forward(ctx: Context<{ x: Tensor }>, x: Tensor) {
    requireFloat('mish', x);
    ctx.save({ x });
    return unary(moreKernelsFor, 'mish', x, (k, out, data) => k.mish(out, data));
  },
  backward: (ctx, dOut) => mishSlope(dOut, ctx.saved.x),
});

/** Options of `softplus` and `Softplus`. */
export interface SoftplusOptions {
  /** The larger, the nearer to ReLU. Default 1. */
  readonly beta?: number;
  /** Where beta·x is above, the result is x. Default 20. */
  readonly threshold?: number;
}

const SOFTPLUS_OPTIONS: OptionRules<SoftplusOptions> = { beta: positive, threshold: finite };

type Softness = Required<SoftplusOptions>;

/** From here on ln(1 + eˣ) is x, in float64 too, and eˣ is still a float. */
const EXACTLY_LINEAR = 80;

/** beta·x, and whether softplus takes it for linear. */
function softplusParts(
  x: Tensor,
  { beta, threshold }: Softness,
): { scaled: Tensor; linear: Tensor } {
  const scaled = beta === 1 ? x : mul(x, beta);
  return { scaled, linear: gt(scaled, Math.min(threshold, EXACTLY_LINEAR)) };
}

const softplusFunction = defineFunction('softplus', {
  forward(ctx: Context<Softness & { x: Tensor }>, x: Tensor, options: Softness) {
    requireFloat('softplus', x);
    ctx.save({ x, ...options });
    const { scaled, linear } = softplusParts(x, options);
    const soft = log1p(exp(clamp(scaled, { max: EXACTLY_LINEAR })));
    return where(linear, x, options.beta === 1 ? soft : div(soft, options.beta));
  },
  backward(ctx, dOut) {
    const { scaled, linear } = softplusParts(ctx.saved.x, ctx.saved);
    return where(linear, dOut, mul(dOut, sigmoid(scaled)));
  },
});

/**
 * ln(1 + e^(beta·x))/beta, a smooth ReLU, as `torch.nn.functional.softplus`: x itself where beta·x is above
 * the threshold, and so finite for every finite x.
 * @throws DTypeError for integers, ConfigError for a beta that is not above 0 or a threshold that is not
 * finite.
 */
export function softplus(x: Tensor, options: SoftplusOptions = {}): Tensor {
  requireTensor('softplus', 'x', x);
  checkOptions('softplus', options, SOFTPLUS_OPTIONS);
  const { beta = 1, threshold = 20 } = options;
  if (tracer) return tracer.operation('softplus', softplus, { x, options: { beta, threshold } });
  return softplusFunction(x, { beta, threshold });
}

/** x where x > 0, else alpha·(eˣ - 1), see `elu`. */
export class ELU extends Module {
  readonly #alpha: number;

  /** @throws ConfigError unless alpha is a finite number. */
  constructor(options: ELUOptions = {}) {
    super();
    checkOptions('ELU', options, ELU_OPTIONS);
    this.#alpha = options.alpha ?? 1;
  }

  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return elu(x, { alpha: this.#alpha });
  }

  /** @hidden */
  override constructedWith(): object {
    return { alpha: this.#alpha };
  }
}

/** `elu` that keeps mean and variance, see `selu`. */
export class SELU extends Module {
  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return selu(x);
  }
}

/** x·tanh(softplus(x)), see `mish`. */
export class Mish extends Module {
  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return mish(x);
  }
}

/** ln(1 + e^(beta·x))/beta, see `softplus`. */
export class Softplus extends Module {
  readonly #options: SoftplusOptions;

  /** @throws ConfigError for a beta that is not above 0 or a threshold that is not finite. */
  constructor(options: SoftplusOptions = {}) {
    super();
    checkOptions('Softplus', options, SOFTPLUS_OPTIONS);
    this.#options = ownOptions(options);
  }

  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return softplus(x, this.#options);
  }

  /** @hidden */
  override constructedWith(): object {
    const { beta = 1, threshold = 20 } = this.#options;
    return { beta, threshold };
  }
}
