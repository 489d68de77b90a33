import { type CompleteOptions, ConfigError, type OptionRules } from '@unfold/core';
import { asNumber, asObject, asRates, nameText, type PreparedState } from '../state.js';
import {
  atLeast0,
  completeOptions,
  count,
  valueText,
  oneOf,
  perGroup,
  refuseRecording,
  shareBelow1,
} from '@unfold/core/internal';
import { requireOptimizer } from '../../arguments.js';
import { forGroups, type ScheduledOptimizer, type SchedulerState, STEPS } from './scheduler.js';

/** Options of `ReduceLROnPlateau`. */
export interface ReduceLROnPlateauOptions {
  /** Whether the metric is to fall, as a loss, or to rise, as an accuracy. Default 'min'. */
  readonly mode?: 'min' | 'max';
  /** The number that the learning rate is multiplied by, from 0, below 1. Default 0.1. */
  readonly factor?: number;
  /** So many steps without progress are borne; the next one reduces. Default 10. */
  readonly patience?: number;
  /** How much better counts as progress. Default 1e-4. */
  readonly threshold?: number;
  /** Whether the threshold is a share of the best metric, or a difference. Default 'rel'. */
  readonly thresholdMode?: 'rel' | 'abs';
  /** Steps after a reduction in which nothing is counted. Default 0. */
  readonly cooldown?: number;
  /** The least learning rate: for all groups, or for each. Default 0. */
  readonly minLr?: number | readonly number[];
  /** A reduction by no more than this is left out. Default 1e-8. */
  readonly eps?: number;
}

const RULES: OptionRules<ReduceLROnPlateauOptions> = {
  mode: oneOf('min', 'max'),
  factor: shareBelow1,
  patience: count,
  threshold: atLeast0,
  thresholdMode: oneOf('rel', 'abs'),
  cooldown: count,
  minLr: perGroup(atLeast0),
  eps: atLeast0,
};

const DEFAULTS = {
  mode: 'min',
  factor: 0.1,
  patience: 10,
  threshold: 1e-4,
  thresholdMode: 'rel',
  cooldown: 0,
  minLr: 0,
  eps: 1e-8,
} as const;

/** Reduces the learning rate when a metric has stopped to get better: `step(metric)` each epoch. */
export class ReduceLROnPlateau {
  readonly #optimizer: ScheduledOptimizer;
  /** @internal What it was made with, complete. */
  readonly options: CompleteOptions<ReduceLROnPlateauOptions>;
  readonly #minLrs: readonly number[];
  /** Null before the first step. */
  #best: number | null = null;
  #badSteps = 0;
  #cooldownLeft = 0;

  /** @throws ConfigError for an unknown option or one out of range. */
  constructor(optimizer: ScheduledOptimizer, options: ReduceLROnPlateauOptions = {}) {
    const name = 'ReduceLROnPlateau';
    requireOptimizer(name, optimizer);
    this.#optimizer = optimizer;
    this.options = completeOptions(name, RULES, DEFAULTS, options);
    this.#minLrs = forGroups(name, 'minLr', this.options.minLr, optimizer.groups.length);
  }

  /**
   * Sets the learning rates of what comes next.
   * @param metric The validation loss, or whatever is watched.
   * @throws ConfigError if it is no finite number.
   */
  step(metric: number): void {
    if (!Number.isFinite(metric)) {
      throw new ConfigError(
        `ReduceLROnPlateau: expected a finite metric, got ${valueText(metric)}` +
          (typeof metric === 'number'
            ? '; the training has diverged'
            : '; pass it to step(metric)'),
      );
    }
    refuseRecording(STEPS);
    const { patience, cooldown } = this.options;
    if (this.#isBetter(metric)) {
      this.#best = metric;
      this.#badSteps = 0;
    } else this.#badSteps++;
    if (this.#cooldownLeft > 0) {
      this.#cooldownLeft--;
      this.#badSteps = 0;
    }
    if (this.#badSteps <= patience) return;
    this.#reduce();
    this.#cooldownLeft = cooldown;
    this.#badSteps = 0;
  }

  #isBetter(metric: number): boolean {
    const best = this.#best;
    if (best === null) return true;
    const { mode, threshold, thresholdMode } = this.options;
    if (mode === 'min') {
      return metric < (thresholdMode === 'rel' ? best * (1 - threshold) : best - threshold);
    }
    return metric > (thresholdMode === 'rel' ? best * (threshold + 1) : best + threshold);
  }

  #reduce(): void {
    const { factor, eps } = this.options;
    this.#optimizer.groups.forEach((group, i) => {
      const lr = Math.max(group.lr * factor, this.#minLrs[i] ?? 0);
      if (group.lr - lr > eps) group.lr = lr;
    });
  }

  /** The best metric, what was counted and the learning rates. Plain JSON. */
  stateDict(): SchedulerState {
    return {
      scheduler: 'ReduceLROnPlateau',
      best: this.#best,
      badSteps: this.#badSteps,
      cooldownLeft: this.#cooldownLeft,
      lrs: this.#optimizer.groups.map(({ lr }) => lr),
    };
  }

  /**
   * Takes over a state that `stateDict` gave, and sets the optimiser's learning rates. All is checked
   * before anything is changed.
   * @throws ConfigError for the state of another kind of schedule, of another number of groups, or
   * one that is damaged.
   */
  loadStateDict(state: SchedulerState): void {
    this.prepare(state).commit();
  }

  /** @internal Checks a state. @throws ConfigError as loadStateDict. */
  prepare(state: unknown): PreparedState {
    const where = 'ReduceLROnPlateau.loadStateDict';
    const { scheduler, best, badSteps, cooldownLeft, lrs } = asObject(where, state);
    if (scheduler !== 'ReduceLROnPlateau') {
      throw new ConfigError(`${where}: got the state of ${nameText(scheduler)}`);
    }
    const newBest = best === null ? null : asNumber(`${where}: best`, best);
    const newBad = asNumber(`${where}: badSteps`, badSteps, { integer: true });
    const newLeft = asNumber(`${where}: cooldownLeft`, cooldownLeft, { integer: true });
    const newLrs = asRates(`${where}: lrs`, lrs, this.#optimizer.groups.length);
    const commit = (): void => {
      this.#best = newBest;
      this.#badSteps = newBad;
      this.#cooldownLeft = newLeft;
      this.#optimizer.groups.forEach((group, i) => (group.lr = newLrs[i]));
    };
    return { commit, discard: () => {} };
  }
}
