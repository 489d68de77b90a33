import { conv2d, linear } from '@unfold/nn';
import { affine } from './affine.js';
import type { Builder } from './flow.js';
import { convWeight, denseWeight, denseWeightOfImage } from './layout.js';

/** Dense, as linear: over the last axis that the tensor has in TensorFlow.js. */
export const dense: Builder = (layer, flow, context) => {
  const units = layer.count('units');
  const { shape, theirs } = flow;
  const isImage = theirs === 'channelsLast';
  const inputs = isImage ? shape[0] : shape.at(-1);
  if (typeof inputs !== 'number') {
    throw layer.fail('expects a known number of inputs; save the model with its whole input shape');
  }
  const common = { kernelName: 'kernel', kernelShape: [inputs, units], outputs: units } as const;
  if (isImage) {
    // The channels of each pixel are its inputs: a convolution with a kernel of one pixel.
    return affine(layer, context, {
      ...common,
      out: { ...flow, shape: [units, ...shape.slice(1)] },
      weightOf: (kernel) => convWeight(kernel, [1, 1, inputs, units]),
      apply: (x, { weight, bias }) => conv2d(x, weight, bias),
    });
  }
  return affine(layer, context, {
    ...common,
    out: { shape: [...shape.slice(0, -1), units], theirs: 'same' },
    weightOf:
      theirs === 'same'
        ? denseWeight
        : (kernel) => denseWeightOfImage(kernel, theirs.flattened, units),
    apply: (x, { weight, bias }) => linear(x, weight, bias),
  });
};
