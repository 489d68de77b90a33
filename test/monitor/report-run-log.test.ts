import {
  ConfigError,
  DTypeError,
  findLeaks,
  Scope,
  ShapeError,
  tensor,
  type Tensor,
} from '@unfold/core';
import { decodeSafetensors, encodeSafetensors } from '@unfold/io';
import { RunLog } from '@unfold/monitor';
import { describe, expect, it } from 'vitest';
import type { RunState } from '../../packages/train/src/fit/callback.js';
import { epochReport, stepReport, trainingRun } from '../support/runs/training-records.js';

/** A log of `steps` steps, of which the norm of every third was not measured. */
function logOf(steps: number, epochs = 0): RunLog {
  const log = new RunLog();
  addSteps(log, 1, steps);
  for (let epoch = 1; epoch <= epochs; epoch++) log.onEpochEnd(epochReport(epoch));
  return log;
}

function addSteps(log: RunLog, from: number, to: number): void {
  for (let step = from; step <= to; step++) {
    const gradNorm = step % 3 === 0 ? null : step / 7;
    log.onStepEnd(stepReport(step, { loss: 1 / step, lr: 0.1 / step, gradNorm }));
  }
}

/** As a file has it: tensors by safetensors, the rest by JSON. */
function throughFile({ tensors, json }: RunState): RunState {
  const file = encodeSafetensors(new Map(tensors), { log: JSON.stringify(json) });
  const { state, metadata } = decodeSafetensors(file);
  return { tensors: state, json: JSON.parse(metadata['log'] ?? '') };
}

describe('a log of steps', () => {
  it('has a value of each for each step, and NaN for a norm that was not measured', () => {
    const { step, loss, lr, gradNorm } = logOf(3).steps;
    expect([...step]).toEqual([1, 2, 3]);
    expect([...loss]).toEqual([1, 1 / 2, 1 / 3]);
    expect([...lr]).toEqual([0.1, 0.1 / 2, 0.1 / 3]);
    expect([...gradNorm]).toEqual([1 / 7, 2 / 7, NaN]);
  });

  it('grows beyond its first room, and gives copies', () => {
    const log = logOf(1000);
    const { step } = log.steps;
    expect(step).toEqual(Float64Array.from({ length: 1000 }, (_, i) => i + 1));
    step.fill(0);
    expect(log.steps.step[999]).toBe(1000);
  });

  it('has the epochs that ended', () => {
    expect(logOf(2, 2).epochs).toEqual([epochReport(1), epochReport(2)]);
    expect(logOf(2).epochs).toEqual([]);
  });
});

describe('the beginning of a run', () => {
  it('empties the log of the run before', () => {
    const log = logOf(5, 1);
    log.onTrainBegin(trainingRun());
    expect(log.steps.loss).toHaveLength(0);
    expect(log.epochs).toEqual([]);
    addSteps(log, 1, 2);
    expect([...log.steps.step]).toEqual([1, 2]);
  });

  it('of a run that is resumed forgets what the run does again', () => {
    const log = logOf(5, 2);
    log.onTrainBegin(trainingRun({ step: 3, history: [epochReport(1)] }));
    expect([...log.steps.step]).toEqual([1, 2, 3]);
    expect(log.epochs).toEqual([epochReport(1)]);
  });

  it('of a run that is resumed without the log begins there', () => {
    const log = new RunLog();
    log.onTrainBegin(trainingRun({ step: 10, history: [epochReport(1)] }));
    addSteps(log, 11, 12);
    expect([...log.steps.step]).toEqual([11, 12]);
    expect(log.epochs).toEqual([epochReport(1)]);
  });
});

describe('the state of a log', () => {
  it.each([0, 1, 256, 700])('of %i steps comes back bit by bit from a file', (steps) => {
    const log = logOf(steps, 2);
    const other = logOf(4, 1);
    other.loadStateDict(throughFile(log.stateDict()));
    expect(other.steps).toEqual(log.steps);
    expect(other.epochs).toEqual(log.epochs);
    addSteps(log, steps + 1, steps + 300);
    addSteps(other, steps + 1, steps + 300);
    expect(other.steps).toEqual(log.steps);
  });

  it('keeps epochs without validation, and those of other metrics', () => {
    const log = new RunLog();
    log.onEpochEnd(epochReport(1, { validation: null, train: { loss: 1, top5: 0.5 } }));
    const other = new RunLog();
    other.loadStateDict(throughFile(log.stateDict()));
    expect(other.epochs).toEqual(log.epochs);
  });

  it('is plain JSON and four columns of float64', () => {
    const { tensors, json } = logOf(3, 1).stateDict();
    expect(json).toEqual({ steps: 3, epochs: [epochReport(1)] });
    expect([...tensors].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual(
      ['step', 'loss', 'lr', 'gradNorm'].map((name) => [name, 'float64', [3]]),
    );
  });

  it('is freed by no scope', () => {
    const log = logOf(3);
    const { tensors } = Scope.run(() => ({ tensors: log.stateDict().tensors as object })) as {
      tensors: ReadonlyMap<string, Tensor>;
    };
    expect(tensors.get('loss')?.toArray()).toEqual([1, 1 / 2, 1 / 3]);
  });

  it.each<[string, (log: RunLog) => void]>([
    ['the end of the run', (log) => log.onTrainEnd()],
    ['an error', (log) => log.onError()],
    ['dispose', (log) => log.dispose()],
  ])('is freed by the next, and the last one by %s', async (_, end) => {
    const leaks = await findLeaks(() => {
      const log = logOf(3);
      log.stateDict();
      log.stateDict();
      end(log);
    });
    expect(leaks).toEqual([]);
    const alive = await findLeaks(() => {
      const log = logOf(3);
      log.stateDict();
      log.stateDict();
    });
    expect(alive).toHaveLength(4);
  });

  it('may be loaded by the log itself', () => {
    const log = logOf(5, 1);
    const { steps, epochs } = log;
    log.loadStateDict(log.stateDict());
    expect(log.steps).toEqual(steps);
    expect(log.epochs).toEqual(epochs);
  });
});

describe('a state that does not fit', () => {
  const column = (...values: number[]): Tensor => tensor(Float64Array.from(values));
  const columns = (changes: Record<string, Tensor> = {}): ReadonlyMap<string, Tensor> =>
    new Map(
      Object.entries({
        step: column(1, 2),
        loss: column(3, 4),
        lr: column(5, 6),
        gradNorm: column(7, 8),
        ...changes,
      }),
    );
  const json = { steps: 2, epochs: [epochReport(1)] };
  const where = 'RunLog.loadStateDict';

  it.each<[string, RunState, Error]>([
    [
      'of another length',
      { tensors: columns({ loss: column(1) }), json },
      new ShapeError(`${where}: the state does not fit: loss: expected [2], got [1]`),
    ],
    [
      'of other columns',
      { tensors: new Map([['step', column(1, 2)]]), json },
      new ShapeError(`${where}: the state does not fit: missing: loss, lr, gradNorm`),
    ],
    [
      'of another type',
      { tensors: columns({ lr: tensor([1, 2]) }), json },
      new DTypeError(`${where}: lr is float64, got float32; load it into a model of that dtype`),
    ],
    [
      'whose steps fall',
      { tensors: columns({ step: column(5, 5) }), json },
      new ConfigError(`${where}: step[1]: expected rising integers from 1, got 5`),
    ],
    [
      'whose steps are none',
      { tensors: columns({ step: column(0, 1) }), json },
      new ConfigError(`${where}: step[0]: expected rising integers from 1, got 0`),
    ],
    [
      'without a count',
      { tensors: columns(), json: { epochs: [] } },
      new ConfigError(`${where}: steps: expected an integer from 0, got undefined`),
    ],
    [
      'without epochs',
      { tensors: columns(), json: { steps: 2 } },
      new ConfigError(`${where}: epochs: expected a list of epochs' reports`),
    ],
    [
      'with half an epoch',
      { tensors: columns(), json: { steps: 2, epochs: [{ ...epochReport(1), lr: '1' }] } },
      new ConfigError(`${where}: epochs[0].lr: expected a finite number, got '1'`),
    ],
    [
      'with a score that is none',
      { tensors: columns(), json: { steps: 2, epochs: [{ ...epochReport(1), train: {} }] } },
      new ConfigError(`${where}: epochs[0].train.loss: expected a finite number, got undefined`),
    ],
  ])('%s is refused, and nothing changes', (_, state, error) => {
    const log = logOf(3, 1);
    expect(() => log.loadStateDict(state)).toThrow(error);
    expect(() => log.loadStateDict(state)).toThrow(error.constructor as typeof ConfigError);
    expect([...log.steps.step]).toEqual([1, 2, 3]);
    expect(log.epochs).toEqual([epochReport(1)]);
  });
});
