import { kernelsFor } from '@unfold/core';
import type { ConvRoute } from './route.js';

/** By core's convolution kernels, which never store the unfold. unfold-route.ts spells them out. */
export const kernelRoute: ConvRoute = {
  forward(out, x, weight, bias, geometry) {
    kernelsFor(x.dtype).conv2d(out.data, x.data, weight.data, bias?.data ?? null, geometry);
  },

  backwardInput(dX, dOut, weight, geometry) {
    kernelsFor(dX.dtype).conv2dBackwardInput(dX.data, dOut.data, weight.data, geometry);
  },

  backwardWeight(dWeight, dBias, x, dOut, geometry) {
    const { conv2dBackwardWeight } = kernelsFor(x.dtype);
    conv2dBackwardWeight(dWeight.data, dBias?.data ?? null, x.data, dOut.data, geometry);
  },
};
