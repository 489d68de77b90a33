import {
  add,
  clamp,
  defineFunction,
  div,
  exp,
  le,
  log,
  log1p,
  mean,
  mul,
  neg,
  sub,
  where,
  type Context,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import { checkOptions, flag, oneOf, tracer } from '@unfold/core/internal';
import { LossModule } from './loss-module.js';
import {
  LOSS_OPTIONS,
  reduce,
  requireAlike,
  type LossOptions,
  type Reduction,
} from './reduction.js';
import { requireProbabilities } from './targets.js';

/* PyTorch's: what a logarithm is at least, and what the derivative is divided by at least, a float. */
const LEAST_LOG = -100;
const LEAST_VARIANCE = Math.fround(1e-12);

const logOf = (x: Tensor): Tensor => clamp(log(x), { min: LEAST_LOG });
const logOfRest = (x: Tensor): Tensor => clamp(log1p(neg(x)), { min: LEAST_LOG });

/* One operation, because of the derivative: that of a logarithm is ∞ where it is cut off. */
const bceFunction = defineFunction('bce', {
  forward(ctx: Context<{ x: Tensor; target: Tensor }>, x: Tensor, target: Tensor) {
    ctx.save({ x, target });
    return neg(add(mul(target, logOf(x)), mul(sub(1, target), logOfRest(x))));
  },
  backward(ctx, dOut) {
    const { x, target } = ctx.saved;
    const [needsDX, needsDTarget] = ctx.needsInputGrad;
    const dX = (): Tensor =>
      div(mul(dOut, sub(x, target)), clamp(mul(x, sub(1, x)), { min: LEAST_VARIANCE }));
    const dTarget = (): Tensor => mul(dOut, sub(logOfRest(x), logOf(x)));
    return [needsDX ? dX() : null, needsDTarget ? dTarget() : null];
  },
});

/**
 * -target·log(x) - (1 - target)·log(1 - x), as `torch.nn.functional.binary_cross_entropy`: the logarithms
 * are cut off at -100, so that a probability of 0 or 1 that is wrong costs 100. `bceWithLogits` takes what
 * stands before a sigmoid, and is exact.
 * @param x Probabilities of any shape.
 * @param target Probabilities, of the shape and dtype of x.
 * @throws ShapeError unless both have one shape, DTypeError for integers or mixed dtypes, ConfigError
 * for a bad option, or a number of either outside 0 … 1.
 */
export function bce(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkOptions('bce', options, LOSS_OPTIONS);
  const { reduction = 'mean' } = options;
  if (tracer) return tracer.operation('bce', bce, { x, target, options: { reduction } });
  requireAlike('bce', { x, target });
  requireProbabilities('bce', x, 'bceWithLogits takes logits', { role: 'x', slack: 0 });
  requireProbabilities('bce', target, 'labels of -1 and 1 become such by (y + 1) / 2');
  return reduce(bceFunction(x, target), reduction);
}

/** `bce` as a module. */
export class BCELoss extends LossModule<LossOptions> {
  /** @throws ConfigError for a bad option. */
  constructor(options: LossOptions = {}) {
    super(options, LOSS_OPTIONS);
  }

  /** The loss, as `bce` takes its arguments. */
  forward(x: Tensor, target: Tensor): Tensor {
    return bce(x, target, this.options);
  }
}

/** Options of `klDiv` and `KLDivLoss`. */
export interface KLDivOptions {
  /**
   * As that of other losses, or `'batchmean'`: the sum divided by the size of the first axis, which is the
   * divergence as it is defined. Default `'mean'`, as PyTorch's, which divides by the classes too.
   */
  readonly reduction?: Reduction | 'batchmean';
  /** Whether the target holds logarithms of probabilities. Default false. */
  readonly logTarget?: boolean;
}

const KL_DIV_OPTIONS: OptionRules<KLDivOptions> = {
  reduction: oneOf('mean', 'sum', 'none', 'batchmean'),
  logTarget: flag,
};

/**
 * target·(log(target) - x), of which the sum is the Kullback–Leibler divergence of the distribution x from
 * the target, as `torch.nn.functional.kl_div`. A target of probability 0 costs nothing and has gradient 0,
 * also where x is -∞, which PyTorch makes NaN.
 * @param x Logarithms of probabilities, of any shape: `logSoftmax` makes them.
 * @param target Probabilities, or with `logTarget` their logarithms, of the shape and dtype of x.
 * @throws ShapeError unless both have one shape or for a mean over nothing, DTypeError for integers or mixed
 * dtypes, ConfigError for a bad option, or a probability outside 0 … 1.
 */
export function klDiv(x: Tensor, target: Tensor, options: KLDivOptions = {}): Tensor {
  checkOptions('klDiv', options, KL_DIV_OPTIONS);
  const { reduction = 'mean', logTarget = false } = options;
  if (tracer) {
    return tracer.operation('klDiv', klDiv, { x, target, options: { reduction, logTarget } });
  }
  requireAlike('klDiv', { x, target });
  if (!logTarget) {
    requireProbabilities('klDiv', target, 'logTarget: true takes their logarithms');
  }
  // Also what rounding makes less than 0, where there is no logarithm.
  const isNone = le(target, logTarget ? -Infinity : 0);
  // Something finite instead, as also 0·NaN is NaN, in the gradient too.
  const given = where(isNone, logTarget ? 0 : 1, target);
  const [share, logShare] = logTarget ? [exp(given), given] : [given, log(given)];
  const losses = where(isNone, 0, mul(share, sub(logShare, x)));
  if (reduction !== 'batchmean') return reduce(losses, reduction);
  return mul(mean(losses), x.ndim === 0 ? 1 : x.size / x.shape[0]);
}

/** `klDiv` as a module. */
export class KLDivLoss extends LossModule<KLDivOptions> {
  /** @throws ConfigError for a bad option. */
  constructor(options: KLDivOptions = {}) {
    super(options, KL_DIV_OPTIONS);
  }

  /** The loss, as `klDiv` takes its arguments. */
  forward(x: Tensor, target: Tensor): Tensor {
    return klDiv(x, target, this.options);
  }
}
