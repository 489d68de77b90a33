import {
  defineFunction,
  empty,
  kernelsFor,
  type Context,
  type Conv2dGeometry,
  type Tensor,
} from '@unfold/core';
import { conv2dGeometry, type Conv2dOptions } from './geometry.js';

interface Saved {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly geometry: Conv2dGeometry;
}

/** conv2d by core's convolution kernels, which never store the unfold. conv2d.ts spells it out. */
export const conv2dByKernel = defineFunction('conv2d', {
  forward(
    ctx: Context<Saved>,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | null,
    options: Conv2dOptions,
  ): Tensor {
    const geometry = conv2dGeometry(x.shape, weight.shape, bias?.shape ?? null, options);
    const { N, OC, window } = geometry;
    ctx.save({ x, weight, geometry });
    const out = empty([N, OC, window.OH, window.OW], x.dtype, 'conv2d');
    kernelsFor(x.dtype).conv2d(out.data, x.data, weight.data, bias?.data ?? null, geometry);
    return out;
  },

  backward(ctx, dOut) {
    const { x, weight, geometry } = ctx.saved;
    const [needsDX, needsDWeight, needsDBias] = ctx.needsInputGrad;
    const kernels = kernelsFor(x.dtype);
    const dX = needsDX ? empty(x.shape, x.dtype, 'conv2d') : null;
    if (dX) kernels.conv2dBackwardInput(dX.data, dOut.data, weight.data, geometry);
    if (!needsDWeight && !needsDBias) return [dX, null, null];
    // The bias alone is rarely asked for: one kernel gives both.
    const dWeight = empty(weight.shape, x.dtype, 'conv2d');
    const dBias = needsDBias ? empty([geometry.OC], x.dtype, 'conv2d') : null;
    const dBiasData = dBias?.data ?? null;
    kernels.conv2dBackwardWeight(dWeight.data, dBiasData, x.data, dOut.data, geometry);
    return [dX, needsDWeight ? dWeight : null, dBias];
  },
});
