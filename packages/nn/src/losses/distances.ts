import {
  abs,
  clamp,
  ConfigError,
  div,
  mul,
  sub,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  atLeast0,
  checkOptions,
  positive,
  valueText,
  tracer,
} from '@unfold/core/internal';
import { LossModule } from './loss-module.js';
import { LOSS_OPTIONS, reduce, requireAlike, type LossOptions } from './reduction.js';

/**
 * |x - target|, as `torch.nn.functional.l1_loss`; the derivative where both are equal is 0.
 * @throws As `mseLoss`.
 */
export function l1Loss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkOptions('l1Loss', options, LOSS_OPTIONS);
  const { reduction = 'mean' } = options;
  if (tracer) return tracer.operation('l1Loss', l1Loss, { x, target, options: { reduction } });
  requireAlike('l1Loss', { x, target });
  return reduce(abs(sub(x, target)), reduction);
}

/**
 * (x - target)², as `torch.nn.functional.mse_loss`.
 * @throws ShapeError unless both have one shape: broadcasting here is nearly always a mistake.
 * DTypeError for integers or mixed dtypes, ConfigError for a bad option.
 */
export function mseLoss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkOptions('mseLoss', options, LOSS_OPTIONS);
  const { reduction = 'mean' } = options;
  if (tracer) return tracer.operation('mseLoss', mseLoss, { x, target, options: { reduction } });
  requireAlike('mseLoss', { x, target });
  const difference = sub(x, target);
  return reduce(mul(difference, difference), reduction);
}

/**
 * ½d² where |d| ≤ delta, else delta·(|d| - ½delta), as c·(d - ½c) with c, d clamped to ±delta: of
 * which the gradient is c. All of that divided by `divisor`, first of all c, as the product may
 * be too large for a float, or too small, when the quotient is not.
 */
function huberOf(d: Tensor, delta: number, divisor: number): Tensor {
  const clamped = clamp(d, { min: -delta, max: delta });
  const slope = divisor === 1 ? clamped : div(clamped, divisor);
  return mul(slope, sub(d, mul(clamped, 0.5)));
}

/** Options of `huber` and `HuberLoss`. */
export interface HuberOptions extends LossOptions {
  /** Where the square goes over into the line. Default 1. */
  readonly delta?: number;
}

const HUBER_OPTIONS: OptionRules<HuberOptions> = { ...LOSS_OPTIONS, delta: checkedInUse };

function checkDelta(operation: string, delta: number): void {
  if (!positive.accepts(delta)) {
    throw new ConfigError(`${operation}: delta must be a positive number, got ${valueText(delta)}`);
  }
}

/**
 * With d = x - target, ½d² where |d| ≤ delta, else delta·(|d| - ½delta), as
 * `torch.nn.functional.huber_loss`.
 * @throws ShapeError unless both have one shape, ConfigError unless delta is positive, DTypeError
 * for integers or mixed dtypes.
 */
export function huber(x: Tensor, target: Tensor, options: HuberOptions = {}): Tensor {
  checkOptions('huber', options, HUBER_OPTIONS);
  const { delta = 1, reduction = 'mean' } = options;
  if (tracer) return tracer.operation('huber', huber, { x, target, options: { delta, reduction } });
  requireAlike('huber', { x, target });
  checkDelta('huber', delta);
  return reduce(huberOf(sub(x, target), delta, 1), reduction);
}

/** Options of `smoothL1` and `SmoothL1Loss`. */
export interface SmoothL1Options extends LossOptions {
  /** Where the square goes over into the line; 0 for none. Default 1. */
  readonly beta?: number;
}

const SMOOTH_L1_OPTIONS: OptionRules<SmoothL1Options> = { ...LOSS_OPTIONS, beta: checkedInUse };

function checkBeta(operation: string, beta: number): void {
  if (!atLeast0.accepts(beta)) {
    throw new ConfigError(
      `${operation}: beta must be a number of at least 0, got ${valueText(beta)}`,
    );
  }
}

/**
 * With d = x - target, ½d²/beta where |d| < beta, else |d| - ½beta, as
 * `torch.nn.functional.smooth_l1_loss`. With beta 0, |d|, whose derivative at 0 is 0.
 * @throws ShapeError unless both have one shape, ConfigError for a negative beta, DTypeError for
 * integers or mixed dtypes.
 */
export function smoothL1(x: Tensor, target: Tensor, options: SmoothL1Options = {}): Tensor {
  checkOptions('smoothL1', options, SMOOTH_L1_OPTIONS);
  const { beta = 1, reduction = 'mean' } = options;
  if (tracer) {
    return tracer.operation('smoothL1', smoothL1, { x, target, options: { beta, reduction } });
  }
  requireAlike('smoothL1', { x, target });
  checkBeta('smoothL1', beta);
  const d = sub(x, target);
  // Also what float32 rounds to 0.
  const isLine = (x.dtype === 'float32' ? Math.fround(beta) : beta) === 0;
  return reduce(isLine ? abs(d) : huberOf(d, beta, beta), reduction);
}

/** `l1Loss` as a module. */
export class L1Loss extends LossModule<LossOptions> {
  /** @throws ConfigError for a bad option. */
  constructor(options: LossOptions = {}) {
    super(options, LOSS_OPTIONS);
  }

  /** The loss, as `l1Loss` takes its arguments. */
  forward(x: Tensor, target: Tensor): Tensor {
    return l1Loss(x, target, this.options);
  }
}

/** `mseLoss` as a module. */
export class MSELoss extends LossModule<LossOptions> {
  /** @throws ConfigError for a bad option. */
  constructor(options: LossOptions = {}) {
    super(options, LOSS_OPTIONS);
  }

  /** The loss, as `mseLoss` takes its arguments. */
  forward(x: Tensor, target: Tensor): Tensor {
    return mseLoss(x, target, this.options);
  }
}

/** `huber` as a module. */
export class HuberLoss extends LossModule<HuberOptions> {
  /** @throws ConfigError unless delta is positive. */
  constructor(options: HuberOptions = {}) {
    super(options, HUBER_OPTIONS);
    checkDelta('HuberLoss', options.delta ?? 1);
  }

  /** The loss, as `huber` takes its arguments. */
  forward(x: Tensor, target: Tensor): Tensor {
    return huber(x, target, this.options);
  }
}

/** `smoothL1` as a module. */
export class SmoothL1Loss extends LossModule<SmoothL1Options> {
  /** @throws ConfigError for a negative beta. */
  constructor(options: SmoothL1Options = {}) {
    super(options, SMOOTH_L1_OPTIONS);
    checkBeta('SmoothL1Loss', options.beta ?? 1);
  }

  /** The loss, as `smoothL1` takes its arguments. */
  forward(x: Tensor, target: Tensor): Tensor {
    return smoothL1(x, target, this.options);
  }
}
