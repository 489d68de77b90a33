import { engine, type Tensor } from '@unfold/core';
import type { ConvRoute } from './conv-route.js';
import { kernelRoute } from './kernel-route.js';
import { unfoldRoute } from './unfold-route.js';

/** The way to compute convolutions of x: by core's kernels where WebAssembly has them. */
export function routeFor(x: Tensor): ConvRoute {
  return x.dtype === 'float32' && engine().kernels === 'wasm' ? kernelRoute : unfoldRoute;
}
