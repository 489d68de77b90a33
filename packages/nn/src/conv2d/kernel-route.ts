import { bufferOf, kernelsFor } from '@unfold/core';
import { fitsConv2d } from '@unfold/core/internal';
import type { ConvRoute } from './conv-route.js';
import { unfoldRoute } from './unfold-route.js';

/**
 * By core's convolution kernels, which never store the unfold. unfold-route.ts spells them out, and
 * does what they refuse: windows whose taps lie so far apart that the unfold is the smaller one.
 */
export const kernelRoute: ConvRoute = {
  forward(out, x, weight, bias, geometry) {
    if (!fitsConv2d('conv2d', geometry)) {
      unfoldRoute.forward(out, x, weight, bias, geometry);
      return;
    }
    kernelsFor(x.dtype).conv2d(
      bufferOf(out),
      bufferOf(x),
      bufferOf(weight),
      bias && bufferOf(bias),
      geometry,
    );
  },

  backwardInput(dX, dOut, weight, geometry) {
    if (!fitsConv2d('conv2dBackwardInput', geometry)) {
      unfoldRoute.backwardInput(dX, dOut, weight, geometry);
      return;
    }
    kernelsFor(dX.dtype).conv2dBackwardInput(
      bufferOf(dX),
      bufferOf(dOut),
      bufferOf(weight),
      geometry,
    );
  },

  backwardWeight(dWeight, dBias, x, dOut, geometry) {
    if (!fitsConv2d('conv2dBackwardWeight', geometry)) {
      unfoldRoute.backwardWeight(dWeight, dBias, x, dOut, geometry);
      return;
    }
    const { conv2dBackwardWeight } = kernelsFor(x.dtype);
    conv2dBackwardWeight(
      bufferOf(dWeight),
      dBias && bufferOf(dBias),
      bufferOf(x),
      bufferOf(dOut),
      geometry,
    );
  },
};
