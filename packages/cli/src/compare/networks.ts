import type { Layer } from '@unfold/nn';
import { Cnn, LeNet } from '@unfold/train';
import type { LayerPlan } from './tfjs-network.js';

export type NetworkName = 'lenet' | 'cnn';

export interface Network {
  create(): Layer;
  /** The same layers in TensorFlow.js, in their order. */
  readonly plan: readonly LayerPlan[];
}

const conv2d = (name: string): LayerPlan => ({ kind: 'conv2d', name, relu: true });
const maxPool: LayerPlan = { kind: 'maxPool' };
const flatten: LayerPlan = { kind: 'flatten' };
const dense = (name: string, relu = false): LayerPlan => ({ kind: 'dense', name, relu });

export const NETWORKS: Readonly<Record<NetworkName, Network>> = {
  lenet: {
    create: () => new LeNet(),
    plan: [conv2d('conv1'), maxPool, conv2d('conv2'), maxPool, flatten, dense('fc')],
  },
  cnn: {
    create: () => new Cnn(),
    plan: [conv2d('conv1'), conv2d('conv2'), maxPool, flatten, dense('fc1', true), dense('fc2')],
  },
};
