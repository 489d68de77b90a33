import type { JsonData } from '@unfold/core';
import { asNumber, placeInPeriod, type ScheduleDescription } from '@unfold/train/internal';
import type { JsonObject } from '@unfold/train';
import { atom, call, list, type Argument, type Expression } from '../python.js';
import { pythonName } from '../names.js';

/** PyTorch's defaults of the options, which are left out. */
const DEFAULTS: Readonly<Record<string, JsonObject>> = {
  StepLR: { gamma: 0.1 },
  MultiStepLR: { gamma: 0.1 },
  LinearLR: { startFactor: 1 / 3, endFactor: 1, totalIters: 5 },
  CosineAnnealingLR: { etaMin: 0 },
  CosineAnnealingWarmRestarts: { tMult: 1, etaMin: 0 },
  OneCycleLR: {
    pctStart: 0.3,
    annealStrategy: 'cos',
    cycleMomentum: true,
    baseMomentum: 0.85,
    maxMomentum: 0.95,
    divFactor: 25,
    finalDivFactor: 10_000,
    threePhase: false,
  },
  ReduceLROnPlateau: {
    mode: 'min',
    factor: 0.1,
    patience: 10,
    threshold: 1e-4,
    thresholdMode: 'rel',
    cooldown: 0,
    minLr: 0,
    eps: 1e-8,
  },
};

/** Options that often are the length of the whole run. */
const LENGTHS = new Set(['totalSteps', 'totalIters', 'tMax']);

/** How long a run is, and what Python calls that. */
export interface RunLength {
  readonly name: string;
  readonly steps: number;
}

/**
 * How PyTorch makes the schedule of `optimizer`. Where it is as long as the run, it says so by the run's
 * name, so that it fits one of another length.
 * @param begun The steps of the schedules before it.
 */
export function scheduleExpression(
  { name, options, schedules }: ScheduleDescription,
  run: RunLength,
  begun = 0,
): Expression {
  if (name === 'SequentialLR') {
    const milestones = options['milestones'] as readonly number[];
    const parts = schedules.map((own, i) => scheduleExpression(own, run, milestones[i - 1] ?? 0));
    return call(`lr_scheduler.${name}`, [atom('optimizer'), list(parts)], { milestones });
  }
  const defaults = DEFAULTS[name] ?? {};
  const left = run.steps - begun;
  const named = Object.entries(plain(name, options))
    .filter(([option, value]) => value !== defaults[option])
    // What has no default comes first.
    .sort(([one], [other]) => Number(one in defaults) - Number(other in defaults))
    .map(([option, value]): [string, Argument] => {
      const isRest = LENGTHS.has(option) && value === left;
      const rest = begun === 0 ? run.name : `${run.name} - ${begun}`;
      return [pythonName(option), isRest ? atom(rest) : (value as JsonData)];
    });
  return call(`lr_scheduler.${name}`, [atom('optimizer')], Object.fromEntries(named));
}

/** Of two ways to give OneCycleLR its length, one. */
function plain(name: string, options: ScheduleDescription['options']): JsonObject {
  if (name !== 'OneCycleLR') return options;
  const { epochs, stepsPerEpoch, totalSteps, ...others } = options;
  return { ...others, totalSteps: totalSteps ?? Number(epochs) * Number(stepsPerEpoch) };
}

/** A schedule's state as PyTorch's `load_state_dict` takes it. */
export function scheduleState(
  { name, options, schedules }: ScheduleDescription,
  state: JsonObject,
): JsonObject {
  if (name === 'ReduceLROnPlateau') {
    const { best, badSteps, cooldownLeft, lrs } = state;
    return {
      // PyTorch's own beginning is infinite, for which JSON has no number.
      ...(best !== null && { best }),
      num_bad_epochs: badSteps,
      cooldown_counter: cooldownLeft,
      _last_lr: lrs,
    };
  }
  const count = asNumber(`eject: ${name}: count`, state['count']);
  if (name === 'SequentialLR') {
    const states = state['schedulers'] as readonly JsonObject[];
    const parts = schedules.map((own, i) => scheduleState(own, states[i] ?? {}));
    return { last_epoch: count, _schedulers: parts, _last_lr: states[0]?.['lrs'] };
  }
  const { baseLrs, lrs } = state;
  return {
    last_epoch: count,
    _step_count: count + 1,
    base_lrs: baseLrs,
    _last_lr: lrs,
    ...(name === 'CosineAnnealingWarmRestarts' && periodState(count, options)),
  };
}

function periodState(count: number, { t0, tMult }: ScheduleDescription['options']): JsonObject {
  const { position, period } = placeInPeriod(count, { t0: Number(t0), tMult: Number(tMult) });
  return { T_cur: position, T_i: period };
}
