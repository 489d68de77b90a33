import type { GeneratorState, Tensor } from '@unfold/core';
import type { Module } from '@unfold/nn';
import type {
  DataLoader,
  Dataset,
  EMA,
  FitSchedules,
  Optimizer,
  SaveModelOptions,
} from '@unfold/train';
import type { Expression } from '../python.js';

/** What goes on in PyTorch: the live parts of a run, standing where it stands. */
export interface EjectTraining {
  /** One of `@unfold/train`. */
  readonly optimizer: Optimizer;
  /** The loss as a module, a mean over the batch: `new CrossEntropyLoss({ labelSmoothing: 0.05 })`. */
  readonly loss: Module;
  /** As `fit` is given it. */
  readonly scheduler?: FitSchedules;
  readonly epochs: number;
  /** Over a `Dataset` of images and labels. */
  readonly train: DataLoader;
  /** Likewise, with the same normalization. */
  readonly validation?: DataLoader;
  readonly test?: Dataset;
  readonly ema?: EMA;
  readonly clipGradNorm?: number;
  readonly accumulate?: number;
  /** How far the run has come, as its state says. Default: it has not begun. */
  readonly position?: Position;
  /** Where the loader's generator stands, as the run's state says. Default: where it stands now. */
  readonly generator?: { readonly now: GeneratorState; readonly epoch: GeneratorState | null };
  /** The losses of Unfold's own next steps, which test_parity.py compares. Default: none. */
  readonly losses?: readonly number[];
}

/** The place of a run. */
export interface Position {
  /** The epoch in hand, or the first that is not begun; counts from 1. */
  readonly epoch: number;
  /** Batches of it that are done. */
  readonly batch: number;
  /** Steps done in all. */
  readonly step: number;
}

/** What the other half of the project tells of the model. */
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
