import { SPEC_TEXTS } from '../texts/spec.js';
import { faultOfNumber, isImage, type NumberField, whole } from './kinds.js';
import type { NetworkSpec } from './layers.js';
import { inspectNetwork } from './network.js';
import { PRESETS } from './presets.js';

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

/** The optimisers, each as it is first chosen: at the rates that are usual for it. */
export const OPTIMIZERS: {
  readonly [K in OptimizerSpec['kind']]: OptimizerSpec & { readonly kind: K };
} = {
  sgd: { kind: 'sgd', lr: 0.02, momentum: 0.9, nesterov: false, weightDecay: 0 },
  adam: { kind: 'adam', lr: 0.001, weightDecay: 0 },
  adamW: { kind: 'adamW', lr: 0.001, weightDecay: 0.01 },
  rmsprop: { kind: 'rmsprop', lr: 0.001, weightDecay: 0 },
};

export const AUGMENTATIONS: readonly AugmentationSpec[] = ['none', 'affine', 'elastic'];

/** The numbers of an experiment, as an editor offers them. */
export const EXPERIMENT_FIELDS = {
  lr: { least: 1e-6, most: 10, step: 0.001, isWhole: false },
  momentum: { least: 0, most: 0.999, step: 0.01, isWhole: false },
  weightDecay: { least: 0, most: 1, step: 0.0001, isWhole: false },
  batchSize: whole(1, 256),
  seed: whole(0, 2 ** 32 - 1),
} as const satisfies Readonly<Record<string, NumberField>>;

/** What the page begins with. */
export const DEFAULT_EXPERIMENT: Experiment = {
  network: PRESETS.lenet,
  optimizer: OPTIMIZERS.sgd,
  batchSize: 32,
  augmentation: 'none',
  seed: 1,
  strict: false,
};

const { experiment: texts, faults } = SPEC_TEXTS;

/** Why an experiment of the right form can't be run; null if it can. */
export function faultOfExperiment(experiment: Experiment): string | null {
  const { network, optimizer, batchSize, seed } = experiment;
  const { lr, weightDecay } = optimizer;
  const momentum = optimizer.kind === 'sgd' ? optimizer.momentum : 0;
  const numbers = { lr, momentum, weightDecay, batchSize, seed };
  for (const name of ['lr', 'momentum', 'weightDecay', 'batchSize', 'seed'] as const) {
    const fault = faultOfNumber(texts[name], EXPERIMENT_FIELDS[name], numbers[name]);
    if (fault !== null) return fault;
  }
  if (optimizer.kind === 'sgd' && optimizer.nesterov && optimizer.momentum === 0) {
    return texts.nesterov;
  }
  const { fault, layers } = inspectNetwork(network);
  if (fault)
    return fault.layer === null ? fault.reason : texts.inLayer(fault.layer + 1, fault.reason);
  const lonely = layers.findIndex(
    ({ input }, at) =>
      network[at]?.kind === 'batchNorm' &&
      input !== null &&
      hasOneValueEach(input) &&
      batchSize === 1,
  );
  if (lonely >= 0) {
    return texts.inLayer(lonely + 1, faults.oneValue(SPEC_TEXTS.layers.batchNorm));
  }
  return null;
}

/** Whether a channel of an image has one value. */
const hasOneValueEach = (shape: Parameters<typeof isImage>[0]): boolean =>
  !isImage(shape) || shape[1] * shape[2] === 1;
