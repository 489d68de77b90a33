import type { CompleteOptions } from '@unfold/core';
import { completeOptions, positiveCount, positiveShare, share } from '@unfold/core/internal';
import { LRScheduler, type ScheduledOptimizer } from './scheduler.js';

/** Options of `LinearLR`. */
export interface LinearLROptions {
  /** The share of the learning rate that it begins with, above 0, at most 1. Default 1/3. */
  readonly startFactor?: number;
  /** The share that it ends with, from 0 to 1. Default 1. */
  readonly endFactor?: number;
  /** Steps from the one to the other, from 1. Default 5. */
  readonly totalIters?: number;
}

/** In equal steps from a share of the learning rate to another: a warm-up, or a straight decay. */
export class LinearLR extends LRScheduler {
  /** @internal What it was made with, complete. */
  readonly options: CompleteOptions<LinearLROptions>;

  /** @throws ConfigError for an unknown option or one out of range. */
  constructor(optimizer: ScheduledOptimizer, options: LinearLROptions = {}) {
    const rules = { startFactor: positiveShare, endFactor: share, totalIters: positiveCount };
    const defaults = { startFactor: 1 / 3, endFactor: 1, totalIters: 5 };
    super('LinearLR', optimizer);
    this.options = completeOptions<LinearLROptions>(this.name, rules, defaults, options);
    this.begin();
  }

  protected override first(lr: number): number {
    return lr * this.options.startFactor;
  }

  protected override rate(lr: number): number {
    if (this.count > this.options.totalIters) return lr;
    return lr * (this.#weight(this.count) / this.#weight(this.count - 1));
  }

  /**
   * `totalIters` times the share after so many steps: PyTorch's closed form, written so that rounding
   * makes no end of 0 a number below 0.
   */
  #weight(count: number): number {
    const { startFactor, endFactor, totalIters } = this.options;
    return startFactor * (totalIters - count) + endFactor * count;
  }

  protected override restarted(baseLr: number): number {
    return baseLr * this.options.startFactor;
  }
}
