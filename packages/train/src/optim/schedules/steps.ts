import { type CompleteOptions, ConfigError } from '@unfold/core';
import {
  atLeast0,
  completeOptions,
  finite,
  positiveCount,
  requireFunction,
  requireList,
  valueText,
} from '@unfold/core/internal';
import { LRScheduler, type ScheduledOptimizer } from './scheduler.js';

/** Options of `StepLR`. */
export interface StepLROptions {
  /** Steps between two falls, from 1. */
  readonly stepSize: number;
  /** The factor of a fall, at least 0. Default 0.1. */
  readonly gamma?: number;
}

/** The learning rate times `gamma` every `stepSize` steps. */
export class StepLR extends LRScheduler {
  /** @internal What it was made with, complete. */
  readonly options: CompleteOptions<StepLROptions>;

  /** @throws ConfigError for an unknown option or one out of range. */
  constructor(optimizer: ScheduledOptimizer, options: StepLROptions) {
    const rules = { stepSize: positiveCount, gamma: atLeast0 };
    super('StepLR', optimizer);
    this.options = completeOptions<StepLROptions>(this.name, rules, { gamma: 0.1 }, options);
    this.begin();
  }

  protected override rate(lr: number): number {
    const { stepSize, gamma } = this.options;
    return this.count % stepSize === 0 ? lr * gamma : lr;
  }
}

/** Options of `MultiStepLR`. */
export interface MultiStepLROptions {
  /** The steps, from 1, at which the rate falls; one that is named twice counts twice. */
  readonly milestones: readonly number[];
  /** The factor of a fall, at least 0. Default 0.1. */
  readonly gamma?: number;
}

/** The learning rate times `gamma` at each milestone. */
export class MultiStepLR extends LRScheduler {
  /** @internal What it was made with, complete. */
  readonly options: CompleteOptions<MultiStepLROptions>;

  /** @throws ConfigError for an unknown option or one out of range. */
  constructor(optimizer: ScheduledOptimizer, options: MultiStepLROptions) {
    const milestones = {
      expected: 'a list of integers from 1',
      accepts: (value: unknown) =>
        Array.isArray(value) && value.every((item) => positiveCount.accepts(item)),
    };
    const rules = { milestones, gamma: atLeast0 };
    super('MultiStepLR', optimizer);
    const complete = completeOptions<MultiStepLROptions>(this.name, rules, { gamma: 0.1 }, options);
    this.options = structuredClone(complete);
    this.begin();
  }

  protected override rate(lr: number): number {
    let factor = 1;
    const { milestones, gamma } = this.options;
    for (const milestone of milestones) if (milestone === this.count) factor *= gamma;
    return lr * factor;
  }
}

/** Options of `ExponentialLR`. */
export interface ExponentialLROptions {
  /** The factor of each step, at least 0. */
  readonly gamma: number;
}

/** The learning rate times `gamma` at every step. */
export class ExponentialLR extends LRScheduler {
  /** @internal What it was made with, complete. */
  readonly options: CompleteOptions<ExponentialLROptions>;

  /** @throws ConfigError for an unknown option or one out of range. */
  constructor(optimizer: ScheduledOptimizer, options: ExponentialLROptions) {
    super('ExponentialLR', optimizer);
    this.options = completeOptions<ExponentialLROptions>(
      this.name,
      { gamma: atLeast0 },
      {},
      options,
    );
    this.begin();
  }

  protected override rate(lr: number): number {
    return lr * this.options.gamma;
  }
}

/** The share of a group's initial learning rate after `step` steps. */
export type LearningRateFactor = (step: number) => number;

/**
 * The initial learning rate times a factor of one's own: `(step) => linearDecay(step, steps)`, for
 * instance. Its state does not hold the function.
 */
export class LambdaLR extends LRScheduler {
  readonly #factors: readonly LearningRateFactor[];

  /**
   * @param factor One function for all groups, or one for each.
   * @throws ConfigError for another number of functions than groups, or, now or in a later step, a
   * factor that gives no learning rate.
   */
  constructor(
    optimizer: ScheduledOptimizer,
    factor: LearningRateFactor | readonly LearningRateFactor[],
  ) {
    super('LambdaLR', optimizer);
    const groups = optimizer.groups.length;
    if (typeof factor !== 'function') {
      requireList('LambdaLR', 'a function', factor, '(step) => 0.9 ** step');
      for (const own of factor) requireFunction('LambdaLR', own);
    }
    this.#factors = typeof factor === 'function' ? new Array(groups).fill(factor) : [...factor];
    if (this.#factors.length !== groups) {
      throw new ConfigError(
        `LambdaLR: expected a function for each of ${groups} groups, got ${this.#factors.length}`,
      );
    }
    this.begin();
  }

  protected override rate(_lr: number, baseLr: number, group: number): number {
    const factor: unknown = this.#factors[group]?.(this.count);
    if (typeof factor === 'number') return baseLr * factor;
    throw new ConfigError(
      `LambdaLR: expected a function that gives a number, got ${valueText(factor)} of it`,
    );
  }

  protected override first(lr: number, baseLr: number, group: number): number {
    return this.rate(lr, baseLr, group);
  }

  protected override restarted(baseLr: number, group: number): number {
    return this.rate(baseLr, baseLr, group);
  }
}

/**
 * The share of the learning rate for step `step` (from 0) of `steps`: from 1 straight to 0.
 * @throws ConfigError for what is no number.
 */
export function linearDecay(step: number, steps: number): number {
  if (!finite.accepts(step) || !finite.accepts(steps)) {
    throw new ConfigError(
      `linearDecay: expected two numbers, got ${valueText(step)} and ${valueText(steps)}`,
    );
  }
  return 1 - step / steps;
}
