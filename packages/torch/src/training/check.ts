import { ConfigError, formatShape, type OptionRules } from '@unfold/core';
import {
  atLeast0,
  checkedInUse,
  checkOption,
  checkOptions,
  positiveCount,
  valueText,
} from '@unfold/core/internal';
import type { Module } from '@unfold/nn';
import { DataLoader, EMA, type Optimizer } from '@unfold/train';
import type { LiveRun } from './facts.js';

const WHERE = 'eject: training';

const LOADER = {
  expected: 'a DataLoader',
  accepts: (value: unknown) => value instanceof DataLoader,
};

const OPTIONS: OptionRules<LiveRun> = {
  optimizer: checkedInUse,
  loss: checkedInUse,
  scheduler: checkedInUse,
  epochs: positiveCount,
  train: LOADER,
  validation: LOADER,
  test: checkedInUse,
  ema: { expected: 'an EMA', accepts: (value) => value instanceof EMA },
  clipGradNorm: atLeast0,
  accumulate: positiveCount,
  position: checkedInUse,
  generator: checkedInUse,
  losses: checkedInUse,
};

/** @throws ConfigError for an option of a run that `fit` wouldn't take either, or parts of another run. */
export function checkTraining(training: LiveRun, model: Module): void {
  checkOptions(WHERE, training, OPTIONS);
  const { epochs, train, ema } = training;
  // Those without a default.
  checkOption(WHERE, OPTIONS, 'epochs', epochs);
  checkOption(WHERE, OPTIONS, 'train', train);
  checkSchedules(training);
  if (ema) checkAverages(ema, model);
  checkPosition(training);
}

function checkSchedules({ scheduler, optimizer }: LiveRun): void {
  if (scheduler === undefined) return;
  const isRecord = typeof scheduler === 'object' && scheduler !== null;
  const wrong = isRecord && Object.keys(scheduler).find((name) => !/^(step|epoch)$/.test(name));
  if (!isRecord || wrong !== undefined) {
    throw new ConfigError(
      `${WHERE}: scheduler: expected { step: schedule } or { epoch: schedule }, by when it steps, got ` +
        (isRecord ? `an object with ${String(wrong)}` : valueText(scheduler)),
    );
  }
  for (const [name, schedule] of Object.entries<unknown>({ ...scheduler })) {
    const owner = schedule === undefined ? undefined : optimizerOf(schedule);
    if (owner === undefined || owner === optimizer) continue;
    throw new ConfigError(
      `${WHERE}: scheduler: ${name}: expected a schedule of the run's optimiser, got one that was made for ` +
        'another; make it over that optimiser',
    );
  }
}

/** Whose rates a schedule sets, where it tells. */
function optimizerOf(schedule: unknown): unknown {
  if (typeof schedule !== 'object' || schedule === null) return undefined;
  const parts: unknown = Reflect.get(schedule, 'schedulers');
  const teller: unknown = Array.isArray(parts) ? parts[0] : schedule;
  return (teller as { readonly optimizer?: Optimizer }).optimizer;
}

/** An average tells not of which model it is, but what it has averages of. */
function checkAverages(ema: EMA, model: Module): void {
  const describe = (
    tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  ): string[] => [...tensors].map(([name, { shape }]) => `${name} ${formatShape(shape)}`);
  const [own, averages] = [describe(model.stateDict()), describe(ema.stateDict().tensors)];
  const foreign =
    averages.find((name) => !own.includes(name)) ?? own.find((name) => !averages.includes(name));
  if (foreign === undefined) return;
  throw new ConfigError(
    `${WHERE}: ema: expected an average of the model's weights, got one of another model: only one of ` +
      `both has ${foreign}; make it by new EMA(model)`,
  );
}

function checkPosition({ position, epochs, train }: LiveRun): void {
  if (!position || position.isStopped === true) return;
  const { epoch, batch } = position;
  const batches = epoch > epochs ? 0 : train.length;
  if (epoch >= 1 && epoch <= epochs + 1 && batch <= batches) return;
  throw new ConfigError(
    `${WHERE}: state: expected a position within ${epochs} epochs of ${train.length} batches, got epoch ` +
      `${epoch} and batch ${batch}; give the epochs and the loader of the run that the state is of`,
  );
}
