import { ConfigError, type OptionRules, type Tensor } from '@unfold/core';
import {
  atLeast0,
  checkedInUse,
  checkOption,
  checkOptions,
  flag,
  functionRule,
  isOptions,
  nearest,
  positiveCount,
  valueText,
} from '@unfold/core/internal';
import { requireModel, requireOptimizer, requireSignal } from '../arguments.js';
import type { AnyBatch, Batch } from '../data/batch.js';
import type { BatchLoader } from '../data/batches.js';
import type { AnyModel } from '../model.js';
import { EMA } from '../optim/ema.js';
import type { Optimizer } from '../optim/optimizer.js';
import type { ReduceLROnPlateau } from '../optim/schedules/plateau.js';
import type { Scheduler } from '../optim/schedules/scheduler.js';
import type { StopSignal } from '../stop-signal.js';
import type { Callback, RunState } from './callback.js';
import type { Loss, LossModule } from './loss.js';
import { checkMetrics, type Metrics } from './measure.js';
import { namedCallbacks } from './run-state.js';
import type { BatchSource, StatefulSource } from './source.js';

/** Schedules of the learning rate, by when their `step` is called. */
export interface FitSchedules {
  /** After every step. */
  readonly step?: Scheduler;
  /** After every epoch; on a plateau with the validation loss, or the training loss without such. */
  readonly epoch?: Scheduler | ReduceLROnPlateau;
}

/** The parts that `fit` needs, and others that it can do with. */
export interface FitOptions<
  Metric extends string = never,
  B extends AnyBatch = Batch,
  Output = Tensor,
> {
  /**
   * The batches to learn from: a loader, an array of batches, anything else that gives batches each time
   * that it is gone through, or a function that makes such a thing for each epoch. A run is resumed
   * exactly from a loader, an array, and a source with `stateDict` and `loadStateDict`.
   */
  readonly train: BatchLoader<B> | StatefulSource<B> | BatchSource<B>;
  /** The batches that each epoch is measured on, in evaluation mode. Default: none. */
  readonly validation?: BatchSource<NoInfer<B>>;
  /** At least 1. */
  readonly epochs: number;
  /** Made over the parameters that are to change. */
  readonly optimizer: Optimizer;
  /** Made over that optimiser. Default: its learning rate stays. */
  readonly scheduler?: FitSchedules;
  /**
   * The mean over a batch, which is minimised: a function of the output and the batch, or a loss module,
   * which is called with the output and the batch's targets. Default: the cross entropy of logits
   * `[B, classes]` with integer targets.
   */
  readonly loss?: Loss<NoInfer<B>, NoInfer<Output>> | LossModule<NoInfer<B>, NoInfer<Output>>;
  /** Followed in training and validation, by name. `loss` is there already. Default: none. */
  readonly metrics?: Metrics<Metric, NoInfer<B>, NoInfer<Output>>;
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
  readonly callbacks?: readonly Callback<Metric, NoInfer<B>>[];
  /** When it aborts, training stops after the step in hand. */
  readonly signal?: StopSignal | undefined;
  /** Goes on with a run that was saved, instead of beginning one: made with the same options. */
  readonly resume?: RunState | undefined;
}

/** @throws ConfigError if an optimiser has not one parameter of the model. */
function requireOwn(model: AnyModel, optimizer: Optimizer): void {
  const own = new Set(model.parameters());
  const isShared = optimizer.groups.some(({ params }) => params.some((one) => own.has(one)));
  if (isShared || own.size === 0) return;
  throw new ConfigError(
    'fit: optimizer: expected one over the model, got one that has none of its parameters; make ' +
      'it over model.parameters()',
  );
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
function checkKinds<Metric extends string>(options: RunOptions<Metric>): void {
  const { optimizer, scheduler, metrics, callbacks } = options;
  const expect = (holds: boolean, expected: string): void => {
    if (!holds) throw new ConfigError(`fit: ${expected}`);
  };
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
  checkMetrics('fit', metrics);
  expect(
    callbacks === undefined || Array.isArray(callbacks),
    `callbacks: expected a list, such as [new EarlyStopping()], got ${valueText(callbacks)}`,
  );
  const { resume } = options;
  expect(
    !isOptions(resume) || !('state' in resume) || 'json' in resume,
    'resume: expected the state of a run, got all that loadRun gives; write resume: saved?.state',
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

/** Options of any run: that its parts fit each other is what the types of `fit` are for. */
export type RunOptions<Metric extends string> = FitOptions<Metric, AnyBatch, unknown>;

/** @throws ConfigError for what no run could be made of. */
export function checkFitOptions<Metric extends string>(
  model: unknown,
  options: RunOptions<Metric>,
): asserts model is AnyModel {
  requireModel('fit', model);
  checkOptions('fit', options, OPTIONS);
  const { epochs, callbacks = [] } = options;
  checkKinds(options);
  // The one that has no default, so that it may not be left out.
  checkOption('fit', OPTIONS, 'epochs', epochs);
  callbacks.forEach(checkCallback);
  namedCallbacks(callbacks);
  requireOwn(model, options.optimizer);
}
