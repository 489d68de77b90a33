import { elementsOf, kernelsFor } from '@unfold/core';
import type { ConvRoute } from './route.js';

/** By core's convolution kernels, which never store the unfold. unfold-route.ts spells them out. */
export const kernelRoute: ConvRoute = {
  forward(out, x, weight, bias, geometry) {
    kernelsFor(x.dtype).conv2d(
      elementsOf(out),
      elementsOf(x),
      elementsOf(weight),
      bias && elementsOf(bias),
      geometry,
    );
  },

  backwardInput(dX, dOut, weight, geometry) {
    kernelsFor(dX.dtype).conv2dBackwardInput(
      elementsOf(dX),
      elementsOf(dOut),
      elementsOf(weight),
      geometry,
    );
  },

  backwardWeight(dWeight, dBias, x, dOut, geometry) {
    const { conv2dBackwardWeight } = kernelsFor(x.dtype);
    conv2dBackwardWeight(
      elementsOf(dWeight),
      dBias && elementsOf(dBias),
      elementsOf(x),
      elementsOf(dOut),
      geometry,
    );
  },
};
