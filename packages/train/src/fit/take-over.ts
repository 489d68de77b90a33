import type { Tensor } from '@unfold/core';
import { Module, type StateDict } from '@unfold/nn';
import type { AnyModel } from '../model.js';
import { EMA, type EMAState } from '../optim/ema.js';
import { Optimizer, type OptimizerState } from '../optim/optimizer.js';
import {
  loadScheduleAtOnce,
  LRScheduler,
  prepareScheduler,
  type Schedule,
  type SchedulerState,
} from '../optim/schedules/scheduler.js';
import { ReduceLROnPlateau } from '../optim/schedules/plateau.js';
import { SequentialLR } from '../optim/schedules/sequential.js';
import { checkTensors, copyTensors, loadAtOnce, type PreparedState } from '../optim/state.js';
import type { Callback, RunState } from './callback.js';

/*
 * A run that is resumed takes over the states of many parts: all, or, where one is refused, none.
 * Unfold's own parts check first and change afterwards. A part of a program's own, or one whose
 * `loadStateDict` a program replaced, can only load at once; what it was before is kept, and given
 * back to it where a part after it is refused.
 */

/** @throws ShapeError, DTypeError or DisposedError for a state that is of another model. */
export function prepareModel(where: string, model: AnyModel, state: StateDict): PreparedState {
  const load = (): void => model.loadStateDict(state);
  if (model.loadStateDict === Module.prototype.loadStateDict) {
    checkTensors(where, model.stateDict(), state);
    return { commit: load, discard: () => {} };
  }
  const before = [...model.stateDict().values()].map((own) => [own, own.toTypedArray()] as const);
  return loadAtOnce(load, () => {
    for (const [own, values] of before) own.update((data) => data.set(values));
  });
}

export function prepareOptimizer(optimizer: Optimizer, state: OptimizerState): PreparedState {
  if (optimizer.loadStateDict === Optimizer.prototype.loadStateDict) {
    return optimizer.prepare(state);
  }
  return replaceAtOnce(optimizer.stateDict(), state, (given) => optimizer.loadStateDict(given));
}

export function prepareSchedule(schedule: Schedule, state: SchedulerState): PreparedState {
  if (schedule instanceof LRScheduler) return prepareScheduler(schedule, state);
  for (const Kind of [SequentialLR, ReduceLROnPlateau]) {
    if (schedule instanceof Kind && schedule.loadStateDict === Kind.prototype.loadStateDict) {
      return schedule.prepare(state);
    }
  }
  return loadScheduleAtOnce(schedule, state);
}

export function prepareEma(ema: EMA, state: EMAState): PreparedState {
  if (ema.loadStateDict === EMA.prototype.loadStateDict) return ema.prepare(state);
  return replaceAtOnce(ema.stateDict(), state, (given) => ema.loadStateDict(given));
}

/** Prepares the state of a callback that has one. */
export function prepareCallback<Metric extends string>(
  callback: Callback<Metric>,
  state: RunState,
): PreparedState {
  const own = callback.stateDict?.();
  if (!own || !callback.loadStateDict) return { commit: () => {}, discard: () => {} };
  return replaceAtOnce(own, state, (given) => callback.loadStateDict?.(given));
}

/** Loads a state of tensors and JSON in place of the part's own. */
function replaceAtOnce<Json>(
  own: State<Json>,
  state: State<Json>,
  load: (state: State<Json>) => void,
): PreparedState {
  const before = { tensors: copyTensors(own.tensors), json: structuredClone(own.json) };
  return loadAtOnce(
    () => load(state),
    () => load(before),
    () => {
      for (const kept of before.tensors.values()) kept.dispose();
    },
  );
}

interface State<Json> {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly json: Json;
}
