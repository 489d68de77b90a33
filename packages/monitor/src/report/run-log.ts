import { ConfigError, elementsOf, tensor, unscoped, type Tensor } from '@unfold/core';
import { requireNoArguments } from '@unfold/core/internal';
import type { Callback, EpochReport, RunState, StepReport, TrainingRun } from '@unfold/train';
import { asHistory, asNumber, asObject, checkTensors } from '@unfold/train/internal';

/** The steps of a run in columns: place i of each belongs to the same step. */
export interface StepSeries {
  /** Rising. The first is 1 unless the log began later than the run. */
  readonly step: Float64Array;
  /** The batch's mean loss before the update. */
  readonly loss: Float64Array;
  /** The first group's learning rate. */
  readonly lr: Float64Array;
  /** The Euclidean norm of all gradients before clipping; NaN where it was not measured. */
  readonly gradNorm: Float64Array;
}

const COLUMNS = ['step', 'loss', 'lr', 'gradNorm'] as const;

/**
 * Remembers loss, learning rate and gradient norm of every step of `fit`, and the reports of the
 * epochs: 32 bytes a step. Its state goes into checkpoints, so that the log of a run that was resumed
 * is that of the whole run.
 *
 * ```ts
 * const log = new RunLog();
 * await fit(model, { …, callbacks: [log] });
 * log.steps.loss; // one number a step
 * ```
 */
export class RunLog implements Callback {
  /** Names its state in checkpoints. */
  readonly name = 'runLog';
  readonly #columns = {
    step: new Column(),
    loss: new Column(),
    lr: new Column(),
    gradNorm: new Column(),
  };
  #epochs: EpochReport[] = [];
  /** The tensors of the last `stateDict`, which are the log's to free. */
  #given: readonly Tensor[] = [];

  constructor(...given: readonly never[]) {
    requireNoArguments('RunLog', given, 'it remembers every step');
  }

  /** The steps so far: copies, which stay as they are. */
  get steps(): StepSeries {
    const { step, loss, lr, gradNorm } = this.#columns;
    return {
      step: step.values(),
      loss: loss.values(),
      lr: lr.values(),
      gradNorm: gradNorm.values(),
    };
  }

  /** The epochs that ended. */
  get epochs(): readonly EpochReport[] {
    return [...this.#epochs];
  }

  /** Forgets what lies beyond the run's last step: a run that starts anew has an empty log. */
  onTrainBegin(run: TrainingRun): void {
    const steps = this.#columns.step.values().filter((step) => step <= run.step).length;
    for (const column of Object.values(this.#columns)) column.truncate(steps);
    this.#epochs = [...run.history];
  }

  /** Adds a step. */
  onStepEnd({ step, loss, lr, gradNorm }: StepReport): void {
    this.#columns.step.push(step);
    this.#columns.loss.push(loss);
    this.#columns.lr.push(lr);
    this.#columns.gradNorm.push(gradNorm ?? NaN);
  }

  /** Adds an epoch. */
  onEpochEnd(report: EpochReport): void {
    this.#epochs.push(report);
  }

  /** Frees what `stateDict` gave: no checkpoint needs it any more. */
  onTrainEnd(): void {
    this.dispose();
  }

  /** The same where the run fails. */
  onError(): void {
    this.dispose();
  }

  /**
   * Four float64 tensors, a value for each step, and the epochs. The tensors belong to no scope; they
   * live until the next call, the end of the run, or `dispose`.
   */
  stateDict(): RunState {
    this.dispose();
    const tensors = unscoped(
      () => new Map(COLUMNS.map((name) => [name, tensor(this.#columns[name].values())])),
    );
    this.#given = [...tensors.values()];
    return { tensors, json: { steps: this.#columns.step.length, epochs: this.epochs } };
  }

  /**
   * Takes over a state that `stateDict` gave. The tensors are copied. All is checked before anything
   * is changed.
   * @throws ShapeError, DTypeError or DisposedError for tensors that do not fit; ConfigError for a
   * state that is damaged.
   */
  loadStateDict(state: RunState): void {
    const where = 'RunLog.loadStateDict';
    const { tensors, json } = asObject(where, state);
    const saved = asObject(where, json);
    const steps = asNumber(`${where}: steps`, saved['steps'], { integer: true });
    const epochs = asHistory(`${where}: epochs`, saved['epochs']);
    const target = { shape: [steps], dtype: 'float64' };
    const expected = new Map(COLUMNS.map((name) => [name as string, target]));
    const given = new Map(
      checkTensors(where, expected, tensors).map(({ name, source }) => [
        name,
        Float64Array.from(elementsOf(source)),
      ]),
    );
    checkRising(`${where}: step`, given.get('step') ?? []);
    for (const name of COLUMNS) this.#columns[name].replace(given.get(name) ?? new Float64Array());
    this.#epochs = epochs;
  }

  /** Frees the tensors of the last `stateDict`; the log itself holds none. */
  dispose(): void {
    for (const given of this.#given) given.dispose();
    this.#given = [];
  }
}

/** Numbers that more are added to; the room doubles when it is full. */
class Column {
  #room = new Float64Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#room.length) {
      const larger = new Float64Array(2 * this.#room.length);
      larger.set(this.#room);
      this.#room = larger;
    }
    this.#room[this.#length++] = value;
  }

  /** A copy. */
  values(): Float64Array {
    return this.#room.slice(0, this.#length);
  }

  truncate(length: number): void {
    this.#length = length;
  }

  replace(values: Float64Array): void {
    this.#room = new Float64Array(Math.max(256, values.length));
    this.#room.set(values);
    this.#length = values.length;
  }
}

function checkRising(where: string, steps: ArrayLike<number>): void {
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] as number;
    if (!Number.isSafeInteger(step) || step <= (i === 0 ? 0 : (steps[i - 1] as number))) {
      throw new ConfigError(`${where}[${i}]: expected rising integers from 1, got ${step}`);
    }
  }
}
