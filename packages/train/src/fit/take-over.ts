import type { Tensor } from '@unfold/core';
import { Module, type Layer, type StateDict } from '@unfold/nn';
import { Optimizer, type OptimizerState } from '../optim/optimizer.js';
import { LRScheduler, type SchedulerState } from '../optim/schedules/scheduler.js';
import { ReduceLROnPlateau } from '../optim/schedules/plateau.js';
import { SequentialLR } from '../optim/schedules/sequential.js';
import { checkTensors, copyTensors, type PreparedState } from '../optim/state.js';
import type { Callback, RunState } from './callback.js';

/*
 * A run that is resumed takes over the states of many parts: all, or, where one is refused, none.
 * Unfold's own parts check first and change afterwards. A part of a program's own, or one whose
 * `loadStateDict` a program replaced, can only load at once; what it was before is kept, and given
 * back to it where a part after it is refused.
 */

/** Any kind of schedule: only its state matters here. */
export interface Schedule {
  stateDict(): SchedulerState;
  loadStateDict(state: SchedulerState): void;
}

/** Prepares all and takes them over. @throws What one of them throws, after all are let go of. */
export function takeOver(preparations: readonly (() => PreparedState)[]): void {
  const prepared: PreparedState[] = [];
  try {
    for (const prepare of preparations) prepared.push(prepare());
  } catch (error) {
    for (const state of prepared.reverse()) state.discard();
    throw error;
  }
  for (const state of prepared) state.commit();
}

/** @throws ShapeError, DTypeError or DisposedError for a state that is of another model. */
export function prepareModel(where: string, model: Layer, state: StateDict): PreparedState {
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
  for (const Kind of [LRScheduler, SequentialLR, ReduceLROnPlateau]) {
    if (schedule instanceof Kind && schedule.loadStateDict === Kind.prototype.loadStateDict) {
      return { commit: schedule.prepare(state), discard: () => {} };
    }
  }
  const before = structuredClone(schedule.stateDict());
  return loadAtOnce(
    () => schedule.loadStateDict(state),
    () => schedule.loadStateDict(before),
  );
}

/** Of a callback with a state. */
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

/** @throws What `load` throws, after `setBack` in case it had begun to change something. */
function loadAtOnce(load: () => void, setBack: () => void, free = (): void => {}): PreparedState {
  const discard = (): void => {
    try {
      setBack();
    } catch {
      // The error that is on its way is the one to mend.
    } finally {
      free();
    }
  };
  try {
    load();
  } catch (error) {
    discard();
    throw error;
  }
  return { commit: free, discard };
}
