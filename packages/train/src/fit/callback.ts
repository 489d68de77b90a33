import type { Tensor } from '@unfold/core';
import type { AnyBatch, WholeBatch } from '../data/batch.js';
import type { AnyModel } from '../model.js';
import type { EMA } from '../optim/ema.js';
import type { Optimizer } from '../optim/optimizer.js';
import type { JsonObject } from '../optim/state.js';

/** The mean loss over some examples, and the mean of each metric, by the names given to `fit`. */
export type Scores<Metric extends string = string> = Readonly<Record<Metric | 'loss', number>>;

/** The figures of a step that has ended. */
export interface StepReport {
  /** Counts from 1 over the whole run. */
  readonly step: number;
  /** Counts from 1. */
  readonly epoch: number;
  /** Steps of this epoch that are done. */
  readonly stepInEpoch: number;
  /** The mean loss of the step's batches, before its update. */
  readonly loss: number;
  /** Examples in the step's batches. */
  readonly size: number;
  /** The first group's learning rate in this step. */
  readonly lr: number;
  /** The Euclidean norm of all gradients before they were clipped; null unless asked for. */
  readonly gradNorm: number | null;
  /** Milliseconds of forward, backward and update; the batch's loading is not counted. */
  readonly milliseconds: number;
}

/** The figures of an epoch that has ended. Plain JSON. */
export interface EpochReport<Metric extends string = string> {
  /** Counts from 1. */
  readonly epoch: number;
  /** Means over the epoch's examples, each as the model was when it saw them. */
  readonly train: Scores<Metric>;
  /** On the validation examples, after the epoch; null without such. */
  readonly validation: Scores<Metric> | null;
  /** The first group's learning rate in the epoch's last step. */
  readonly lr: number;
  /** The time of training, without validation. */
  readonly seconds: number;
  /** Examples trained on: images, or whatever the batches hold. */
  readonly images: number;
}

/** A run as its callbacks see it. */
export interface TrainingRun<Metric extends string = string> {
  readonly model: AnyModel;
  readonly optimizer: Optimizer;
  readonly ema: EMA | null;
  /** Epochs in all. */
  readonly epochs: number;
  /** Steps in an epoch; null before the end of the first where the source of batches can't tell. */
  readonly stepsPerEpoch: number | null;
  /** The epoch in hand; counts from 1. */
  readonly epoch: number;
  /** Steps done. */
  readonly step: number;
  /** Those of them that were done in the epoch in hand. */
  readonly stepInEpoch: number;
  /** The epochs that ended, also those before the run was resumed. */
  readonly history: readonly EpochReport<Metric>[];
  /** Ends the run after the epoch in hand, as if it had been the last. */
  stop(reason: string): void;
}

/** All that a run needs to go on as if it had never stopped: tensors, and the rest as plain JSON. */
export interface RunState {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly json: JsonObject;
}

/** A moment at which a run can be saved, and its state is whole. */
export interface SavePoint {
  /** After a step, after an epoch, or where a signal stops the run. */
  readonly kind: 'step' | 'epoch' | 'stop';
  /** Its tensors are the run's own and change with the next step: write or copy them at once. */
  state(): RunState;
}

/** How a run ended. */
export interface FitResult<Metric extends string = string> {
  /** False where `signal` stopped it early. */
  readonly finished: boolean;
  /** Why a callback ended it before the last epoch; null if none did. */
  readonly stopped: string | null;
  /** The epochs that ended. */
  readonly history: readonly EpochReport<Metric>[];
  /** Steps done. */
  readonly steps: number;
}

/**
 * Is called at the moments of a run. All methods may be left out; what returns a promise is
 * waited for. They are called in the order in which the callbacks were given.
 */
export interface Callback<Metric extends string = string, B extends AnyBatch = AnyBatch> {
  /** Before the first step, also of a run that is resumed: `run.step` says where. */
  onTrainBegin?(run: TrainingRun<Metric>): void | Promise<void>;
  /** Before an epoch's first batch, or the first batch after it was resumed. */
  onEpochBegin?(run: TrainingRun<Metric>): void | Promise<void>;
  /** Before a batch is trained on. */
  onBatch?(batch: WholeBatch<B>, run: TrainingRun<Metric>): void | Promise<void>;
  /** When the gradients are there, before they are clipped and used. */
  onGradients?(run: TrainingRun<Metric>): void | Promise<void>;
  /** After a step. */
  onStepEnd?(report: StepReport, run: TrainingRun<Metric>): void | Promise<void>;
  /** Before the validation examples are looked at. */
  onValidationBegin?(run: TrainingRun<Metric>): void | Promise<void>;
  /** After validation; with an average of the weights, while the model still holds it. */
  onValidationEnd?(scores: Scores<Metric>, run: TrainingRun<Metric>): void | Promise<void>;
  /** After an epoch and its validation. */
  onEpochEnd?(report: EpochReport<Metric>, run: TrainingRun<Metric>): void | Promise<void>;
  /** After all callbacks of a step or an epoch, and where a signal stops the run. */
  onSavePoint?(point: SavePoint, run: TrainingRun<Metric>): void | Promise<void>;
  /** When the run has ended, by itself or by a signal, and the model is as it stays. */
  onTrainEnd?(result: FitResult<Metric>, run: TrainingRun<Metric>): void | Promise<void>;
  /** When the run ends by an error, which is thrown after this. */
  onError?(error: unknown, run: TrainingRun<Metric>): void | Promise<void>;
  /** Names its state in checkpoints. Needed with `stateDict`; without dots. */
  readonly name?: string;
  /** Gives the state that it has to remember for a run to be resumed exactly. */
  stateDict?(): RunState;
  /**
   * Takes over what `stateDict` gave. The tensors are to be copied. Where another part of a run
   * refuses its state, it is called once more, with the callback's own state of before.
   */
  loadStateDict?(state: RunState): void;
}
