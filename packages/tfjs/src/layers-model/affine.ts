import type { Parameter, Shape, Tensor } from '@unfold/core';
import { activationOf } from './activations.js';
import { type BuildContext, type BuiltLayer, type Flow, LayerWeights, type Step } from './flow.js';
import { parameterOf } from './layout.js';
import type { SavedLayer } from './saved-layer.js';

/** A layer with a kernel and perhaps a bias, by what tells it from the others. */
export interface AffineLayer {
  readonly kernelName: 'kernel' | 'depthwise_kernel';
  /** The kernel's shape in the file. */
  readonly kernelShape: Shape;
  /** The length of the bias. */
  readonly outputs: number;
  /** The tensor that leaves the layer. */
  readonly out: Flow;
  /** Brings the kernel into Unfold's layout. */
  readonly weightOf: (kernel: Float32Array, shape: Shape) => Parameter;
  readonly apply: (x: Tensor, weights: LayerWeights) => Tensor;
}

/** The step of a layer with weights, and that of its activation. */
export function affine(
  layer: SavedLayer,
  { weights: saved }: BuildContext,
  { kernelName, kernelShape, outputs, out, weightOf, apply }: AffineLayer,
): BuiltLayer {
  // All that can be wrong with the file is found before memory is taken.
  const kernel = saved.take(layer, kernelName, kernelShape);
  const bias = layer.flag('use_bias', true) ? saved.take(layer, 'bias', [outputs]) : null;
  const isTrained = layer.flag('trainable', true);
  const activation = activationOf(layer, out);

  const weights = new LayerWeights(
    weightOf(kernel, kernelShape),
    bias && parameterOf(bias, [outputs]),
  );
  for (const parameter of weights.parameters()) parameter.requiresGrad = isTrained;
  const steps: Step[] = [{ name: layer.name, weights, apply: (x) => apply(x, weights) }];
  if (activation) steps.push({ name: layer.name, weights: null, apply: activation });
  return { steps, flow: out };
}
