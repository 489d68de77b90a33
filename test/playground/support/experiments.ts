import {
  AUGMENTATIONS,
  DEFAULT_EXPERIMENT,
  type Experiment,
  OPTIMIZERS,
} from '../../../playground/src/spec/experiment.js';
import { kindOf, LAYER_KINDS } from '../../../playground/src/spec/kinds.js';
import type { NetworkSpec } from '../../../playground/src/spec/layers.js';
import { PRESET_NAMES, PRESETS } from '../../../playground/src/spec/presets.js';
import { readExperiment } from '../../../playground/src/spec/read-experiment.js';

/** A layer of each kind, and a convolution with all its options. */
const ofAllKinds: NetworkSpec = [
  {
    kind: 'conv',
    channels: 8,
    kernel: 3,
    stride: 2,
    padding: 1,
    dilation: 2,
    groups: 1,
    bias: false,
  },
  {
    kind: 'conv',
    channels: 12,
    kernel: 3,
    stride: 1,
    padding: 1,
    dilation: 1,
    groups: 4,
    bias: true,
  },
  ...LAYER_KINDS.filter((kind) => !['conv', 'flatten', 'linear', 'dropout'].includes(kind)).map(
    (kind) => kindOf(kind).initial,
  ),
  { kind: 'flatten' },
  { kind: 'dropout', p: 0.35 },
  { kind: 'linear', features: 16 },
  { kind: 'batchNorm' },
  { kind: 'linear', features: 10 },
];

type Named = readonly [name: string, experiment: Experiment];
const named = (name: string, changes: Partial<Experiment>): Named => [
  name,
  readExperiment({ ...DEFAULT_EXPERIMENT, ...changes }),
];

/** One for each choice that an experiment has. */
export const EXPERIMENTS: readonly Named[] = [
  ...PRESET_NAMES.map((name) => named(name, { network: PRESETS[name] })),
  ...Object.values(OPTIMIZERS).map((optimizer) => named(optimizer.kind, { optimizer })),
  ...AUGMENTATIONS.map((augmentation) => named(augmentation, { augmentation })),
  named('adamW without decay', { optimizer: { ...OPTIMIZERS.adamW, weightDecay: 0 } }),
  named('everything else', {
    network: ofAllKinds,
    optimizer: { ...OPTIMIZERS.sgd, lr: 1e-6, nesterov: true, weightDecay: 1e-5 },
    augmentation: 'elastic',
    seed: 2 ** 32 - 1,
    batchSize: 256,
    strict: true,
  }),
];
