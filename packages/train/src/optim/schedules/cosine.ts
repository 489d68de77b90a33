import type { CompleteOptions } from '@unfold/core';
import { atLeast0, completeOptions, positiveCount } from '@unfold/core/internal';
import { cosPi, sinPi } from './cos-pi.js';
import { LRScheduler, type ScheduledOptimizer } from './scheduler.js';

/** Options of `CosineAnnealingLR`. */
export interface CosineAnnealingLROptions {
  /** Steps from the initial learning rate to the least, from 1. */
  readonly tMax: number;
  /** The least learning rate, at least 0. Default 0. */
  readonly etaMin?: number;
}

/**
 * Down half a cosine in `tMax` steps, and, if there are more, up again.
 * (Loshchilov and Hutter, "SGDR", 2017, without its restarts.)
 */
export class CosineAnnealingLR extends LRScheduler {
  /** @internal What it was made with, complete. */
  readonly options: CompleteOptions<CosineAnnealingLROptions>;

  /** @throws ConfigError for an unknown option or one out of range. */
  constructor(optimizer: ScheduledOptimizer, options: CosineAnnealingLROptions) {
    const rules = { tMax: positiveCount, etaMin: atLeast0 };
    super('CosineAnnealingLR', optimizer);
    this.options = completeOptions<CosineAnnealingLROptions>(
      this.name,
      rules,
      { etaMin: 0 },
      options,
    );
    this.begin();
  }

  protected override rate(lr: number, baseLr: number): number {
    const { tMax, etaMin } = this.options;
    const share = shareOfFall(this.count, tMax);
    const before = shareOfFall(this.count - 1, tMax);
    // From the least rate on, the quotient would be 0/0.
    if (before === 0) return lr + (baseLr - etaMin) * share;
    // Of an initial rate of 0, below etaMin, rounding could make one below 0.
    return Math.max(0, (lr - etaMin) * (share / before) + etaMin);
  }
}

/**
 * (1 + cos(π·step/tMax))/2, by the sine of the way from the least rate: the sum would cancel there,
 * and what is left of a long fall's last steps be mostly rounding.
 */
function shareOfFall(step: number, tMax: number): number {
  return sinPi(Math.abs((step % (2 * tMax)) - tMax) / (2 * tMax)) ** 2;
}

/** Options of `CosineAnnealingWarmRestarts`. */
export interface CosineAnnealingWarmRestartsOptions {
  /** Steps up to the first restart, from 1. */
  readonly t0: number;
  /** How many times as long each period is as the one before, from 1. Default 1. */
  readonly tMult?: number;
  /** The least learning rate, at least 0. Default 0. */
  readonly etaMin?: number;
}

/** Down half a cosine, again and again. (Loshchilov and Hutter, "SGDR", 2017.) */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  /** @internal What it was made with, complete. */
  readonly options: CompleteOptions<CosineAnnealingWarmRestartsOptions>;

  /** @throws ConfigError for an unknown option or one out of range. */
  constructor(optimizer: ScheduledOptimizer, options: CosineAnnealingWarmRestartsOptions) {
    const rules = { t0: positiveCount, tMult: positiveCount, etaMin: atLeast0 };
    super('CosineAnnealingWarmRestarts', optimizer);
    this.options = completeOptions<CosineAnnealingWarmRestartsOptions>(
      this.name,
      rules,
      { tMult: 1, etaMin: 0 },
      options,
    );
    this.begin();
  }

  protected override rate(_lr: number, baseLr: number): number {
    const { etaMin } = this.options;
    const { position, period } = placeInPeriod(this.count, this.options);
    return etaMin + ((baseLr - etaMin) * (1 + cosPi(position / period))) / 2;
  }

  protected override first(lr: number, baseLr: number): number {
    return this.rate(lr, baseLr);
  }
}

/** How far `count` steps have come in the last period that they begin, and how long that is. */
export function placeInPeriod(
  count: number,
  { t0, tMult }: Pick<CompleteOptions<CosineAnnealingWarmRestartsOptions>, 't0' | 'tMult'>,
): { readonly position: number; readonly period: number } {
  let period = t0;
  let position = count;
  if (tMult === 1) position %= period;
  for (; position >= period; period *= tMult) position -= period;
  return { position, period };
}
