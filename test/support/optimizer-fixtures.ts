import type { Parameter } from '@unfold/core';
import {
  Adagrad,
  Adam,
  AdamW,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  ExponentialLR,
  type GroupOptions,
  LinearLR,
  type LRScheduler,
  MultiStepLR,
  OneCycleLR,
  type Optimizer,
  type OptimizerOptions,
  RMSprop,
  type ScheduledOptimizer,
  type Scheduler,
  SequentialLR,
  SGD,
  StepLR,
} from '@unfold/train';
import type { FixtureArray, SgdHead } from './fixture-array.js';

/** Options as a fixture holds them: the constructors check them. */
export type JsonOptions = Readonly<Record<string, unknown>>;

export interface OptimizerCase {
  readonly optimizer: keyof typeof OPTIMIZERS;
  readonly name: string;
  readonly options: JsonOptions;
  /** Which parameters are in which group, with the group's options; absent: one group of all. */
  readonly groups?: readonly (JsonOptions & { readonly params: readonly string[] })[];
  /** [steps, ...shape]: each parameter after each step. */
  readonly after: Readonly<Record<string, FixtureArray>>;
}

export interface ScheduleCase {
  readonly optimizer: 'SGD' | 'AdamW';
  /** One, or several that follow each other at the milestones. */
  readonly schedulers: readonly {
    readonly scheduler: keyof typeof SCHEDULERS;
    readonly options: JsonOptions;
  }[];
  readonly milestones?: readonly number[];
  /** Of each group: at first, and after each step. */
  readonly lrs: readonly (readonly number[])[];
  /** Momentum, or the first beta. */
  readonly momenta: readonly (readonly number[])[];
}

export interface OptimizersHead extends SgdHead {
  readonly schedules: readonly ScheduleCase[];
  readonly plateaus: readonly {
    readonly options: JsonOptions;
    readonly metrics: readonly number[];
    /** Of each group, after each metric. */
    readonly lrs: readonly (readonly number[])[];
  }[];
  readonly clips: readonly {
    readonly options: {
      readonly maxNorm?: number;
      readonly normType?: 'Infinity';
      readonly clipValue?: number;
    };
    readonly norm: number | null;
    /** The gradients, which were those of the first step. */
    readonly after: Readonly<Record<string, FixtureArray>>;
  }[];
  readonly ema: {
    readonly decay: number;
    /** [updates, ...shape]: a parameter and a buffer before each update, and their averages after. */
    readonly weights: FixtureArray;
    readonly means: FixtureArray;
    readonly averages: FixtureArray;
    readonly copies: FixtureArray;
  };
}

type Given<Options> = Iterable<Parameter> | Iterable<GroupOptions<Options>>;

const OPTIMIZERS = { SGD, Adam, AdamW, RMSprop, Adagrad };

/** The optimiser of that name, with options as a fixture holds them. */
export function makeOptimizer<Kind extends keyof typeof OPTIMIZERS>(
  kind: Kind,
  parameters: Given<OptimizerOptions>,
  options: JsonOptions,
): Optimizer {
  const Class: new (
    parameters: Given<OptimizerOptions>,
    options: JsonOptions & { lr: number },
  ) => Optimizer = OPTIMIZERS[kind];
  return new Class(parameters, options as JsonOptions & { lr: number });
}

const SCHEDULERS = {
  StepLR,
  MultiStepLR,
  ExponentialLR,
  LinearLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  OneCycleLR,
};

/** The schedule of a case, with options as a fixture holds them. */
export function makeSchedule(
  optimizer: ScheduledOptimizer,
  { schedulers, milestones }: Pick<ScheduleCase, 'schedulers' | 'milestones'>,
): Scheduler {
  const made = schedulers.map(({ scheduler, options }) => {
    const Class = SCHEDULERS[scheduler] as new (
      optimizer: ScheduledOptimizer,
      options: JsonOptions,
    ) => LRScheduler;
    return new Class(optimizer, options);
  });
  const [only] = made;
  if (milestones) return new SequentialLR(optimizer, made, { milestones });
  if (!only) throw new Error('the fixture names no schedule');
  return only;
}
