import { type CompleteOptions, ConfigError, type OptionRules } from '@unfold/core';
import {
  completeOptions,
  flag,
  oneOf,
  optional,
  perGroup,
  positive,
  positiveCount,
  share,
  shareBelow1,
} from '@unfold/core/internal';
import type { PreparedState } from '../state.js';
import { cosPi } from './cos-pi.js';
import { forGroups, LRScheduler, type ScheduledOptimizer } from './scheduler.js';

/** Options of `OneCycleLR`. */
export interface OneCycleLROptions {
  /** The highest learning rate, above 0: for all groups, or for each. */
  readonly maxLr: number | readonly number[];
  /** Steps in all. Without it, `epochs` times `stepsPerEpoch`. */
  readonly totalSteps?: number | undefined;
  readonly epochs?: number | undefined;
  readonly stepsPerEpoch?: number | undefined;
  /** The share of the steps in which the rate rises. Default 0.3. */
  readonly pctStart?: number;
  /** Along half a cosine or a line. Default 'cos'. */
  readonly annealStrategy?: 'cos' | 'linear';
  /** Move momentum, or the first of `betas`, against the learning rate. Default true. */
  readonly cycleMomentum?: boolean;
  /** The least momentum, at the highest rate. Default 0.85. */
  readonly baseMomentum?: number | readonly number[];
  /** The greatest momentum, at both ends. Default 0.95. */
  readonly maxMomentum?: number | readonly number[];
  /** The first learning rate is maxLr / divFactor. Default 25. */
  readonly divFactor?: number;
  /** The last learning rate is the first / finalDivFactor. Default 10,000. */
  readonly finalDivFactor?: number;
  /** Fall to the first rate as fast as it rose, and to the last after that. Default false. */
  readonly threePhase?: boolean;
}

const RULES: OptionRules<OneCycleLROptions> = {
  maxLr: perGroup(positive),
  totalSteps: optional(positiveCount),
  epochs: optional(positiveCount),
  stepsPerEpoch: optional(positiveCount),
  pctStart: share,
  annealStrategy: oneOf('cos', 'linear'),
  cycleMomentum: flag,
  baseMomentum: perGroup(shareBelow1),
  maxMomentum: perGroup(shareBelow1),
  divFactor: positive,
  finalDivFactor: positive,
  threePhase: flag,
};

const DEFAULTS = {
  pctStart: 0.3,
  annealStrategy: 'cos',
  cycleMomentum: true,
  baseMomentum: 0.85,
  maxMomentum: 0.95,
  divFactor: 25,
  finalDivFactor: 10_000,
  threePhase: false,
} as const;

/** A stretch of the cycle, with the names of what it leads from and to. */
interface Phase {
  /** Its last step, which need not be whole. */
  readonly end: number;
  readonly lr: readonly ['initial' | 'max', 'initial' | 'max' | 'min'];
  readonly momentum: readonly ['max' | 'base', 'max' | 'base'];
}

/** Between what a group moves. */
interface Range {
  readonly lr: { readonly initial: number; readonly max: number; readonly min: number };
  readonly momentum: { readonly base: number; readonly max: number };
}

/**
 * The learning rate up from a small one to `maxLr` and down to almost nothing, the momentum down and
 * up: one cycle in the whole run, a step after every batch. (Smith and Topin, "Super-Convergence",
 * 2019.) It replaces the optimiser's learning rate and, unless `cycleMomentum` is false, momentum.
 */
export class OneCycleLR extends LRScheduler {
  /** @internal What it was made with, complete. */
  readonly options: CompleteOptions<OneCycleLROptions>;

  readonly #totalSteps: number;
  readonly #phases: readonly Phase[];
  readonly #ranges: readonly Range[];

  /**
   * @throws ConfigError for an unknown option or one out of range, a list that is not one for each
   * group, momentum that the optimiser does not have, or a phase of no length.
   */
  constructor(optimizer: ScheduledOptimizer, given: OneCycleLROptions) {
    super('OneCycleLR', optimizer);
    const complete = completeOptions<OneCycleLROptions>(this.name, RULES, DEFAULTS, given);
    this.options = structuredClone(complete);
    const { options } = this;
    this.#totalSteps = stepsOf(options);
    this.#phases = phasesOf(options, this.#totalSteps);
    const groups = optimizer.groups.length;
    const maxLr = forGroups(this.name, 'maxLr', options.maxLr, groups);
    const base = forGroups(this.name, 'baseMomentum', options.baseMomentum, groups);
    const max = forGroups(this.name, 'maxMomentum', options.maxMomentum, groups);
    this.#ranges = optimizer.groups.map((group, i) => {
      if (options.cycleMomentum && group.betas === undefined && group.momentum === undefined) {
        throw new ConfigError(
          'OneCycleLR: the optimiser has neither momentum nor betas; set cycleMomentum to false',
        );
      }
      const highest = maxLr[i];
      const initial = highest / options.divFactor;
      return {
        lr: { initial, max: highest, min: initial / options.finalDivFactor },
        momentum: { base: base[i], max: max[i] },
      };
    });
    // A phase of no length, which can only be the first, is found before anything is changed.
    this.#position(0);
    optimizer.groups.forEach((group, i) => {
      group.initialLr = this.#ranges[i].lr.initial;
    });
    this.begin();
  }

  /** @throws ConfigError after the last step, or for an argument. */
  override step(...given: readonly never[]): void {
    if (this.count >= this.#totalSteps) {
      throw new ConfigError(
        `OneCycleLR: step ${this.count + 1} of a cycle of ${this.#totalSteps}; step once after each ` +
          'batch, and count them all in totalSteps',
      );
    }
    super.step(...given);
    this.#cycleMomentum();
  }

  /** @internal */
  override beginAt(lrs: readonly number[]): void {
    super.beginAt(lrs);
    this.#cycleMomentum();
  }

  /** @internal */
  override restart(): void {
    super.restart();
    this.#cycleMomentum();
  }

  /** @internal */
  override prepare(state: unknown): PreparedState {
    const prepared = super.prepare(state);
    const commit = (): void => {
      prepared.commit();
      this.#cycleMomentum();
    };
    return { ...prepared, commit };
  }

  protected override rate(lr: number, _baseLr: number, group: number): number {
    const range = this.#ranges[group];
    if (!range) return lr;
    const { phase, share } = this.#position(this.count);
    return this.#between(range.lr[phase.lr[0]], range.lr[phase.lr[1]], share);
  }

  protected override first(lr: number, baseLr: number, group: number): number {
    return this.rate(lr, baseLr, group);
  }

  protected override restarted(baseLr: number, group: number): number {
    return this.rate(baseLr, baseLr, group);
  }

  #cycleMomentum(): void {
    if (!this.options.cycleMomentum) return;
    const { phase, share } = this.#position(this.count);
    this.groups.forEach((group, i) => {
      const range = this.#ranges[i];
      if (!range) return;
      const [from, to] = phase.momentum;
      const momentum = this.#between(range.momentum[from], range.momentum[to], share);
      if (group.betas) group.betas = [momentum, group.betas[1]];
      else group.momentum = momentum;
    });
  }

  /**
   * The phase after `count` steps, and how far it has gone: 0 at its beginning, 1 at its end. What
   * the step after the last batch sets is used by none: there the last rate stays, where PyTorch's
   * formula runs on and may fall below 0.
   */
  #position(count: number): { readonly phase: Phase; readonly share: number } {
    const step = Math.min(count, this.#totalSteps - 1);
    let begin = 0;
    for (const [i, phase] of this.#phases.entries()) {
      if (step <= phase.end || i === this.#phases.length - 1) {
        const share = (step - begin) / (phase.end - begin);
        if (Number.isFinite(share)) return { phase, share };
        break;
      }
      begin = phase.end;
    }
    throw new ConfigError(
      `OneCycleLR: pctStart ${this.options.pctStart} of ${this.#totalSteps} steps makes a phase of ` +
        'no length; change one of them',
    );
  }

  #between(from: number, to: number, share: number): number {
    if (this.options.annealStrategy === 'linear') return (to - from) * share + from;
    return to + ((from - to) / 2) * (cosPi(share) + 1);
  }
}

function stepsOf({
  totalSteps,
  epochs,
  stepsPerEpoch,
}: CompleteOptions<OneCycleLROptions>): number {
  if (totalSteps !== undefined) return totalSteps;
  if (epochs !== undefined && stepsPerEpoch !== undefined) return epochs * stepsPerEpoch;
  throw new ConfigError('OneCycleLR: expected totalSteps, or epochs and stepsPerEpoch');
}

function phasesOf(
  { pctStart, threePhase }: CompleteOptions<OneCycleLROptions>,
  totalSteps: number,
): readonly Phase[] {
  const rise = pctStart * totalSteps - 1;
  const up: Phase = { end: rise, lr: ['initial', 'max'], momentum: ['max', 'base'] };
  const end = totalSteps - 1;
  if (!threePhase) return [up, { end, lr: ['max', 'min'], momentum: ['base', 'max'] }];
  return [
    up,
    { end: 2 * pctStart * totalSteps - 2, lr: ['max', 'initial'], momentum: ['base', 'max'] },
    { end, lr: ['initial', 'min'], momentum: ['max', 'max'] },
  ];
}
