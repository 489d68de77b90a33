import { slice, type Tensor } from '@unfold/core';
import { conv2d, convTranspose2d } from '@unfold/nn';
import { affine } from './affine.js';
import { type Builder, imageOf, type LayerWeights } from './flow.js';
import { convTransposeWeight, convWeight, depthwiseWeight } from './layout.js';
import { padUnevenly, sizeAfter, type Window, windowOf } from './windows.js';

/** Conv2D, as conv2d. */
export const convolution: Builder = (layer, flow, context) => {
  const [channels, ...size] = imageOf(layer, flow);
  const window = windowOf(layer, layer.pair('kernel_size'), [1, 1]);
  const groups = layer.count('groups', 1);
  const filters = layer.count('filters');
  if (channels % groups !== 0 || filters % groups !== 0) {
    throw layer.fail(
      `${channels} input channels and ${filters} filters must both be divisible by groups = ` +
        `${groups}; correct it in the file`,
    );
  }
  return affine(layer, context, {
    kernelName: 'kernel',
    kernelShape: [...window.kernel, channels / groups, filters],
    outputs: filters,
    out: { ...flow, shape: [filters, ...sizeAfter(layer, size, window)] },
    weightOf: convWeight,
    apply: (x, weights) => convolve(x, weights, window, groups),
  });
};

/** DepthwiseConv2D, as conv2d with a group for each channel. */
export const depthwiseConvolution: Builder = (layer, flow, context) => {
  const [channels, ...size] = imageOf(layer, flow);
  // TensorFlow.js saves this setting with the layer, and computes without it.
  layer.expectNeutral('dilation_rate', 1);
  const window = windowOf(layer, layer.pair('kernel_size'), [1, 1]);
  const multiplier = layer.count('depth_multiplier', 1);
  return affine(layer, context, {
    kernelName: 'depthwise_kernel',
    kernelShape: [...window.kernel, channels, multiplier],
    outputs: channels * multiplier,
    out: { ...flow, shape: [channels * multiplier, ...sizeAfter(layer, size, window)] },
    weightOf: depthwiseWeight,
    apply: (x, weights) => convolve(x, weights, window, channels),
  });
};

/** Conv2DTranspose, as convTranspose2d. */
export const transposedConvolution: Builder = (layer, flow, context) => {
  const [channels, H, W] = imageOf(layer, flow);
  layer.expectNeutral('dilation_rate', 1);
  layer.expectNeutral('output_padding', 0);
  const window = windowOf(layer, layer.pair('kernel_size'), [1, 1]);
  const filters = layer.count('filters');
  const size = [H && transposedSize(H, window, 0), W && transposedSize(W, window, 1)];
  return affine(layer, context, {
    kernelName: 'kernel',
    kernelShape: [...window.kernel, filters, channels],
    outputs: filters,
    out: { ...flow, shape: [filters, ...size] },
    weightOf: convTransposeWeight,
    apply: (x, weights) => convolveTransposed(x, weights, window),
  });
};

function convolve(x: Tensor, weights: LayerWeights, window: Window, groups: number): Tensor {
  const padded = padUnevenly(x, window, 0);
  return conv2d(padded.x, weights.weight, weights.bias, {
    stride: window.stride,
    padding: padded.padding,
    dilation: window.dilation,
    groups,
  });
}

/** `same` makes an image larger by the stride; `valid` keeps what the kernel reaches as well. */
function transposedSize(size: number, { kernel, stride, padding }: Window, axis: 0 | 1): number {
  const beyond = padding === 'valid' ? Math.max(0, kernel[axis] - stride[axis]) : 0;
  return size * stride[axis] + beyond;
}

/**
 * The adjoint of a convolution that pads as TensorFlow.js does: what that would have padded is cut
 * off. convTranspose2d cuts as much on both sides, so where the pixels are odd, one is left at the
 * end.
 */
function convolveTransposed(x: Tensor, { weight, bias }: LayerWeights, window: Window): Tensor {
  const { kernel, stride } = window;
  const along = (compute: (axis: 0 | 1) => number): [number, number] => [compute(0), compute(1)];
  const out = convTranspose2d(x, weight, bias, {
    stride,
    padding: along((axis) =>
      window.padding === 'same' ? Math.floor(Math.max(0, kernel[axis] - stride[axis]) / 2) : 0,
    ),
    outputPadding: along((axis) => Math.max(0, stride[axis] - kernel[axis])),
  });
  const [, , H = 0, W = 0] = x.shape;
  const [outH, outW] = [transposedSize(H, window, 0), transposedSize(W, window, 1)];
  if (out.shape[2] === outH && out.shape[3] === outW) return out;
  return slice(out, [null, null, [0, outH], [0, outW]]);
}
