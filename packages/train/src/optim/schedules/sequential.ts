import { ConfigError } from '@unfold/core';
import { asList, asNumber, asObject, nameText, prepareAll, type PreparedState } from '../state.js';
import {
  completeOptions,
  positiveCount,
  refuseRecording,
  requireList,
  requireNoArguments,
} from '@unfold/core/internal';
import { requireOptimizer } from '../../arguments.js';
import {
  COUNTS,
  LRScheduler,
  prepareScheduler,
  type ScheduledOptimizer,
  type Scheduler,
  type SchedulerState,
  STEPS,
} from './scheduler.js';

/** Options of `SequentialLR`. */
export interface SequentialLROptions {
  /** The steps at which the next schedule begins, ascending from 1: one fewer than schedules. */
  readonly milestones: readonly number[];
}

/**
 * Schedules one after another: a warm-up, and then what comes after. All have to be made for the
 * same optimiser; each begins with its own first step, at its milestone.
 */
export class SequentialLR implements Scheduler {
  /** @internal */
  readonly schedulers: readonly LRScheduler[];
  /** @internal */
  readonly milestones: readonly number[];
  #count = 0;

  /**
   * @throws ConfigError if there are no schedules, for one of another optimiser or one that needs a
   * metric, or for milestones that are not ascending or not one fewer than schedules.
   */
  constructor(
    optimizer: ScheduledOptimizer,
    schedulers: readonly LRScheduler[],
    options: SequentialLROptions,
  ) {
    requireOptimizer('SequentialLR', optimizer);
    requireList('SequentialLR', 'a list of schedules', schedulers, '[warmUp, decay]');
    schedulers.forEach((scheduler, i) => {
      if (!(scheduler instanceof LRScheduler)) {
        throw new ConfigError(
          `SequentialLR: schedule ${i} cannot be one of several: neither ReduceLROnPlateau nor ` +
            'SequentialLR can',
        );
      }
      if (scheduler.optimizer !== optimizer) {
        throw new ConfigError(`SequentialLR: schedule ${i} was made for another optimiser`);
      }
    });
    if (schedulers.length === 0) throw new ConfigError('SequentialLR: got no schedules');
    const { milestones } = completeOptions<SequentialLROptions>(
      'SequentialLR',
      { milestones: ASCENDING },
      {},
      options,
    );
    if (milestones.length !== schedulers.length - 1) {
      throw new ConfigError(
        `SequentialLR: expected ${schedulers.length - 1} milestones for ${schedulers.length} ` +
          `schedules, got ${milestones.length}`,
      );
    }
    this.schedulers = [...schedulers];
    this.milestones = [...milestones];
    // Each has set its own first rates by now; the first one begins again, from the rates before.
    schedulers[0]?.beginAt(optimizer.groups.map(({ lr, initialLr }) => initialLr ?? lr));
  }

  /**
   * Sets the learning rates of the next step.
   * @throws ConfigError for a metric or an epoch, which it does not look at.
   */
  step(...given: readonly never[]): void {
    requireNoArguments('SequentialLR.step', given, COUNTS);
    refuseRecording(STEPS);
    this.#count++;
    const begun = this.milestones.filter((milestone) => milestone <= this.#count).length;
    const scheduler = this.schedulers[begun];
    if (this.milestones[begun - 1] === this.#count) scheduler?.restart();
    else scheduler?.step();
  }

  /** Where it and its schedules stand: what a run needs to go on. Plain JSON. */
  stateDict(): SchedulerState {
    return {
      scheduler: 'SequentialLR',
      count: this.#count,
      schedulers: this.schedulers.map((scheduler) => scheduler.stateDict()),
    };
  }

  /**
   * Takes over a state that `stateDict` gave, and sets the optimiser's learning rates. All is checked
   * before anything is changed.
   * @throws ConfigError for the state of other schedules, or one that is damaged.
   */
  loadStateDict(state: SchedulerState): void {
    this.prepare(state).commit();
  }

  /** @internal Checks a state. @throws ConfigError as loadStateDict. */
  prepare(state: unknown): PreparedState {
    const where = 'SequentialLR.loadStateDict';
    const { scheduler, count, schedulers } = asObject(where, state);
    if (scheduler !== 'SequentialLR') {
      throw new ConfigError(`${where}: got the state of ${nameText(scheduler)}`);
    }
    const newCount = asNumber(`${where}: count`, count, { integer: true });
    const states = asList(`${where}: schedulers`, schedulers, this.schedulers.length);
    const prepared = prepareAll(
      this.schedulers.map((own, i) => () => prepareScheduler(own, states[i] as SchedulerState)),
    );
    const commit = (): void => {
      this.#count = newCount;
      prepared.commit();
    };
    return { ...prepared, commit };
  }
}

const ASCENDING = {
  expected: 'a list of ascending integers from 1',
  accepts: (value: unknown) =>
    Array.isArray(value) &&
    value.every((item, i) => positiveCount.accepts(item) && (i === 0 || item > value[i - 1])),
};
