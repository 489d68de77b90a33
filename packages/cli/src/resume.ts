import { ConfigError } from '@unfold/core';
import { type CheckpointMetadata, type FileLock, lockFile } from '@unfold/io';
import { loadRun, type SavedRun } from '@unfold/train';
import { occupantOf } from '@unfold/train/internal';
import { refusal } from '@unfold/io/internal';
import { type Digits, trainingDataSha256 } from './digits.js';
import type { TrainMnistOptions } from './options.js';
import { type Plan, planToText, resumedPlan } from './plan.js';

/** A run that goes on. */
export interface OpenedRun extends SavedRun {
  readonly file: string;
  readonly plan: Plan;
}

/**
 * The run that `--resume` goes on with; null where a new one begins.
 * @throws ConfigError for `--resume` without `--checkpoint`, for a file that would be lost without
 * `--resume`, or if other options than the run's were given; FileFormatError if the file is damaged or
 * no run of this command.
 */
export async function openRun({
  resume,
  checkpoint,
  ...options
}: TrainMnistOptions): Promise<OpenedRun | null> {
  if (!resume) {
    if (checkpoint !== undefined) await keepOlder(checkpoint);
    return null;
  }
  if (checkpoint === undefined) {
    throw new ConfigError('--resume: name the file of the run with --checkpoint FILE');
  }
  const saved = await loadRun(checkpoint);
  if (!saved) return null;
  const plan = resumedPlan(checkpoint, saved.metadata['plan'], options);
  return { ...saved, file: checkpoint, plan };
}

/**
 * Keeps other processes off the run's file, from before it is read until the process ends.
 * @returns Null without `--checkpoint`.
 * @throws ConfigError that says who uses the file; for `--force-lock` without a file.
 */
export async function lockRun({
  checkpoint,
  forceLock = false,
}: TrainMnistOptions): Promise<FileLock | null> {
  if (checkpoint !== undefined) return lockFile(checkpoint, { force: forceLock });
  if (forceLock) {
    throw new ConfigError('--force-lock: name the file of the run with --checkpoint FILE');
  }
  return null;
}

/** Writes down in a checkpoint's metadata which run it is of, so that it can be resumed. */
export function describeRun(plan: Plan, digits: Digits): CheckpointMetadata {
  return { plan: planToText(plan), data: trainingDataSha256(digits) };
}

/**
 * @param option What the run was asked for by.
 * @throws ConfigError unless a run goes on with the images that it began with.
 */
export function checkSameData(
  option: string,
  { file, metadata }: OpenedRun,
  now: CheckpointMetadata,
): void {
  if (metadata['data'] === now['data']) return;
  throw new ConfigError(
    `${option}: the run in ${file} was trained on other images; give it the same --data-dir`,
  );
}

/** @throws ConfigError if there is something in the file that a new run would replace. */
async function keepOlder(file: string): Promise<void> {
  const occupant = await occupantOf(file);
  if (occupant.kind === 'nothing') return;
  if (occupant.kind === 'other') throw refusal(`--checkpoint: ${file}`, occupant.what);
  throw new ConfigError(
    `--checkpoint: ${file} holds a run already; go on with it by --resume, name another file, or ` +
      'delete it to begin anew',
  );
}
