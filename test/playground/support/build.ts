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
import type { LayerShape, LayerSpec, NetworkSpec } from '../../../playground/src/spec/layers.js';
import { inspectNetwork } from '../../../playground/src/spec/network.js';

/** The network as its layers' types say it, apart from the page's table and its worker. */
export function build(network: NetworkSpec): Sequential {
  const layers = inspectNetwork(network).layers.map(({ name, input }, at) => {
    const layer = network[at];
    if (!layer || !input) throw new Error(`no layer ${at}`);
    return [name, layerOf(layer, input)] as const;
  });
  return new Sequential(new Map(layers));
}

function layerOf(layer: LayerSpec, [C, H]: LayerShape): Layer {
  switch (layer.kind) {
    case 'conv': {
      const { channels, kernel, stride, padding, dilation, groups, bias } = layer;
      return new Conv2d(C, channels, kernel, { stride, padding, dilation, groups, bias });
    }
    case 'maxPool':
      return new MaxPool2d(layer.size);
    case 'avgPool':
      return new AvgPool2d(layer.size);
    case 'batchNorm':
      return H === undefined ? new BatchNorm1d(C) : new BatchNorm2d(C);
    case 'dropout':
      return new Dropout(layer.p);
    case 'linear':
      return new Linear(C, layer.features);
    case 'flatten':
      return new Flatten();
    case 'relu':
      return new ReLU();
    case 'leakyRelu':
      return new LeakyReLU();
    case 'gelu':
      return new GELU();
    case 'silu':
      return new SiLU();
    case 'tanh':
      return new Tanh();
    case 'sigmoid':
      return new Sigmoid();
  }
}
