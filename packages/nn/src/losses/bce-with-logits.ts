import {
  abs,
  add,
  clamp,
  defineFunction,
  div,
  DTypeError,
  eq,
  exp,
  formatShape,
  log,
  mul,
  neg,
  ShapeError,
  sigmoid,
  sub,
  where,
  type Context,
  type Tensor,
} from '@unfold/core';
import { requireFloat } from '../checks.js';
import { Module } from '../module.js';
import { reduce, requireOneShape, type LossOptions } from './reduction.js';

/** Options of `bceWithLogits` and `BCEWithLogitsLoss`, named as PyTorch's. */
export interface BCEWithLogitsOptions extends LossOptions {
  /**
   * What a positive target counts, for each class: of a shape that broadcasts to the logits'.
   * Default 1.
   */
  readonly posWeight?: Tensor;
}

/** log(1 + e⁻ˣ), finite for any finite x. */
function softplusOfMinus(x: Tensor): Tensor {
  // log(1 + e) for 0 < e ≤ 1: 1 + e is rounded, and the quotient takes just that back out (Kahan).
  const e = exp(neg(abs(x)));
  const rounded = add(e, 1);
  const logarithm = where(eq(rounded, 1), e, mul(e, div(log(rounded), sub(rounded, 1))));
  return add(clamp(neg(x), { min: 0 }), logarithm);
}

interface Saved {
  readonly x: Tensor;
  readonly target: Tensor;
  readonly posWeight: Tensor | null;
  /** log(1 + e⁻ˣ) */
  readonly softplus: Tensor;
}

/** target, or target·posWeight. */
function positives(target: Tensor, posWeight: Tensor | null): Tensor {
  return posWeight ? mul(target, posWeight) : target;
}

/*
 * With y the target and p posWeight, -p·y·log σ(x) - (1-y)·log(1-σ(x)) is
 * (1-y)·x + (1-y+p·y)·log(1 + e⁻ˣ). Spelt out as one operation, because of the derivative: at x = 0
 * the parts have corners, which cancel.
 */
const bceFunction = defineFunction('bceWithLogits', {
  forward(ctx: Context<Saved>, x: Tensor, target: Tensor, posWeight: Tensor | null) {
    const softplus = softplusOfMinus(x);
    const negatives = sub(1, target);
    const factor = add(negatives, positives(target, posWeight));
    ctx.save({ x, target, posWeight, softplus });
    return add(mul(negatives, x), mul(factor, softplus));
  },
  backward(ctx, dOut) {
    const { x, target, posWeight, softplus } = ctx.saved;
    const [needsX, needsTarget, needsWeight] = ctx.needsInputGrad;
    const dX = (): Tensor => {
      const positive = positives(target, posWeight);
      const factor = add(sub(1, target), positive);
      return mul(dOut, sub(mul(factor, sigmoid(x)), positive));
    };
    const dTarget = (): Tensor =>
      mul(dOut, posWeight ? sub(mul(sub(posWeight, 1), softplus), x) : neg(x));
    return [
      needsX ? dX() : null,
      needsTarget ? dTarget() : null,
      needsWeight ? mul(dOut, mul(target, softplus)) : null,
    ];
  },
});

/**
 * -posWeight·target·log σ(x) - (1 - target)·log(1 - σ(x)), σ being the sigmoid, as
 * `torch.nn.functional.binary_cross_entropy_with_logits`; finite for any finite logits.
 * @param x Logits of any shape.
 * @param target Probabilities, of the shape and dtype of x.
 * @returns A scalar, or losses in the shape of x with reduction 'none'.
 * @throws ShapeError for shapes that don't fit or the mean over nothing, DTypeError unless all are
 * floats of one dtype, ConfigError for a bad option.
 */
export function bceWithLogits(
  x: Tensor,
  target: Tensor,
  { posWeight, reduction }: BCEWithLogitsOptions = {},
): Tensor {
  requireOneShape('bceWithLogits', x, target);
  requireFloat('bceWithLogits', x);
  for (const operand of posWeight ? [target, posWeight] : [target]) {
    if (operand.dtype !== x.dtype) {
      throw new DTypeError(
        `bceWithLogits: expected x, target and posWeight of one dtype, got ${x.describe()} and ` +
          `${operand.describe()}; cast(target, '${x.dtype}') converts`,
      );
    }
  }
  if (posWeight && !stretches(posWeight, x)) {
    throw new ShapeError(
      `bceWithLogits: expected posWeight that broadcasts to x ${formatShape(x.shape)}, got ` +
        `${formatShape(posWeight.shape)}; one value for each class, the last axis`,
    );
  }
  return reduce(bceFunction(x, target, posWeight ?? null), reduction);
}

/** Whether `small` broadcasts to the shape of `large`. */
function stretches(small: Tensor, large: Tensor): boolean {
  const lead = large.ndim - small.ndim;
  return (
    lead >= 0 && small.shape.every((dim, axis) => dim === 1 || dim === large.shape[lead + axis])
  );
}

/** `bceWithLogits` as a module; posWeight is a part of its state, as `pos_weight`. */
export class BCEWithLogitsLoss extends Module {
  readonly #options: BCEWithLogitsOptions;

  constructor(options: BCEWithLogitsOptions = {}) {
    super();
    if (options.posWeight) this.registerBuffer('pos_weight', options.posWeight);
    this.#options = options;
  }

  /** The loss, as `bceWithLogits` takes its arguments. */
  forward(x: Tensor, target: Tensor): Tensor {
    return bceWithLogits(x, target, this.#options);
  }
}
