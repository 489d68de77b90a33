import type { GeneratorState, Tensor } from '@unfold/core';
import type { Module } from '@unfold/nn';
import type {
  DataLoader,
  Dataset,
  EMA,
  FitSchedules,
  Optimizer,
  RunState,
  SaveModelOptions,
} from '@unfold/train';
import type { Expression } from '../python.js';

/** A run that goes on in PyTorch: the parts that `fit` was given, as they stand. */
export interface EjectTraining {
  /** One of `@unfold/train`. */
  readonly optimizer: Optimizer;
  /** The loss as a module, a mean over the batch: `new CrossEntropyLoss({ labelSmoothing: 0.05 })`. */
  readonly loss: Module;
  /** As `fit` is given it. Default: learning rates stay as they are. */
  readonly scheduler?: FitSchedules;
  /** How many the whole run has, with those that are done. */
  readonly epochs: number;
  /** Over a `Dataset` of images and labels. */
  readonly train: DataLoader;
  /** Likewise, with the same normalization. Default: nothing is measured between epochs. */
  readonly validation?: DataLoader;
  /** What is measured once the run has ended. Default: nothing. */
  readonly test?: Dataset;
  /** The average of weights, which is what the run ends with. Default: there is none. */
  readonly ema?: EMA;
  /** As `fit` is given it. Default: gradients aren't clipped. */
  readonly clipGradNorm?: number;
  /** How many batches make one step. Default 1. */
  readonly accumulate?: number;
  /** The losses of Unfold's own next steps, which test_parity.py compares. Default: none. */
  readonly losses?: readonly number[];
  /**
   * The state of the run, as a checkpoint has it, where the parts stand: it says at which batch that is. Default:
   * the run has not begun.
   */
  readonly state?: RunState;
}

/** The parts of a run, and of its state what says where they stand. */
export interface LiveRun extends Omit<EjectTraining, 'state'> {
  /** Default: the run has not begun. */
  readonly position?: Position;
  /** Where the loader's generator stands. Default: where it stands now. */
  readonly generator?: { readonly now: GeneratorState; readonly epoch: GeneratorState | null };
}

/** The place of a run. */
export interface Position {
  /** The epoch in hand, or the first that is not begun; counts from 1. */
  readonly epoch: number;
  /** Batches of it that are done. */
  readonly batch: number;
  /** Steps done in all. */
  readonly step: number;
  /** Whether the run was stopped there, as by early stopping, and so has ended. Default false. */
  readonly isStopped?: boolean;
}

/** A model as the files beside model.py see it. */
export interface ProjectFacts {
  readonly model: Module;
  /** The root class in model.py. */
  readonly className: string;
  /** The loss as Python constructs it: `nn.CrossEntropyLoss(label_smoothing=0.05)`. */
  readonly loss: Expression;
  /** What stands beside its weights. */
  readonly saved: SaveModelOptions;
  /** Whether it draws random numbers in training, as dropout does. */
  readonly isRandom: boolean;
  /**
   * The names of parameters and buffers that its own classes hold, to which model.py gives no initial values.
   * Default: none.
   */
  readonly ownState?: readonly string[];
  /** What it gives, in evaluation mode, for an example. */
  readonly parity: Parity;
}

/** Tensors that a model is given, and those in what it gives, one after another. */
export interface Parity {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Whether that is one tensor, in no list or object. */
  readonly isOne: boolean;
}
