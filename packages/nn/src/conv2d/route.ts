import type { Tensor } from '@unfold/core';
import { offersKernel } from '@unfold/core/internal';
import type { ConvRoute } from './conv-route.js';
import { kernelRoute } from './kernel-route.js';
import { unfoldRoute } from './unfold-route.js';

/** The way to compute convolutions of x: by the engine's own kernels where it has them. */
export function routeFor(x: Tensor): ConvRoute {
  return offersKernel('conv2d', x.dtype) ? kernelRoute : unfoldRoute;
}
