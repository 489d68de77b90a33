import {
  abs,
  add,
  defineFunction,
  div,
  DTypeError,
  eq,
  exp,
  formatShape,
  gt,
  log,
  mul,
  neg,
  ShapeError,
  sigmoid,
  sub,
  where,
  type Context,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import { checkedInUse, checkOptions, requireFloat, tracer } from '@unfold/core/internal';
import { requireTensorOrNone } from '../checks.js';
import { LossModule } from './loss-module.js';
import { LOSS_OPTIONS, reduce, requireOneShape, type LossOptions } from './reduction.js';
import { requireProbabilities } from './targets.js';

/** Options of `bceWithLogits` and `BCEWithLogitsLoss`, named as PyTorch's. */
export interface BCEWithLogitsOptions extends LossOptions {
  /**
   * The weight of a positive target, for each class: of a shape that broadcasts to the logits'.
   * Default 1.
   */
  readonly posWeight?: Tensor;
}

const BCE_OPTIONS: OptionRules<BCEWithLogitsOptions> = {
  ...LOSS_OPTIONS,
  posWeight: checkedInUse,
};

/** log(1 + e^-|x|). */
function softplusOfSize(size: Tensor): Tensor {
  // log(1 + e) for 0 < e ≤ 1: 1 + e is rounded, and the quotient takes just that back out (Kahan).
  const e = exp(neg(size));
  const rounded = add(e, 1);
  return where(eq(rounded, 1), e, mul(e, div(log(rounded), sub(rounded, 1))));
}

/** share·value, and 0 where the share is 0, whatever the value: 0·∞ is NaN. */
function shareOf(share: Tensor, value: Tensor): Tensor {
  return where(eq(share, 0), 0, mul(share, value));
}

interface Saved {
  readonly x: Tensor;
  readonly target: Tensor;
  readonly posWeight: Tensor | null;
  /** |x| */
  readonly size: Tensor;
  /** log(1 + e^-|x|) */
  readonly softplus: Tensor;
}

/** target, or target·posWeight. */
function positives(target: Tensor, posWeight: Tensor | null): Tensor {
  return posWeight ? mul(target, posWeight) : target;
}

/*
 * With y the target, p posWeight and l = log(1 + e^-|x|), -log σ(x) is max(-x, 0) + l and
 * -log(1-σ(x)) is max(x, 0) + l. So -p·y·log σ(x) - (1-y)·log(1-σ(x)) is (1-y+p·y)·l, plus (1-y)·|x|
 * for a positive x and p·y·|x| for another: l is finite, and nothing cancels. Spelt out as one
 * operation, because of the derivative: at x = 0 the parts have corners, which cancel.
 */
const bceFunction = defineFunction('bceWithLogits', {
  forward(ctx: Context<Saved>, x: Tensor, target: Tensor, posWeight: Tensor | null) {
    const size = abs(x);
    const softplus = softplusOfSize(size);
    const negative = sub(1, target);
    const positive = positives(target, posWeight);
    ctx.save({ x, target, posWeight, size, softplus });
    const share = where(gt(x, 0), negative, positive);
    return add(shareOf(share, size), mul(add(negative, positive), softplus));
  },
  backward: (ctx, dOut) => bceGradients(ctx, dOut, ctx.saved),
  recordedBackward(ctx, dOut) {
    const size = abs(ctx.saved.x);
    return bceGradients(ctx, dOut, { ...ctx.saved, size, softplus: softplusOfSize(size) });
  },
});

function bceGradients(
  { needsInputGrad }: Context<Saved>,
  dOut: Tensor,
  { x, target, posWeight, size, softplus }: Saved,
): (Tensor | null)[] {
  const [needsX, needsTarget, needsWeight] = needsInputGrad;
  const dX = (): Tensor => {
    const positive = positives(target, posWeight);
    const factor = add(sub(1, target), positive);
    return mul(dOut, sub(mul(factor, sigmoid(x)), positive));
  };
  // p·(max(-x, 0) + l) - max(x, 0) - l
  const dTarget = (): Tensor => {
    if (!posWeight) return mul(dOut, neg(x));
    const slope = where(gt(x, 0), neg(x), shareOf(posWeight, size));
    return mul(dOut, add(slope, mul(sub(posWeight, 1), softplus)));
  };
  const dWeight = (): Tensor => {
    const ofPositive = add(where(gt(x, 0), 0, size), softplus);
    return mul(dOut, shareOf(target, ofPositive));
  };
  return [needsX ? dX() : null, needsTarget ? dTarget() : null, needsWeight ? dWeight() : null];
}

/**
 * -posWeight·target·log σ(x) - (1 - target)·log(1 - σ(x)), σ being the sigmoid, as
 * `torch.nn.functional.binary_cross_entropy_with_logits`; finite for any finite logits. A logit of
 * ±∞ has the loss 0 if it is right for certain, else ∞; PyTorch has NaN for the former.
 * @param x Logits of any shape.
 * @param target Probabilities, of the shape and dtype of x.
 * @returns A scalar, or losses in the shape of x with reduction 'none'.
 * @throws ShapeError for shapes that don't fit or the mean over nothing, DTypeError unless all are
 * floats of one dtype, ConfigError for a bad option or a target outside 0 … 1.
 */
export function bceWithLogits(
  x: Tensor,
  target: Tensor,
  options: BCEWithLogitsOptions = {},
): Tensor {
  requireOneShape('bceWithLogits', { x, target });
  checkOptions('bceWithLogits', options, BCE_OPTIONS);
  const { posWeight, reduction = 'mean' } = options;
  requireTensorOrNone('bceWithLogits', 'posWeight', posWeight);
  if (tracer) {
    const completed = { posWeight, reduction };
    return tracer.operation('bceWithLogits', bceWithLogits, { x, target, options: completed });
  }
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
  requireProbabilities(
    'bceWithLogits',
    target,
    'labels of -1 and 1 become such by (y + 1) / 2, bytes by y / 255',
  );
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
export class BCEWithLogitsLoss extends LossModule<BCEWithLogitsOptions> {
  /** @throws ConfigError for a bad option, DTypeError for a posWeight that is no tensor. */
  constructor(options: BCEWithLogitsOptions = {}) {
    super(options, BCE_OPTIONS);
    requireTensorOrNone('BCEWithLogitsLoss', 'posWeight', options.posWeight);
    if (options.posWeight) this.registerBuffer('pos_weight', options.posWeight);
  }

  /** The loss, as `bceWithLogits` takes its arguments. */
  forward(x: Tensor, target: Tensor): Tensor {
    return bceWithLogits(x, target, this.options);
  }
}
