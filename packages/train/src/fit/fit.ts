import {
  compile,
  type Compiled,
  ConfigError,
  mul,
  type OptionRules,
  Tape,
  type Parameter,
  type Tensor,
} from '@unfold/core';
import { type Layer, Module } from '@unfold/nn';
import { requireBatches, requireModel, requireOptimizer, requireSignal } from '../arguments.js';
import { emptyError } from '../data/dataset.js';
import { type Batch, type BatchLoader, requireBatch } from '../data/batches.js';
import { NonFiniteLossError } from '../non-finite.js';
import { checkFinite, clipGradNorm, euclideanNorm } from '../optim/clip.js';
import { EMA } from '../optim/ema.js';
import type { Optimizer } from '../optim/optimizer.js';
import {
  atLeast0,
  checkedInUse,
  checkOption,
  checkOptions,
  flag,
  functionRule,
  isOptions,
  leavesOf,
  nearest,
  positiveCount,
  valueText,
} from '@unfold/core/internal';
import { ReduceLROnPlateau } from '../optim/schedules/plateau.js';
import type { Schedule, Scheduler } from '../optim/schedules/scheduler.js';
import type { StopSignal } from '../stop-signal.js';
import { callInTurns, type Callable } from '../turns.js';
import type {
  Callback,
  EpochReport,
  FitResult,
  RunState,
  SavePoint,
  Scores,
  StepReport,
  TrainingRun,
} from './callback.js';
import {
  classLoss,
  finiteLoss,
  type Loss,
  measure,
  Meter,
  type Metrics,
  requireLoss,
} from './measure.js';
import { takePart } from './one-run.js';
import {
  captureState,
  namedCallbacks,
  type Parts,
  Position,
  type Randomness,
  restoreState,
} from './run-state.js';

/** Schedules of the learning rate, by when their `step` is called. */
export interface FitSchedules {
  /** After every step. */
  readonly step?: Scheduler;
  /** After every epoch; on a plateau with the validation loss, or the training loss without such. */
  readonly epoch?: Scheduler | ReduceLROnPlateau;
}

/** The parts that `fit` needs, and others that it can do with. */
export interface FitOptions<Metric extends string = never> {
  /** The batches to learn from. */
  readonly train: BatchLoader;
  /** The batches that each epoch is measured on, in evaluation mode. Default: none. */
  readonly validation?: AsyncIterable<Batch> | Iterable<Batch>;
  /** At least 1. */
  readonly epochs: number;
  /** Made over the parameters that are to change. */
  readonly optimizer: Optimizer;
  /** Made over that optimiser. Default: its learning rate stays. */
  readonly scheduler?: FitSchedules;
  /** The mean over a batch, which is minimised. Default: the cross entropy of logits with labels. */
  readonly loss?: Loss;
  /** Followed in training and validation, by name. `loss` is there already. Default: none. */
  readonly metrics?: Metrics<Metric>;
  /**
   * An average of the model's weights, updated after each step. It is what is validated, and what
   * the model holds when the run has finished.
   */
  readonly ema?: EMA;
  /** Scale gradients so that their norm is at most that. Default: leave them. */
  readonly clipGradNorm?: number;
  /** Measure the norm of the gradients for the reports of steps. Default: only where it is clipped. */
  readonly gradNorm?: boolean;
  /** Batches whose gradients make one step; their losses count alike. Default 1. */
  readonly accumulate?: number;
  /**
   * Whether steps run as programs: see `compile`. Where the model or the loss can't be compiled, a
   * warning says why, and they run as they are. Default true.
   */
  readonly compile?: boolean;
  /** The callbacks that are called at the moments of the run. */
  readonly callbacks?: readonly Callback<Metric>[];
  /** When it aborts, training stops after the step in hand. */
  readonly signal?: StopSignal | undefined;
  /** Goes on with a run that was saved, instead of beginning one: made with the same options. */
  readonly resume?: RunState | undefined;
}

/**
 * Trains a model: in each epoch the steps over all batches of `train`, then the measures of
 * `validation`. Everything it does can be done by hand with the same public parts; docs/training.md
 * shows how. It never sees test data.
 *
 * A run that was stopped and resumed ends with the same bits as one that never was, if its callbacks
 * and options are the same, and all randomness comes from the loader's generator or from global
 * streams.
 * @throws NonFiniteLossError or NonFiniteGradientError, naming step and layer, when a loss or norm is
 * no finite number; ConfigError for options that are wrong, a state that does not fit them, or a
 * callback with a state that takes part in another run now; what a callback throws.
 */
export async function fit<Metric extends string = never>(
  model: Layer,
  options: FitOptions<Metric>,
): Promise<FitResult<Metric>> {
  const training = new Training(model, options);
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
  readonly output: Tensor;
  readonly loss: Tensor;
}

/** Adds the gradients of one of `batches` batches to the parameters', the first of which drops them. */
type Learn = Callable<[images: Tensor, labels: Tensor, batches: number, isFirst: boolean], Learnt>;

/** One call of `fit`. */
class Training<Metric extends string> implements TrainingRun<Metric> {
  readonly model: Layer;
  readonly optimizer: Optimizer;
  readonly ema: EMA | null;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly history: EpochReport<Metric>[] = [];
  readonly #options: FitOptions<Metric>;
  readonly #parameters: readonly Parameter[];
  readonly #loss: Loss;
  readonly #metrics: Metrics<Metric>;
  readonly #accumulate: number;
  readonly #callbacks: readonly Callback<Metric>[];
  readonly #meter: Meter<Metric>;
  readonly #position = new Position();
  #isCheckedForStrays = false;
  /** The batch in hand. */
  #batch: Batch | null = null;
  readonly #learn: Learn;
  readonly #descend: Callable<[], void>;
  /** The two as programs; none where they run as they are. */
  readonly #programs: readonly Compiled<never, unknown>[];

  constructor(model: Layer, options: FitOptions<Metric>) {
    requireModel('fit', model);
    checkFitOptions(options);
    requireOwn(model, options.optimizer);
    const { train, epochs, optimizer, ema, accumulate = 1, callbacks = [] } = options;
    this.#options = options;
    this.model = model;
    this.optimizer = optimizer;
    this.ema = ema ?? null;
    this.epochs = epochs;
    this.stepsPerEpoch = Math.ceil(train.length / accumulate);
    this.#parameters = optimizer.groups.flatMap(({ params }) => params);
    this.#loss = options.loss ?? classLoss;
    // Left out only where there is no name of a metric.
    this.#metrics = options.metrics ?? ({} as Metrics<Metric>);
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
    const { train } = this.#options;
    const position = this.#position;
    this.model.train();
    // What a program can't see, such as a number that is drawn, shows when it is recorded again.
    // In short epochs that would be most of the steps.
    if (this.stepsPerEpoch >= 10 || position.epoch % 10 === 0) {
      for (const program of this.#programs) program.recheck();
    }
    await this.tell((callback) => callback.onEpochBegin?.(this));
    const drawn = position.beginEpoch(train.generator);
    let step = new StepInHand();
    let begin = performance.now();
    for await (const batch of train.from(position.batch)) {
      drawn();
      requireBatch('fit: train', batch);
      // The batches of one step are never torn apart: half a step's gradients are in no checkpoint.
      if (step.batches === 0 && this.#isAborted) return position.randomness(train.generator);
      await this.tell((callback) => callback.onBatch?.(batch, this));
      await this.#learnFrom(batch, step);
      if (step.batches < this.#accumulate && position.batch < train.length) continue;
      await this.tell((callback) => callback.onGradients?.(this));
      const report = await this.#update(step);
      position.seconds += (performance.now() - begin) / 1000;
      step = new StepInHand();
      await this.tell((callback) => callback.onStepEnd?.(report, this));
      await this.#offer('step', () => position.randomness(train.generator));
      begin = performance.now();
    }
    drawn();
    return null;
  }

  /** Adds the gradients of one batch. */
  async #learnFrom(batch: Batch, step: StepInHand): Promise<void> {
    const begin = performance.now();
    const position = this.#position;
    const left = this.#options.train.length - position.batch;
    // The last step of an epoch may have fewer batches.
    const batches = step.batches + Math.min(this.#accumulate - step.batches, left);
    this.#batch = batch;
    const args = [batch.images, batch.labels, batches, step.batches === 0] as const;
    await callInTurns(this.#learn, [...args], ({ output, loss }) => {
      const value = this.#checkedLoss(batch, loss);
      this.#meter.add(value, output, batch);
      position.batch++;
      step.batches++;
      step.size += batch.size;
      step.loss += value / batches;
      step.milliseconds += performance.now() - begin;
    });
  }

  /** The gradients of one batch, as one function of its tensors; others of the batch are the loss's. */
  #gradients(images: Tensor, labels: Tensor, batches: number, isFirst: boolean) {
    const batch = this.#batch;
    if (batch?.images !== images || batch.labels !== labels) {
      throw new ConfigError('fit: the batch changed while it was learnt from');
    }
    if (isFirst) this.optimizer.zeroGrad();
    return Tape.run((tape) => {
      const output = this.model.forward(images);
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
  #checkedLoss(batch: Batch, loss: Tensor): number {
    try {
      return finiteLoss(`step ${this.step + 1} (epoch ${this.epoch})`, this.model, batch, loss);
    } catch (error) {
      if (!(error instanceof NonFiniteLossError)) throw error;
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
      stepInEpoch: Math.ceil(position.batch / this.#accumulate),
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
    const { train } = this.#options;
    const position = this.#position;
    if (this.#meter.images === 0) throw emptyError('fit: train');
    const before = position.randomness(train.generator);
    const validation = await this.#validate();
    if (validation === 'aborted') return before;
    const report: EpochReport<Metric> = {
      epoch: position.epoch,
      train: this.#meter.means(),
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
    await this.#offer('epoch', () => position.randomness(train.generator));
    return null;
  }

  async #validate(): Promise<Scores<Metric> | 'aborted' | null> {
    const { validation, signal } = this.#options;
    if (!validation) return null;
    await this.tell((callback) => callback.onValidationBegin?.(this));
    this.ema?.apply();
    try {
      const scores = await measure({
        where: `validation after step ${this.step} (epoch ${this.epoch})`,
        model: this.model,
        data: validation,
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
    const { train, scheduler } = this.#options;
    const schedules = new Map<string, Schedule>();
    if (scheduler?.step) schedules.set('step', scheduler.step);
    if (scheduler?.epoch) schedules.set('epoch', scheduler.epoch);
    return {
      model: this.model,
      optimizer: this.optimizer,
      ema: this.ema,
      schedules,
      callbacks: this.#callbacks,
      generator: train.generator,
      position: this.#position,
      meter: this.#meter,
      history: this.history,
      shape: {
        images: train.dataset?.length ?? null,
        batches: train.length,
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

const OPTIONS: OptionRules<FitOptions> = {
  train: checkedInUse,
  validation: checkedInUse,
  epochs: positiveCount,
  optimizer: checkedInUse,
  scheduler: checkedInUse,
  loss: checkedInUse,
  metrics: checkedInUse,
  ema: { expected: 'an EMA', accepts: (value) => value instanceof EMA },
  clipGradNorm: atLeast0,
  gradNorm: flag,
  accumulate: positiveCount,
  compile: flag,
  callbacks: checkedInUse,
  signal: checkedInUse,
  resume: checkedInUse,
};

/** @throws ConfigError if an optimiser has not one parameter of the model. */
function requireOwn(model: Layer, optimizer: Optimizer): void {
  const own = new Set(model.parameters());
  const isShared = optimizer.groups.some(({ params }) => params.some((one) => own.has(one)));
  if (isShared || own.size === 0) return;
  throw new ConfigError(
    'fit: optimizer: expected one over the model, got one that has none of its parameters; make ' +
      'it over model.parameters()',
  );
}

/** The methods that `fit` calls. */
const METHODS: OptionRules<Omit<Callback, 'name'>> = {
  onTrainBegin: functionRule,
  onEpochBegin: functionRule,
  onBatch: functionRule,
  onGradients: functionRule,
  onStepEnd: functionRule,
  onValidationBegin: functionRule,
  onValidationEnd: functionRule,
  onEpochEnd: functionRule,
  onSavePoint: functionRule,
  onTrainEnd: functionRule,
  onError: functionRule,
  stateDict: functionRule,
  loadStateDict: functionRule,
};
const METHOD_NAMES = Object.keys(METHODS);

/** @throws ConfigError for a callback that would never be called, or can't be. */
function checkCallback(callback: unknown, index: number): void {
  const where = `fit: callbacks[${index}]`;
  if (typeof callback !== 'object' || callback === null) {
    throw new ConfigError(
      `${where}: expected an object with methods, such as { onEpochEnd(report) {} }, got ` +
        valueText(callback),
    );
  }
  const names = namesOf(callback);
  const meant = names.filter((name) => /^on[A-Z_]/.test(name) || isMeant(name));
  checkOptions(
    where,
    Object.fromEntries(meant.map((name) => [name, Reflect.get(callback, name) as unknown])),
    METHODS,
  );
  if (meant.length > 0 || names.length === 0) return;
  throw new ConfigError(
    `${where}: expected an object with at least one of ${METHOD_NAMES.join(', ')}, got ` +
      `${valueText(callback)} with none of them`,
  );
}

/** Whether it is a method's name, or is but for a letter or two; `_onBatch` may be a helper of `onBatch`. */
function isMeant(name: string): boolean {
  return !name.startsWith('_') && nearest(name, METHOD_NAMES) !== undefined;
}

/** The names of an object's own properties and those of its classes, without what every object has. */
function namesOf(object: object): readonly string[] {
  const parent: unknown = Object.getPrototypeOf(object);
  // The last of the line, also in another realm.
  if (parent === null) return [];
  const own = Object.getOwnPropertyNames(object).filter((name) => name !== 'constructor');
  return typeof parent === 'object' ? [...own, ...namesOf(parent)] : own;
}

/** Checks what plain JavaScript may get wrong. @throws ConfigError that says how to write it. */
function checkKinds<Metric extends string>(options: FitOptions<Metric>): void {
  const { train, optimizer, scheduler, metrics, callbacks } = options;
  const expect = (holds: boolean, expected: string): void => {
    if (!holds) throw new ConfigError(`fit: ${expected}`);
  };
  expect(
    typeof train === 'object' && train !== null && 'from' in train,
    'train: expected a loader, such as new DataLoader(dataset, { batchSize })',
  );
  if (options.validation !== undefined) requireBatches('fit: validation', options.validation);
  requireOptimizer('fit: optimizer', optimizer);
  requireSignal('fit: signal', options.signal);
  const isScheduler = typeof scheduler === 'object' && scheduler !== null;
  expect(
    !isScheduler || !('stateDict' in scheduler),
    'scheduler: got a schedule; write { step: schedule } or { epoch: schedule }, by when it steps',
  );
  expect(
    scheduler === undefined ||
      (isScheduler &&
        Object.entries(scheduler).every(
          ([key, own]) => /^(step|epoch)$/.test(key) && isSchedule(own),
        )),
    'scheduler: expected { step: schedule } or { epoch: schedule }, by when it steps',
  );
  expect(
    metrics === undefined ||
      (isOptions(metrics) &&
        Object.values(metrics).every((metric) => typeof metric === 'function')),
    'metrics: expected functions by name, such as { accuracy }',
  );
  expect(callbacks === undefined || Array.isArray(callbacks), 'callbacks: expected a list');
  const { loss, resume } = options;
  expect(
    loss === undefined || typeof loss === 'function',
    `loss: expected a function of output and batch, got ${valueText(loss)}` +
      (loss instanceof Module ? '; (output, { labels }) => loss.forward(output, labels)' : ''),
  );
  expect(
    resume === undefined || isOptions(resume),
    `resume: expected the state of a run, such as loadRun(file) gives, got ${valueText(resume)}`,
  );
}

function isSchedule(value: unknown): boolean {
  return (
    value === undefined ||
    (typeof value === 'object' &&
      value !== null &&
      'step' in value &&
      typeof value.step === 'function')
  );
}

/** @throws ConfigError for what no run could be made of. */
function checkFitOptions<Metric extends string>(options: FitOptions<Metric>): void {
  checkOptions('fit', options, OPTIONS);
  const { epochs, metrics = {}, callbacks = [] } = options;
  checkKinds(options);
  // The one that has no default, so that it may not be left out.
  checkOption('fit', OPTIONS, 'epochs', epochs);
  if ('loss' in metrics) {
    throw new ConfigError('fit: metrics: loss is there already; give the metric another name');
  }
  callbacks.forEach(checkCallback);
  namedCallbacks(callbacks);
}
