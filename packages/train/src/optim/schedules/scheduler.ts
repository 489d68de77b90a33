import { ConfigError } from '@unfold/core';
import { refuseRecording, requireNoArguments } from '@unfold/core/internal';
import { requireOptimizer } from '../../arguments.js';
import {
  asNumber,
  asObject,
  asRates,
  type JsonObject,
  loadAtOnce,
  nameText,
  type PreparedState,
} from '../state.js';

/** The mend of a `step` with arguments. */
export const COUNTS =
  'it counts its steps itself; ReduceLROnPlateau is what takes a metric, LambdaLR a function of the step';

/** What a program is told of a step: the rates that it sets hold from there on. */
export const STEPS = 'sets learning rates by a schedule, to be done outside';

/** As much of an optimiser's group as schedules look at. */
export interface ScheduledGroup {
  lr: number;
  initialLr?: number;
  momentum?: number;
  betas?: readonly [number, number];
}

/** As much of an optimiser as schedules look at. */
export interface ScheduledOptimizer {
  readonly groups: readonly ScheduledGroup[];
}

/** Where a schedule stands, as plain JSON. */
export interface SchedulerState extends JsonObject {
  /** The kind of schedule, `StepLR`. */
  readonly scheduler: string;
}

/** Any kind of schedule: only its state matters here. */
export interface Schedule {
  stateDict(): SchedulerState;
  loadStateDict(state: SchedulerState): void;
}

/** A schedule that needs nothing but its steps. */
export interface Scheduler {
  /** Sets the learning rates of the next step. */
  step(): void;
  /** Where it stands. Plain JSON. */
  stateDict(): SchedulerState;
  /** Takes over a state that `stateDict` gave. @throws ConfigError for one that does not fit. */
  loadStateDict(state: SchedulerState): void;
}

/**
 * Base class of the schedules that need nothing but their steps. Making one sets the learning rates
 * of the first step; `step()`, after the optimiser's, those of the next. Whether that is once a
 * batch or once an epoch is up to the caller. As in PyTorch, every rate but the first follows from
 * the one before, so that what else changes it is kept.
 */
export abstract class LRScheduler implements Scheduler {
  /** Steps so far. */
  protected count = -1;
  /** Each group's learning rate before any schedule. */
  protected baseLrs: readonly number[] = [];
  readonly #name: string;
  readonly #optimizer: ScheduledOptimizer;

  /** @param name In messages and in saved states. */
  protected constructor(name: string, optimizer: ScheduledOptimizer) {
    requireOptimizer(name, optimizer);
    this.#name = name;
    this.#optimizer = optimizer;
  }

  /** @internal Whose learning rates it sets. */
  get optimizer(): ScheduledOptimizer {
    return this.#optimizer;
  }

  /** @internal The kind of schedule. */
  get name(): string {
    return this.#name;
  }

  protected get groups(): readonly ScheduledGroup[] {
    return this.#optimizer.groups;
  }

  /** The learning rate after `count` steps, of a group whose rate is `lr` and began as `baseLr`. */
  protected abstract rate(lr: number, baseLr: number, group: number): number;

  /** The learning rate with which it begins. */
  protected first(lr: number, _baseLr: number, _group: number): number {
    return lr;
  }

  /** The learning rate with which it begins where another schedule has ended. */
  protected restarted(baseLr: number, _group: number): number {
    return baseLr;
  }

  /** To be called at the end of the constructor, when options are known. */
  protected begin(): void {
    for (const group of this.groups) group.initialLr ??= group.lr;
    this.baseLrs = this.groups.map((group) => group.initialLr ?? group.lr);
    this.beginAt(this.groups.map(({ lr }) => lr));
  }

  /** @internal Sets the rates of the first step, with `lrs` as the groups' rates before. */
  beginAt(lrs: readonly number[]): void {
    this.count = 0;
    this.#set((_lr, base, i) => this.first(lrs[i], base, i));
  }

  /** @internal Sets the rates of the first step after another schedule. */
  restart(): void {
    this.count = 0;
    this.#set((_lr, base, i) => this.restarted(base, i));
  }

  /**
   * Sets the learning rates of the next step.
   * @throws ConfigError for a metric or an epoch, which it does not look at.
   */
  step(...given: readonly never[]): void {
    requireNoArguments(`${this.#name}.step`, given, COUNTS);
    refuseRecording(STEPS);
    this.count++;
    this.#set((lr, base, i) => this.rate(lr, base, i));
  }

  #set(rate: (lr: number, baseLr: number, group: number) => number): void {
    this.groups.forEach((group, i) => {
      group.lr = rate(group.lr, this.baseLrs[i] ?? group.lr, i);
    });
  }

  /** Where it stands, and the learning rates: what a run needs to go on. Plain JSON. */
  stateDict(): SchedulerState {
    return {
      scheduler: this.#name,
      count: this.count,
      baseLrs: this.baseLrs,
      lrs: this.groups.map(({ lr }) => lr),
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
    const where = `${this.#name}.loadStateDict`;
    const { scheduler, count, baseLrs, lrs } = asObject(where, state);
    if (scheduler !== this.#name) {
      throw new ConfigError(`${where}: got the state of ${nameText(scheduler)}`);
    }
    const newCount = asNumber(`${where}: count`, count, { integer: true });
    const newBase = asRates(`${where}: baseLrs`, baseLrs, this.groups.length);
    const newLrs = asRates(`${where}: lrs`, lrs, this.groups.length);
    const commit = (): void => {
      this.count = newCount;
      this.baseLrs = newBase;
      this.#set((_lr, _base, i) => newLrs[i]);
    };
    return { commit, discard: () => {} };
  }
}

/** Loads one whose `loadStateDict` is a program's own. @throws What that throws, and sets it back. */
export function loadScheduleAtOnce(schedule: Schedule, state: SchedulerState): PreparedState {
  const before = structuredClone(schedule.stateDict());
  return loadAtOnce(
    () => schedule.loadStateDict(state),
    () => schedule.loadStateDict(before),
  );
}

/** Prepares the state of one that may be of a program's own kind. */
export function prepareScheduler(scheduler: LRScheduler, state: SchedulerState): PreparedState {
  return scheduler.loadStateDict === LRScheduler.prototype.loadStateDict
    ? scheduler.prepare(state)
    : loadScheduleAtOnce(scheduler, state);
}

/**
 * One number for each group.
 * @throws ConfigError for a list that does not have one for each.
 */
export function forGroups(
  where: string,
  name: string,
  given: number | readonly number[],
  groups: number,
): readonly number[] {
  const list = typeof given === 'number' ? Array.from({ length: groups }, () => given) : given;
  if (list.length === groups) return list;
  throw new ConfigError(
    `${where}: ${name}: expected one number for each of ${groups} groups, got ${list.length}`,
  );
}
