import {
  compile,
  type Compiled,
  ConfigError,
  mul,
  type Parameter,
  Tape,
  type Tensor,
} from '@unfold/core';
import { leavesOf } from '@unfold/core/internal';
import { type AnyBatch, type Batch, inputsOf, type WholeBatch, wholeBatch } from '../data/batch.js';
import { type AnyModel, type InputsOf, type Model, outputOf } from '../model.js';
import { areFinite, NonFiniteLossError } from '../non-finite.js';
import { checkFinite, clipGradNorm, euclideanNorm } from '../optim/clip.js';
import type { EMA } from '../optim/ema.js';
import type { Optimizer } from '../optim/optimizer.js';
import { ReduceLROnPlateau } from '../optim/schedules/plateau.js';
import type { Schedule } from '../optim/schedules/scheduler.js';
import { callInTurns, type Callable } from '../turns.js';
import type {
  Callback,
  EpochReport,
  FitResult,
  SavePoint,
  Scores,
  StepReport,
  TrainingRun,
} from './callback.js';
import { type AnyLoss, finiteLoss, lossOf, requireLoss } from './loss.js';
import { type AnyMetrics, measure, Meter } from './measure.js';
import { takePart } from './one-run.js';
import { checkFitOptions, type FitOptions, type RunOptions } from './options.js';
import { captureState, type Parts, Position, type Randomness, restoreState } from './run-state.js';
import { type Batches, batchesOf, type Source, sourceOf } from './source.js';

/**
 * Trains a model: in each epoch the steps over all batches of `train`, then the measures of
 * `validation`. A batch is `{ inputs, targets }`, of which the model is given the inputs, a tensor or lists
 * and plain objects of tensors, and the loss the output and the batch; or `{ images, labels }`.
 * Everything it does can be done by hand with the same public parts; docs/training.md shows how. It never
 * sees test data.
 *
 * A run that was stopped and resumed ends with the same bits as one that never was, if its callbacks
 * and options are the same, and all randomness comes from the loader's generator or from global
 * streams.
 * @throws NonFiniteLossError or NonFiniteGradientError, naming step and layer, when a loss or norm is
 * no finite number; ConfigError for options that are wrong, a state that does not fit them, or a
 * callback with a state that takes part in another run now; what a callback throws.
 */
export async function fit<
  Metric extends string = never,
  B extends AnyBatch = Batch,
  Output = Tensor,
>(
  model: Model<InputsOf<B>, Output>,
  options: FitOptions<Metric, B, Output>,
): Promise<FitResult<Metric>> {
  // They fit each other, as the types above say.
  const training = new Training(model as AnyModel, options as unknown as RunOptions<Metric>);
  const leave = takePart(options.callbacks ?? []);
  try {
    return await training.run();
  } catch (error) {
    await training.tellError(error);
    throw error;
  } finally {
    training.dispose();
    leave();
  }
}

/** The output of a batch that was learnt from, and its loss. */
interface Learnt {
  readonly output: unknown;
  readonly loss: Tensor;
}

/** Adds the gradients of one of `batches` batches to the parameters', the first of which drops them. */
type Learn = Callable<[batch: WholeBatch<AnyBatch>, batches: number, isFirst: boolean], Learnt>;

/** One call of `fit`. */
class Training<Metric extends string> implements TrainingRun<Metric> {
  readonly model: AnyModel;
  readonly optimizer: Optimizer;
  readonly ema: EMA | null;
  readonly epochs: number;
  readonly history: EpochReport<Metric>[] = [];
  readonly #options: RunOptions<Metric>;
  readonly #source: Source;
  readonly #validation: ((epoch: number) => Batches<AnyBatch>) | null;
  readonly #parameters: readonly Parameter[];
  readonly #loss: AnyLoss;
  readonly #metrics: AnyMetrics<Metric>;
  readonly #accumulate: number;
  readonly #callbacks: readonly Callback<Metric>[];
  readonly #meter: Meter<Metric>;
  readonly #position = new Position();
  /** Steps of the last epoch that ended in this run. */
  #stepsOfLastEpoch: number | null = null;
  #isCheckedForStrays = false;
  readonly #learn: Learn;
  readonly #descend: Callable<[], void>;
  /** The two as programs; none where they run as they are. */
  readonly #programs: readonly Compiled<never, unknown>[];

  constructor(model: AnyModel, options: RunOptions<Metric>) {
    checkFitOptions(model, options);
    const { train, validation, epochs, optimizer, ema, accumulate = 1, callbacks = [] } = options;
    this.#source = sourceOf('fit: train', train, epochs);
    this.#validation = validation ? batchesOf('fit: validation', validation) : null;
    this.#loss = lossOf('fit', options.loss);
    this.#options = options;
    this.model = model;
    this.optimizer = optimizer;
    this.ema = ema ?? null;
    this.epochs = epochs;
    this.#parameters = optimizer.groups.flatMap(({ params }) => params);
    // Left out only where there is no name of a metric.
    this.#metrics = options.metrics ?? ({} as AnyMetrics<Metric>);
    this.#accumulate = accumulate;
    this.#callbacks = callbacks;
    this.#meter = new Meter(this.#metrics);
    const learn = (...given: Parameters<Learn>): Learnt => this.#gradients(...given);
    const descend = (): void => {
      optimizer.step();
      ema?.update();
    };
    const guarded = { modules: [model], fallback: true, compare: true };
    const isCompiled = options.compile ?? true;
    const programs = isCompiled
      ? { learn: compile(learn, guarded), descend: compile(descend, guarded) }
      : null;
    this.#programs = programs ? [programs.learn, programs.descend] : [];
    this.#learn = programs?.learn ?? learn;
    this.#descend = programs?.descend ?? descend;
  }

  /** Frees the programs. */
  dispose(): void {
    for (const program of this.#programs) program.dispose();
  }

  get epoch(): number {
    return this.#position.epoch;
  }

  get step(): number {
    return this.#position.step;
  }

  get stepInEpoch(): number {
    return Math.ceil(this.#position.batch / this.#accumulate);
  }

  get stepsPerEpoch(): number | null {
    const { length } = this.#source;
    return length === null ? this.#stepsOfLastEpoch : Math.ceil(length / this.#accumulate);
  }

  stop(reason: string): void {
    this.#position.stopped = reason;
  }

  /** Calls all callbacks, one after the other. */
  async tell(call: (callback: Callback<Metric>) => unknown): Promise<void> {
    for (const callback of this.#callbacks) await call(callback);
  }

  /** Tells all callbacks of the error that ends the run, and lets none hide it by one of its own. */
  async tellError(error: unknown): Promise<void> {
    for (const callback of this.#callbacks) {
      try {
        await callback.onError?.(error, this);
      } catch {
        // The first error is the one to mend.
      }
    }
  }

  async run(): Promise<FitResult<Metric>> {
    const position = this.#position;
    const { resume } = this.#options;
    const restoreRandomness = resume ? restoreState(resume, this.#parts) : null;
    await this.tell((callback) => callback.onTrainBegin?.(this));
    restoreRandomness?.();
    // A run may have been saved after it was told to stop, and before its epoch had ended.
    while (position.epoch <= this.epochs && (position.stopped === null || position.isBegun)) {
      const interruption = (await this.#trainEpoch()) ?? (await this.#endEpoch());
      if (!interruption) continue;
      await this.#offer('stop', () => interruption);
      return this.#end(false);
    }
    this.ema?.apply();
    return this.#end(true);
  }

  /**
   * Trains on the batches that are left of the epoch in hand.
   * @returns Null; or where randomness stands, if the signal ended it early.
   */
  async #trainEpoch(): Promise<Randomness | null> {
    const { generator, length } = this.#source;
    const position = this.#position;
    this.model.train();
    // What a program can't see, such as a number that is drawn, shows when it is recorded again.
    // In short epochs that would be most of the steps.
    if ((this.stepsPerEpoch ?? 0) >= 10 || position.epoch % 10 === 0) {
      for (const program of this.#programs) program.recheck();
    }
    await this.tell((callback) => callback.onEpochBegin?.(this));
    const { drawn, saved } = position.beginEpoch(generator);
    let step = new StepInHand();
    let begin = performance.now();
    /** @param isOffered Whether the run can be saved after it. */
    const update = async (isOffered = true): Promise<void> => {
      await this.tell((callback) => callback.onGradients?.(this));
      const report = await this.#update(step);
      position.seconds += (performance.now() - begin) / 1000;
      step = new StepInHand();
      await this.tell((callback) => callback.onStepEnd?.(report, this));
      if (isOffered) await this.#offer('step', () => position.randomness(generator));
      begin = performance.now();
    };
    let isDrawn = false;
    const draw = (): void => {
      isDrawn = true;
      drawn();
    };
    const batches = this.#source.from(position.epoch, position.batch)[Symbol.asyncIterator]();
    try {
      if (this.#source.skips) {
        for (let i = 0; i < position.batch; i++) await batches.next();
        // Before anything is drawn for the next batch: the run was saved before that.
        draw();
      }
      while (true) {
        // Before a batch is asked for, which the source would count as given. The batches of one step are
        // never torn apart: half a step's gradients are in no checkpoint.
        if (step.batches === 0 && this.#isAborted && position.batch !== length) {
          return isDrawn ? position.randomness(generator) : (saved ?? position.notBegun(generator));
        }
        const next = await batches.next();
        if (next.done) break;
        draw();
        const batch = wholeBatch('fit: train', next.value);
        if (position.batch === length) {
          throw new ConfigError(
            `fit: train: expected ${length} batches, as its length says, got more`,
          );
        }
        await this.tell((callback) => callback.onBatch?.(batch, this));
        await this.#learnFrom(batch, step);
        if (step.batches === this.#accumulate || position.batch === length) await update();
      }
    } finally {
      await batches.return?.();
    }
    drawn();
    if (step.batches > 0) {
      // The end came unannounced: their losses were weighed as those of more batches.
      this.#weighAnew(this.#accumulate / step.batches);
      step.loss *= this.#accumulate / step.batches;
      // The source stands at the next epoch already; the run can be saved when this one has ended.
      await update(false);
    }
    this.#stepsOfLastEpoch = this.stepInEpoch;
    return null;
  }

  /** Multiplies all gradients. */
  #weighAnew(factor: number): void {
    for (const { grad } of this.#parameters) {
      grad?.update((data) => {
        for (let i = 0; i < data.length; i++) data[i] *= factor;
      });
    }
  }

  /** Adds the gradients of one batch. */
  async #learnFrom(batch: WholeBatch<AnyBatch>, step: StepInHand): Promise<void> {
    const begin = performance.now();
    const position = this.#position;
    const left = (this.#source.length ?? Infinity) - position.batch;
    // The last step of an epoch may have fewer batches.
    const batches = step.batches + Math.min(this.#accumulate - step.batches, left);
    await callInTurns(this.#learn, [batch, batches, step.batches === 0], ({ output, loss }) => {
      const value = this.#checkedLoss(batch, loss);
      this.#meter.add(value, output, batch);
      position.batch++;
      step.batches++;
      step.size += batch.size;
      step.loss += value / batches;
      step.milliseconds += performance.now() - begin;
    });
  }

  /** The gradients of one batch, as one function of it. */
  #gradients(batch: WholeBatch<AnyBatch>, batches: number, isFirst: boolean): Learnt {
    if (isFirst) this.optimizer.zeroGrad();
    return Tape.run((tape) => {
      const output = outputOf('fit', this.model, inputsOf(batch));
      const loss = this.#loss(output, batch);
      requireLoss(loss);
      tape.backward(batches === 1 ? loss : mul(loss, 1 / batches));
      this.#warnOfStrays(tape);
      return { output, loss };
    });
  }

  /** Says once, after the first batch, which parameters are not the optimiser's and got a gradient. */
  #warnOfStrays(tape: Tape): void {
    if (this.#isCheckedForStrays) return;
    this.#isCheckedForStrays = true;
    const known = new Set<Tensor>(this.#parameters);
    const strays = [...leavesOf(tape)].filter((leaf) => leaf.grad !== null && !known.has(leaf));
    if (strays.length === 0) return;
    const names = new Map<Tensor, string>();
    for (const [name, parameter] of this.model.namedParameters()) names.set(parameter, name);
    const unknown = strays.filter((leaf) => !names.has(leaf));
    const shown = strays.slice(0, 8).map((leaf) => names.get(leaf) ?? `a ${leaf.describe()}`);
    // For the person at the screen: the run is as they wrote it, and may be what they want.
    // oxlint-disable-next-line no-console
    console.warn(
      `fit: expected gradients for the optimiser's parameters only, got some for ${strays.length} ` +
        `other(s), which will not change: ${shown.join(', ')}${strays.length > 8 ? ', …' : ''}. ` +
        (unknown.length === 0
          ? 'Give the optimiser model.parameters(), or freeze() what is to stay as it is'
          : `The model does not find ${unknown.length} of them: keep layers in properties, arrays, ` +
            'Maps, Sets or plain objects of a Module, not in #private fields, or set requiresGrad ' +
            'to false'),
    );
  }

  /** @throws NonFiniteLossError, naming step and layer. */
  #checkedLoss(batch: WholeBatch<AnyBatch>, loss: Tensor): number {
    const where = `step ${this.step + 1} (epoch ${this.epoch})`;
    try {
      return finiteLoss(where, this.model, inputsOf(batch), loss);
    } catch (error) {
      if (!(error instanceof NonFiniteLossError) || !areFinite(inputsOf(batch))) throw error;
      throw new NonFiniteLossError(`${error.message}. A smaller learning rate usually helps`);
    }
  }

  /** Changes the parameters by the gradients that were added up. */
  async #update(step: StepInHand): Promise<StepReport> {
    const { scheduler, clipGradNorm: maxNorm, gradNorm: isMeasured } = this.#options;
    const position = this.#position;
    const begin = performance.now();
    let gradNorm: number | null = null;
    if (maxNorm !== undefined) gradNorm = clipGradNorm(this.#parameters, maxNorm);
    else if (isMeasured) {
      gradNorm = euclideanNorm(this.#parameters);
      const where = `step ${this.step + 1} (epoch ${this.epoch})`;
      checkFinite(where, gradNorm, this.#parameters, (index) => this.#nameOf(index));
    }
    const { lr } = this.optimizer;
    position.lr = lr;
    await callInTurns(this.#descend, [], () => {});
    scheduler?.step?.step();
    position.step++;
    return {
      step: position.step,
      epoch: position.epoch,
      stepInEpoch: this.stepInEpoch,
      loss: step.loss,
      size: step.size,
      lr,
      gradNorm,
      milliseconds: step.milliseconds + (performance.now() - begin),
    };
  }

  /** The name of a parameter, by its place among the optimiser's. */
  #nameOf(index: number): string {
    for (const [name, parameter] of this.model.namedParameters()) {
      if (parameter === this.#parameters[index]) return name;
    }
    return `parameter ${index}`;
  }

  /**
   * Validates, and ends the epoch.
   * @returns Null; or where randomness stood before, if the signal ended the validation early.
   */
  async #endEpoch(): Promise<Randomness | null> {
    const { generator } = this.#source;
    const position = this.#position;
    if (this.#meter.images === 0) {
      throw new ConfigError(
        `fit: train: expected at least one batch, got none in epoch ${this.epoch}`,
      );
    }
    const before = position.randomness(generator);
    const validation = await this.#validate();
    if (validation === 'aborted') return before;
    const report: EpochReport<Metric> = {
      epoch: position.epoch,
      train: this.#meter.scores(),
      validation,
      lr: position.lr,
      seconds: position.seconds,
      images: this.#meter.images,
    };
    this.history.push(report);
    await this.tell((callback) => callback.onEpochEnd?.(report, this));
    this.#stepEpochSchedule(report);
    position.nextEpoch();
    this.#meter.reset();
    await this.#offer('epoch', () => position.randomness(generator));
    return null;
  }

  async #validate(): Promise<Scores<Metric> | 'aborted' | null> {
    const { signal } = this.#options;
    if (!this.#validation) return null;
    await this.tell((callback) => callback.onValidationBegin?.(this));
    this.ema?.apply();
    try {
      const scores = await measure({
        operation: 'fit: validation',
        where: `validation after step ${this.step} (epoch ${this.epoch})`,
        model: this.model,
        data: this.#validation(this.epoch),
        loss: this.#loss,
        metrics: this.#metrics,
        signal,
        isCompiled: this.#programs.length > 0,
      });
      await this.tell((callback) => callback.onValidationEnd?.(scores, this));
      return scores;
    } catch (error) {
      if (this.#isAborted && error === signal?.reason) return 'aborted';
      throw error;
    } finally {
      this.ema?.restore();
    }
  }

  #stepEpochSchedule({ train, validation }: EpochReport<Metric>): void {
    const schedule = this.#options.scheduler?.epoch;
    if (schedule instanceof ReduceLROnPlateau) schedule.step((validation ?? train).loss);
    else schedule?.step();
  }

  /** Tells the callbacks that the run can be saved. */
  async #offer(kind: SavePoint['kind'], randomness: () => Randomness): Promise<void> {
    const point = { kind, state: () => captureState(this.#parts, randomness()) };
    await this.tell((callback) => callback.onSavePoint?.(point, this));
  }

  async #end(finished: boolean): Promise<FitResult<Metric>> {
    const { stopped, step: steps } = this.#position;
    const result = { finished, stopped, history: this.history, steps };
    await this.tell((callback) => callback.onTrainEnd?.(result, this));
    return result;
  }

  get #isAborted(): boolean {
    return this.#options.signal?.aborted ?? false;
  }

  get #parts(): Parts<Metric> {
    const { scheduler } = this.#options;
    const schedules = new Map<string, Schedule>();
    if (scheduler?.step) schedules.set('step', scheduler.step);
    if (scheduler?.epoch) schedules.set('epoch', scheduler.epoch);
    return {
      model: this.model,
      optimizer: this.optimizer,
      ema: this.ema,
      schedules,
      callbacks: this.#callbacks,
      source: this.#source,
      position: this.#position,
      meter: this.#meter,
      history: this.history,
      shape: {
        images: this.#source.examples,
        batches: this.#source.length,
        accumulate: this.#accumulate,
      },
    };
  }
}

/** The figures of a step before its update. */
class StepInHand {
  /** The batches that have added their gradients. */
  batches = 0;
  size = 0;
  loss = 0;
  milliseconds = 0;
}
