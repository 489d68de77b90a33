import type { NetworkSpec } from './layers.js';

export type OptimizerSpec =
  | {
      readonly kind: 'sgd';
      readonly lr: number;
      readonly momentum: number;
      readonly nesterov: boolean;
      readonly weightDecay: number;
    }
  | {
      readonly kind: 'adam' | 'adamW' | 'rmsprop';
      readonly lr: number;
      readonly weightDecay: number;
    };

/** `affine` turns, scales and shifts a digit a little; `elastic` bends it, too. */
export type AugmentationSpec = 'none' | 'affine' | 'elastic';

/** All that decides what a run computes, but for digits that were drawn into its training set. */
export interface Experiment {
  readonly network: NetworkSpec;
  readonly optimizer: OptimizerSpec;
  readonly batchSize: number;
  readonly augmentation: AugmentationSpec;
  /** 0…2³²−1; drives initial weights, order of the images, dropout and augmentation. */
  readonly seed: number;
  /** Whether the same bits come out on every machine, at some cost of speed. */
  readonly strict: boolean;
}
