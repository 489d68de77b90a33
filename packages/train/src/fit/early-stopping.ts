import {
  type CompleteOptions,
  ConfigError,
  elementsOf,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import type { Module } from '@unfold/nn';
import {
  atLeast0,
  completeOptions,
  count,
  flag,
  nearest,
  oneOf,
  optional,
} from '@unfold/core/internal';
import { asNumber, asObject, checkTensors, copyTensors, requireTensorMap } from '../optim/state.js';
import type {
  Callback,
  EpochReport,
  FitResult,
  RunState,
  Scores,
  TrainingRun,
} from './callback.js';

/** The name of its state in checkpoints. */
export const EARLY_STOPPING = 'earlyStopping';

/** Options of `EarlyStopping`. */
export interface EarlyStoppingOptions {
  /** `loss` or the name of a metric, of the validation images. Default 'loss'. */
  readonly monitor?: string;
  /**
   * Whether the figure is to fall, as a loss, or to rise, as an accuracy. Default 'min' for `loss`,
   * 'max' for names that end in `accuracy`; others need it.
   */
  readonly mode?: 'min' | 'max' | undefined;
  /**
   * So many epochs without progress are borne; the next one ends the run, as `ReduceLROnPlateau`
   * counts: one more than Keras's. Default 0.
   */
  readonly patience?: number;
  /** How much better counts as progress. Default 0: anything better. */
  readonly minDelta?: number;
  /** Whether the model ends with the weights of the best epoch. Default true. */
  readonly restoreBestWeights?: boolean;
}

const RULES: OptionRules<EarlyStoppingOptions> = {
  monitor: {
    expected: 'the name of a metric',
    accepts: (value) => typeof value === 'string' && value !== '',
  },
  mode: optional(oneOf('min', 'max')),
  patience: count,
  minDelta: atLeast0,
  restoreBestWeights: flag,
};

const DEFAULTS = {
  monitor: 'loss',
  mode: undefined,
  patience: 0,
  minDelta: 0,
  restoreBestWeights: true,
} as const;

/**
 * Ends a run when a figure of its validation has stopped to get better, and gives the model the
 * weights that were best, also where the run ends by itself. Of equal figures the first is the best.
 * With an average of the weights it is the average that was validated, and that is kept.
 */
export class EarlyStopping implements Callback {
  /** Names its state in checkpoints. */
  readonly name = EARLY_STOPPING;
  readonly #options: CompleteOptions<EarlyStoppingOptions>;
  readonly #mode: 'min' | 'max';
  #best: number | null = null;
  #bestEpoch = 0;
  #badEpochs = 0;
  /** The model's state in the best epoch; empty where it is not kept. */
  readonly #weights = new Map<string, Tensor>();

  /** @throws ConfigError for an unknown option or one out of range. */
  constructor(options: EarlyStoppingOptions = {}) {
    this.#options = completeOptions('EarlyStopping', RULES, DEFAULTS, options);
    const { mode, monitor } = this.#options;
    this.#mode = mode ?? usualMode(monitor);
  }

  /** The best figure; null before the first epoch has ended. */
  get best(): number | null {
    return this.#best;
  }

  /** The epoch of the best figure; 0 before the first has ended. */
  get bestEpoch(): number {
    return this.#bestEpoch;
  }

  /** Forgets an earlier run. */
  onTrainBegin({ step }: TrainingRun): void {
    if (step > 0) return;
    this.dispose();
    this.#best = null;
    this.#bestEpoch = 0;
    this.#badEpochs = 0;
  }

  /** Watches. @throws ConfigError if the run has no such metric. */
  onValidationEnd(scores: Scores, { model, epoch }: TrainingRun): void {
    const { monitor, minDelta, restoreBestWeights } = this.#options;
    const value = scores[monitor];
    if (value === undefined) {
      throw new ConfigError(
        `EarlyStopping: expected a metric ${monitor}, got ${Object.keys(scores).join(', ')}`,
      );
    }
    const gain =
      this.#best === null ? Infinity : (value - this.#best) * (this.#mode === 'max' ? 1 : -1);
    // Without a minimum, a figure that is as good as the best is no progress.
    if (gain <= minDelta) {
      this.#badEpochs++;
      return;
    }
    this.#best = value;
    this.#bestEpoch = epoch;
    this.#badEpochs = 0;
    if (restoreBestWeights) this.#keep(model.stateDict());
  }

  /** Ends the run if it is time. @throws ConfigError if nothing is validated. */
  onEpochEnd({ validation }: EpochReport, run: TrainingRun): void {
    const { monitor, patience } = this.#options;
    if (!validation) {
      throw new ConfigError(
        `EarlyStopping: expected a run with validation, whose ${monitor} it could watch`,
      );
    }
    if (this.#badEpochs <= patience) return;
    run.stop(
      `no better validation ${monitor} than ${Number(Number(this.#best).toPrecision(4))} of epoch ` +
        `${this.#bestEpoch} in ${this.#badEpochs} epoch${this.#badEpochs === 1 ? '' : 's'}`,
    );
  }

  /** Gives the model its best weights. */
  onTrainEnd({ finished }: FitResult, { model }: TrainingRun): void {
    if (finished && this.#weights.size > 0) restore(model, this.#weights);
    this.dispose();
  }

  /** Frees what it kept. */
  onError(): void {
    this.dispose();
  }

  /** Gives the state: the scores that it has seen, and the weights that it has kept. */
  stateDict(): RunState {
    return {
      tensors: this.#weights,
      json: { best: this.#best, bestEpoch: this.#bestEpoch, badEpochs: this.#badEpochs },
    };
  }

  /** Takes over a state that `stateDict` gave. @throws ConfigError for one that is damaged. */
  loadStateDict(state: RunState): void {
    const where = 'EarlyStopping.loadStateDict';
    const { tensors, json } = asObject(where, state);
    requireTensorMap(where, tensors);
    const { best, bestEpoch, badEpochs } = asObject(where, json);
    const newBest = best === null ? null : asNumber(`${where}: best`, best);
    const newEpoch = asNumber(`${where}: bestEpoch`, bestEpoch, { integer: true });
    const newBad = asNumber(`${where}: badEpochs`, badEpochs, { integer: true });
    this.#keep(tensors);
    this.#best = newBest;
    this.#bestEpoch = newEpoch;
    this.#badEpochs = newBad;
  }

  /** Frees the weights that were kept. */
  dispose(): void {
    for (const kept of this.#weights.values()) kept.dispose();
    this.#weights.clear();
  }

  #keep(state: ReadonlyMap<string, Tensor>): void {
    const copies = copyTensors(state);
    this.dispose();
    for (const [name, copy] of copies) this.#weights.set(name, copy);
  }
}

/** @throws ConfigError for a metric of which nothing is known. */
function usualMode(monitor: string): 'min' | 'max' {
  if (monitor === 'loss') return 'min';
  if (/accuracy$/i.test(monitor)) return 'max';
  const meant = nearest(monitor, ['loss', 'accuracy']);
  throw new ConfigError(
    `EarlyStopping: mode: say whether ${monitor} is to fall or rise: min or max` +
      (meant ? `; or did you mean ${meant}?` : ''),
  );
}

function restore(model: Module, weights: ReadonlyMap<string, Tensor>): void {
  const pairs = checkTensors('EarlyStopping', model.stateDict(), weights);
  for (const { target, source } of pairs) target.update((data) => data.set(elementsOf(source)));
}
