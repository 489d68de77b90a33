import type { Parameter, Tensor } from '@unfold/core';
import { Module } from '@unfold/nn';
import type { SavedLayer } from './saved-layer.js';
import type { SavedWeights } from './weights.js';

/** Channels, height, width. */
export type ImageSize = readonly [C: number, H: number, W: number];

/** The facts that are known of the tensor between two layers. */
export interface Flow {
  /** Its shape in Unfold, without the batch axis; null where any size will do. */
  readonly shape: readonly (number | null)[];
  /**
   * The order of the same numbers in TensorFlow.js: the same; channels last in an image; or
   * flattened from such an image, where Unfold has them flattened channels first.
   */
  readonly theirs: 'same' | 'channelsLast' | { readonly flattened: ImageSize };
}

/** A layer's weights, under the names that the state dict shows. */
export class LayerWeights extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(weight: Parameter, bias: Parameter | null) {
    super();
    this.weight = weight;
    this.bias = bias;
  }
}

/** A layer's work, ready to run. */
export interface Step {
  readonly name: string;
  readonly weights: LayerWeights | null;
  apply(x: Tensor): Tensor;
}

/** A layer's steps, none for one that changes nothing, and what leaves them. */
export interface BuiltLayer {
  readonly steps: readonly Step[];
  readonly flow: Flow;
}

/** Order of an image's axes in the saved model. */
export type DataFormat = 'channels_last' | 'channels_first';

export interface BuildContext {
  readonly weights: SavedWeights;
  /** The same in all layers of the model. */
  readonly dataFormat: DataFormat;
}

/** Turns a saved layer into steps. */
export type Builder = (layer: SavedLayer, flow: Flow, context: BuildContext) => BuiltLayer;

/** The steps of a layer without weights. */
export function stateless(layer: SavedLayer, flow: Flow, apply: Step['apply']): BuiltLayer {
  return { steps: [{ name: layer.name, weights: null, apply }], flow };
}

/** @throws FileFormatError unless images of a known number of channels arrive. */
export function imageOf(
  layer: SavedLayer,
  { shape }: Flow,
): [C: number, H: number | null, W: number | null] {
  const [C, H = null, W = null] = shape;
  if (shape.length !== 3) {
    throw layer.fail(
      `expects images, got tensors [N,${shape.map((size) => size ?? 'any').join(',')}]; put a ` +
        'Reshape before it',
    );
  }
  if (typeof C === 'number') return [C, H, W];
  throw layer.fail(
    'expects images with a known number of channels; save the model with its whole input shape',
  );
}

/** The same, where all three are known. */
export function knownImage({ shape }: Flow): ImageSize | undefined {
  const [C, H, W] = shape;
  const isKnown = typeof C === 'number' && typeof H === 'number' && typeof W === 'number';
  return shape.length === 3 && isKnown ? [C, H, W] : undefined;
}
