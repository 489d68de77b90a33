import {
  add,
  ConfigError,
  defineFunction,
  gelu as exactGelu,
  leakyRelu,
  mul,
  sigmoid,
  softmax,
  sub,
  tanh,
  type Context,
  type Tensor,
} from '@unfold/core';
import { requireFloat } from './checks.js';
import { Module } from './module.js';

/**
 * x·sigmoid(x), as `torch.nn.functional.silu`.
 * @function
 */
export const silu = defineFunction('silu', {
  forward(ctx: Context<{ gate: Tensor; out: Tensor }>, x: Tensor) {
    requireFloat('silu', x);
    const gate = sigmoid(x);
    const out = mul(x, gate);
    ctx.save({ gate, out });
    return out;
  },
  backward(ctx, dOut) {
    // gate + x·gate·(1 - gate), and x·gate is the result.
    const { gate, out } = ctx.saved;
    return mul(dOut, add(out, mul(gate, sub(1, out))));
  },
});

/** How `gelu` is reckoned: `'none'` exactly, by erf, or `'tanh'` by a formula that is near it. */
export type GeluApproximation = 'none' | 'tanh';

/** Options of `gelu` and `GELU`. */
export interface GeluOptions {
  /** Default `'none'`. */
  readonly approximate?: GeluApproximation;
}

/** 2·√(2/π), and the cubic term's share in it. */
const SLOPE = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715 * SLOPE;

/** ½x·(1 + tanh(u/2)) = x·sigmoid(u) with u = 2·√(2/π)·(x + 0.044715x³). */
const geluTanhFunction = defineFunction('gelu', {
  forward(ctx: Context<{ x: Tensor; gate: Tensor }>, x: Tensor) {
    const gate = sigmoid(mul(x, add(mul(mul(x, x), CUBIC), SLOPE)));
    ctx.save({ x, gate });
    return mul(x, gate);
  },
  backward(ctx, dOut) {
    // gate·(1 + x·(1 - gate)·u′), u′ = 2·√(2/π)·(1 + 3·0.044715x²).
    const { x, gate } = ctx.saved;
    const inner = mul(x, add(mul(mul(x, x), 3 * CUBIC), SLOPE));
    return mul(dOut, mul(gate, add(mul(inner, sub(1, gate)), 1)));
  },
});

/**
 * x·Φ(x), Φ being the normal distribution function, as `torch.nn.functional.gelu`: exact, as core's
 * `gelu`, or by Hendrycks and Gimpel's formula with tanh (2016), as some trained models expect.
 * @throws DTypeError for integers, ConfigError for an unknown approximation.
 */
export function gelu(x: Tensor, { approximate = 'none' }: GeluOptions = {}): Tensor {
  checkApproximation(approximate);
  requireFloat('gelu', x);
  return approximate === 'none' ? exactGelu(x) : geluTanhFunction(x);
}

function checkApproximation(approximate: GeluApproximation): void {
  if (approximate !== 'none' && approximate !== 'tanh') {
    throw new ConfigError(
      `gelu: approximate must be 'none' or 'tanh', got '${String(approximate)}'`,
    );
  }
}

/** Options of `LeakyReLU`. */
export interface LeakyReLUOptions {
  /** The factor below 0. Default 0.01. */
  readonly negativeSlope?: number;
}

/** x where x > 0, else negativeSlope·x. */
export class LeakyReLU extends Module {
  readonly #slope: number;

  constructor({ negativeSlope = 0.01 }: LeakyReLUOptions = {}) {
    super();
    this.#slope = negativeSlope;
  }

  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return leakyRelu(x, { slope: this.#slope });
  }
}

/** x·Φ(x), see `gelu`. */
export class GELU extends Module {
  readonly #options: GeluOptions;

  /** @throws ConfigError for an unknown approximation. */
  constructor({ approximate = 'none' }: GeluOptions = {}) {
    super();
    checkApproximation(approximate);
    this.#options = { approximate };
  }

  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return gelu(x, this.#options);
  }
}

/** x·sigmoid(x), see `silu`. */
export class SiLU extends Module {
  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return silu(x);
  }
}

/** 1 / (1 + e⁻ˣ). */
export class Sigmoid extends Module {
  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Module {
  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/** exp(x) / Σ exp(x) along an axis. A loss on logits, such as `crossEntropy`, wants none before it. */
export class Softmax extends Module {
  readonly #axis: number;

  /** @param axis What sums to 1; default the last. Negative ones count from the back. */
  constructor(axis = -1) {
    super();
    this.#axis = axis;
  }

  /** @throws ShapeError if x has no such axis. */
  forward(x: Tensor): Tensor {
    return softmax(x, this.#axis);
  }
}

/** x itself: a place in a `Sequential` that does nothing. */
export class Identity extends Module {
  /** For x of any shape and dtype. */
  forward(x: Tensor): Tensor {
    return x;
  }
}
