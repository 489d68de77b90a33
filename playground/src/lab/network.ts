import {
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  GELU,
  type Layer,
  LeakyReLU,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
  Sigmoid,
  SiLU,
  Tanh,
} from '@unfold/nn';
import type { LayerOf } from '../spec/kinds.js';
import type { LayerKind, LayerShape, NetworkSpec } from '../spec/layers.js';
import { INPUT_SHAPE, inspectNetwork } from '../spec/network.js';

/** What makes a layer of each kind, for an input of a shape that fits it. */
const LAYERS: { readonly [K in LayerKind]: (spec: LayerOf<K>, input: LayerShape) => Layer } = {
  conv: ({ channels, kernel, stride, padding, dilation, groups, bias }, [inChannels]) =>
    new Conv2d(inChannels, channels, kernel, { stride, padding, dilation, groups, bias }),
  maxPool: ({ size }) => new MaxPool2d(size),
  avgPool: ({ size }) => new AvgPool2d(size),
  batchNorm: (_, input) =>
    input.length === 3 ? new BatchNorm2d(input[0]) : new BatchNorm1d(input[0]),
  dropout: ({ p }) => new Dropout(p),
  linear: ({ features }, [inFeatures]) => new Linear(inFeatures, features),
  relu: () => new ReLU(),
  leakyRelu: () => new LeakyReLU(),
  gelu: () => new GELU(),
  silu: () => new SiLU(),
  tanh: () => new Tanh(),
  sigmoid: () => new Sigmoid(),
  flatten: () => new Flatten(),
};

/**
 * The network, with initial weights from the global stream `'init'`: images `[N, 1, 28, 28]` → logits
 * `[N, 10]`. Its layers have PyTorch's names.
 * @throws Error with a text for people if a layer doesn't fit the one before.
 */
export function buildNetwork(network: NetworkSpec): Sequential {
  const { fault, layers: reports } = inspectNetwork(network);
  if (fault) throw new Error(fault.reason);
  const layers = new Map<string, Layer>();
  try {
    reports.forEach(({ name, input }, i) => {
      const spec = network[i];
      if (spec) layers.set(name, layerOf(spec, input ?? INPUT_SHAPE));
    });
    return new Sequential(layers);
  } catch (error) {
    // Such as a heap that is full.
    for (const layer of layers.values()) layer.dispose();
    throw error;
  }
}

function layerOf<K extends LayerKind>(spec: LayerOf<K>, input: LayerShape): Layer {
  return LAYERS[spec.kind](spec, input);
}
