import {
  abs,
  add,
  clamp,
  div,
  gelu,
  leakyRelu,
  logSoftmax,
  mul,
  relu,
  sigmoid,
  silu,
  softmax,
  tanh,
  type Tensor,
} from '@unfold/core';
import { brief } from '@unfold/io/internal';
import { elu, relu6 } from '@unfold/nn';
import { type Builder, type Flow, stateless, type Step } from './flow.js';
import type { SavedLayer } from './saved-layer.js';

/** `axis` is the one that is the last in TensorFlow.js. */
type Activation = (x: Tensor, axis: number) => Tensor;

/** Activations by their names in a saved model. */
const ACTIVATIONS: ReadonlyMap<unknown, Activation> = new Map<string, Activation>([
  ['linear', (x) => x],
  ['relu', relu],
  ['relu6', relu6],
  ['elu', (x) => elu(x)],
  ['sigmoid', sigmoid],
  ['hard_sigmoid', (x) => clamp(add(mul(x, 0.2), 0.5), { min: 0, max: 1 })],
  ['tanh', tanh],
  ['softsign', (x) => div(x, add(abs(x), 1))],
  ['softmax', softmax],
  ['log_softmax', logSoftmax],
  ['swish', silu],
  ['gelu', (x) => gelu(x)],
]);

/** The layer's setting `activation`; undefined for the one that changes nothing. */
export function activationOf(layer: SavedLayer, flow: Flow): Step['apply'] | undefined {
  const name = layer.value('activation') ?? 'linear';
  const activation = ACTIVATIONS.get(name);
  if (!activation) {
    throw layer.fail(
      `activation ${brief(name)} is none that Unfold has: ${[...ACTIVATIONS.keys()].join(', ')}; ` +
        'leave it out of the saved model and apply it to the output yourself',
    );
  }
  const axis = lastAxis(flow);
  return name === 'linear' ? undefined : (x) => activation(x, axis);
}

/** The axis in Unfold that is the last in TensorFlow.js. */
function lastAxis(flow: Flow): number {
  return flow.theirs === 'channelsLast' ? 1 : -1;
}

export const activation: Builder = (layer, flow) => {
  const apply = activationOf(layer, flow);
  return apply ? stateless(layer, flow, apply) : { steps: [], flow };
};

export const reluLayer: Builder = (layer, flow) => {
  layer.expectNeutral('negative_slope', 0);
  layer.expectNeutral('threshold', 0);
  const max = layer.number('max_value', Infinity);
  return stateless(layer, flow, (x) => (max === Infinity ? relu(x) : clamp(x, { min: 0, max })));
};

export const leakyReluLayer: Builder = (layer, flow) => {
  const slope = layer.number('alpha', 0.3);
  return stateless(layer, flow, (x) => leakyRelu(x, { slope }));
};

export const softmaxLayer: Builder = (layer, flow) => {
  const axis = layer.value('axis') ?? -1;
  if (axis !== -1 && axis !== flow.shape.length) {
    throw layer.wrong('axis', `the last, -1 or ${flow.shape.length}, as in TensorFlow.js`);
  }
  return stateless(layer, flow, (x) => softmax(x, lastAxis(flow)));
};
