import type { ParameterView } from '../../lab/protocol.js';
import type { LayerReport } from '../../spec/network.js';
import { isImage } from '../../spec/kinds.js';
import type { NetworkSpec } from '../../spec/layers.js';

/** Pictures that a layer's weights are, and how they lie. */
export interface FilterPictures {
  readonly outputs: number;
  /** Pictures for each output. */
  readonly inputs: number;
  readonly height: number;
  readonly width: number;
}

/** The most pictures that are drawn of a layer. */
export const MOST_PICTURES = 128;

/** A layer whose weights can be seen as pictures. */
export interface SeenLayer {
  readonly layer: number;
  readonly name: string;
}

/** The convolutions of a network, and a linear layer that sees the whole digit. */
export function seenLayers(network: NetworkSpec, reports: readonly LayerReport[]): SeenLayer[] {
  return network.flatMap(({ kind }, layer) => {
    const name = reports[layer]?.name ?? '';
    const isSeen = kind === 'conv' || (kind === 'linear' && seesDigit(network, reports, layer));
    return isSeen ? [{ layer, name }] : [];
  });
}

function seesDigit(network: NetworkSpec, reports: readonly LayerReport[], layer: number): boolean {
  const before = network[layer - 1];
  const shape = reports[layer - 1]?.input;
  return before?.kind === 'flatten' && !!shape && isImage(shape) && shape.join() === '1,28,28';
}

/** How a weight's values are pictures: kernels of a convolution `[OC, C, K, K]`, or of rows of a digit. */
export function picturesOf({ shape }: Pick<ParameterView, 'shape'>): FilterPictures {
  const [outputs = 0, inputs = 0, height, width] = shape;
  return height === undefined || width === undefined
    ? { outputs, inputs: 1, height: 28, width: 28 }
    : { outputs, inputs, height, width };
}
