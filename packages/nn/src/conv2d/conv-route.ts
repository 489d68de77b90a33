import type { Conv2dGeometry, Tensor } from '@unfold/core';

/**
 * The three products that a convolution and its gradients are. All write: what the output held does
 * not matter. Nothing is checked; shapes follow from the geometry.
 *
 * They are also the three that a transposed convolution is: `backwardInput` is its forward.
 */
export interface ConvRoute {
  /** `out [N, OC, OH, OW]` from `x [N, C, H, W]`, `weight [OC, C/groups, KH, KW]`, `bias [OC]`. */
  forward(
    out: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | null,
    geometry: Conv2dGeometry,
  ): void;
  /** The gradient by x: every dOut times weight is added to the pixels that it was made of. */
  backwardInput(dX: Tensor, dOut: Tensor, weight: Tensor, geometry: Conv2dGeometry): void;
  /** The gradient by weight, and by bias unless that is null. */
  backwardWeight(
    dWeight: Tensor,
    dBias: Tensor | null,
    x: Tensor,
    dOut: Tensor,
    geometry: Conv2dGeometry,
  ): void;
}
