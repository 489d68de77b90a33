import { grad, Tape, type Tensor, tensor } from '@unfold/core';
import { Conv2d, crossEntropy, evaluationMode } from '@unfold/nn';
import { inputOf } from './images.js';
import { floats, outputsOf, type Seen } from './look.js';
import type { ConvolutionView } from './protocol.js';
import { LAB_TEXTS } from '../texts/lab.js';

/**
 * A convolution of the network with a digit, forwards and backwards, for the cross entropy with a label. The
 * run stays as it is.
 * @param layer Its place in the network.
 * @throws Error if there is none at that place.
 */
export function convolutionOf(
  seen: Seen,
  layer: number,
  pixels: Uint8Array,
  label: number,
): ConvolutionView {
  const conv = [...seen.model][layer];
  if (!(conv instanceof Conv2d)) throw new Error(LAB_TEXTS.noConvolution(layer));
  const restore = evaluationMode(seen.model);
  try {
    return Tape.run(() => {
      const input = inputOf(pixels, seen.normalization);
      input.requiresGrad = true;
      const outputs = outputsOf(seen, input);
      const x = outputs[layer - 1] ?? input;
      const out = outputs[layer] ?? input;
      const logits = outputs.at(-1) ?? input;
      const loss = crossEntropy(logits, tensor(Int32Array.of(label), [1]));
      const [dX = x, dOut = out, dWeight = conv.weight] = grad(loss, [x, out, conv.weight]);
      return {
        inputShape: imageShape(x),
        x: floats(x),
        weight: floats(conv.weight),
        bias: conv.bias && floats(conv.bias),
        outputShape: imageShape(out),
        out: floats(out),
        dOut: floats(dOut),
        dX: floats(dX),
        dWeight: floats(dWeight),
      };
    });
  } finally {
    restore();
  }
}

function imageShape({ shape }: Tensor): readonly [number, number, number] {
  const [, channels = 0, height = 0, width = 0] = shape;
  return [channels, height, width];
}
