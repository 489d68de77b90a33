import { grad, Scope, softmax, Tape, type Tensor, tensor } from '@unfold/core';
import { evaluationMode } from '@unfold/nn';
import type { LayerShape } from '../spec/layers.js';
import { inputOf } from './images.js';
import { occlusionOf } from './occlusion.js';
import type { LayerOutput, Look, LookOptions, ParameterView } from './protocol.js';
import type { Run } from './run.js';

/** A network, and what its pixels are normalised by. */
export type Seen = Pick<Run, 'model' | 'normalization'>;

/**
 * What the network sees in a digit. Nothing of the run changes by it: it is in evaluation mode, and draws no
 * random numbers.
 * @param pixels `[28, 28]`
 */
export function lookAt(seen: Seen, pixels: Uint8Array, { layers, explain }: LookOptions): Look {
  const restore = evaluationMode(seen.model);
  try {
    const found = Scope.run(() => {
      const input = inputOf(pixels, seen.normalization);
      const begin = performance.now();
      const outputs = outputsOf(seen, input);
      const probabilities = floats(softmax(outputs.at(-1) ?? input, 1));
      const milliseconds = performance.now() - begin;
      return { probabilities, milliseconds, layers: layers ? outputs.map(layerOutput) : [] };
    });
    const likeliest = indexOfLargest(found.probabilities);
    return {
      ...found,
      inputGradient: explain === 'gradient' ? inputGradient(seen, pixels, likeliest) : null,
      occlusion: explain === 'occlusion' ? occlusionOf(seen, pixels, likeliest) : null,
    };
  } finally {
    restore();
  }
}

/** The output of each layer. */
export function outputsOf({ model }: Pick<Seen, 'model'>, input: Tensor): Tensor[] {
  const outputs: Tensor[] = [];
  for (const layer of model) outputs.push(layer.forward(outputs.at(-1) ?? input));
  return outputs;
}

/** The numbers of a tensor of floats, off the heap. */
export const floats = (values: Tensor): Float32Array<ArrayBuffer> =>
  Float32Array.from(values.toTypedArray());

/** The parameters of each layer, and the gradients that the last step was made from. */
export function parametersOf(
  { model }: Pick<Seen, 'model'>,
  layers?: readonly number[],
): ParameterView[] {
  const views: ParameterView[] = [];
  [...model.namedChildren()].forEach(([name, child], layer) => {
    if (layers && !layers.includes(layer)) return;
    for (const [own, parameter] of child.namedParameters()) {
      views.push({
        name: `${name}.${own}`,
        layer,
        shape: parameter.shape,
        values: floats(parameter),
        gradient: parameter.grad ? floats(parameter.grad) : null,
      });
    }
  });
  return views;
}

function layerOutput(output: Tensor, layer: number): LayerOutput {
  const [, ...shape] = output.shape;
  const [channels = 0, height, width] = shape;
  const sizes: LayerShape =
    height === undefined || width === undefined ? [channels] : [channels, height, width];
  return { layer, shape: sizes, values: floats(output) };
}

/** The gradient of a class's logit with respect to the brightness, 0…1, of each pixel. */
function inputGradient(seen: Seen, pixels: Uint8Array, label: number): Float32Array<ArrayBuffer> {
  return Tape.run(() => {
    const input = inputOf(pixels, seen.normalization);
    input.requiresGrad = true;
    const logits = outputsOf(seen, input).at(-1) ?? input;
    const chosen = Float32Array.from({ length: logits.size }, (_, i) => (i === label ? 1 : 0));
    const slope = grad(logits, input, { gradient: tensor(chosen, logits.shape) });
    // The network's input is (brightness - mean) ÷ std.
    const [std = 1] = seen.normalization.std;
    return floats(slope).map((value) => value / std);
  });
}

function indexOfLargest(values: Float32Array): number {
  return values.reduce((best, value, i) => (value > (values[best] ?? -Infinity) ? i : best), 0);
}
