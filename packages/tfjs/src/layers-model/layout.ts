import { Parameter, permute, reshape, Scope, tensor, type Shape } from '@unfold/core';

/*
 * TensorFlow.js stores a kernel with its last axis the outputs, and images with their last axis the
 * channels. Unfold has both in front, as PyTorch.
 */

/** `[KH, KW, C/groups, OC]` of Conv2D → `[OC, C/groups, KH, KW]` of conv2d. */
export function convWeight(values: Float32Array, shape: Shape): Parameter {
  return parameterOf(values, shape, [3, 2, 0, 1]);
}

/** `[KH, KW, C, M]` of DepthwiseConv2D → `[C·M, 1, KH, KW]` of conv2d with C groups. */
export function depthwiseWeight(values: Float32Array, shape: Shape): Parameter {
  const [KH = 0, KW = 0] = shape;
  return parameterOf(values, shape, [2, 3, 0, 1], [-1, 1, KH, KW]);
}

/** `[KH, KW, OC, C]` of Conv2DTranspose → `[C, OC, KH, KW]` of convTranspose2d. */
export const convTransposeWeight = convWeight;

/** `[in, out]` of Dense → `[out, in]` of linear. */
export function denseWeight(values: Float32Array, shape: Shape): Parameter {
  return parameterOf(values, shape, [1, 0]);
}

/**
 * `[H·W·C, out]` of a Dense that follows Flatten → `[out, C·H·W]` of linear: the inputs are the same
 * pixels, channels first.
 */
export function denseWeightOfImage(
  values: Float32Array,
  [C, H, W]: readonly [number, number, number],
  outputs: number,
): Parameter {
  return parameterOf(values, [H, W, C, outputs], [3, 2, 0, 1], [outputs, C * H * W]);
}

/** A parameter of its own memory that holds `values` with the axes reordered, then reshaped. */
export function parameterOf(
  values: Float32Array,
  shape: Shape,
  axes: readonly number[] = shape.map((_, axis) => axis),
  finalShape?: Shape,
): Parameter {
  return Scope.run(() => {
    const ordered = permute(tensor(values, shape), axes);
    return new Parameter(reshape(ordered, finalShape ?? ordered.shape));
  });
}
