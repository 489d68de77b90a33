import { ConfigError } from '@unfold/core';
import { valueText } from '@unfold/core/internal';
import { CosineAnnealingLR, CosineAnnealingWarmRestarts } from './cosine.js';
import { LinearLR } from './linear.js';
import { OneCycleLR } from './one-cycle.js';
import { ReduceLROnPlateau } from './plateau.js';
import type { Schedule } from './scheduler.js';
import { SequentialLR } from './sequential.js';
import { ExponentialLR, LambdaLR, MultiStepLR, StepLR } from './steps.js';

/** A schedule as plain data: what it is, and what it was made with. */
export interface ScheduleDescription {
  /** The kind of schedule, `StepLR`. */
  readonly name: string;
  /** All that there are, with defaults, as plain JSON. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Those of a `SequentialLR`. */
  readonly schedules: readonly ScheduleDescription[];
}

/** Whose options say all about them. */
const PLAIN = [
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  ExponentialLR,
  LinearLR,
  MultiStepLR,
  OneCycleLR,
  StepLR,
];

/**
 * @throws ConfigError for a `LambdaLR`, whose function is no data, and for a kind of one's own, as one
 * derived from ours is.
 */
export function describeSchedule(where: string, schedule: Schedule): ScheduleDescription {
  const { constructor } = schedule;
  if (schedule instanceof SequentialLR && constructor === SequentialLR) {
    const { milestones, schedulers } = schedule;
    const schedules = schedulers.map((part, i) =>
      describeSchedule(`${where}: schedule ${i}`, part),
    );
    return { name: 'SequentialLR', options: { milestones }, schedules };
  }
  if (schedule instanceof ReduceLROnPlateau && constructor === ReduceLROnPlateau) {
    return { name: 'ReduceLROnPlateau', options: { ...schedule.options }, schedules: [] };
  }
  for (const Kind of PLAIN) {
    if (!(schedule instanceof Kind) || constructor !== Kind) continue;
    return { name: schedule.name, options: { ...schedule.options }, schedules: [] };
  }
  const got =
    schedule instanceof LambdaLR ? 'LambdaLR, whose function is none' : valueText(schedule);
  throw new ConfigError(`${where}: expected a schedule that its options describe, got ${got}`);
}
