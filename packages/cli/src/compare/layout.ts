import { elementsOf, permute, reshape, Scope, type Tensor } from '@unfold/core';

/** An array as TensorFlow.js takes it. */
export interface Weights {
  readonly data: Float32Array;
  readonly shape: number[];
}

/** `[OC, C, KH, KW]` → `[KH, KW, C, OC]`. */
export function filterWeights(weight: Tensor): Weights {
  return copyOf(() => permute(weight, [2, 3, 1, 0]));
}

/**
 * `[out, in]` → `[in, out]`. Where the inputs are the pixels of an image `[C, H, W]`, they are
 * numbered by channel, row, column on our side, and by row, column, channel on the other.
 */
export function matrixWeights(weight: Tensor, image?: readonly [number, number, number]): Weights {
  return copyOf(() => {
    if (!image) return permute(weight, [1, 0]);
    const [C, H, W] = image;
    return reshape(permute(reshape(weight, [-1, C, H, W]), [2, 3, 1, 0]), [C * H * W, -1]);
  });
}

/** A vector stays as it is. */
export function vectorWeights(bias: Tensor): Weights {
  return copyOf(() => bias);
}

/** Images `[N, C, H, W]` → `[N, H, W, C]`. */
export function imagesToNhwc(images: Tensor): Weights {
  return copyOf(() => permute(images, [0, 2, 3, 1]));
}

/** A copy of its own, for TensorFlow.js may keep what it is given. */
function copyOf(make: () => Tensor): Weights {
  return Scope.run(() => {
    const made = make();
    return { data: new Float32Array(elementsOf(made)), shape: [...made.shape] };
  });
}
