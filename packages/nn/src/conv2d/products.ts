import {
  defineFunction,
  empty,
  type Context,
  type Conv2dGeometry,
  type FunctionDefinition,
  type Tensor,
} from '@unfold/core';
import { defineGradient } from '@unfold/core/internal';
import { addByChannel, channelSums } from '../channels.js';
import type { ConvRoute } from './conv-route.js';

/*
 * A convolution, its gradient by x and its gradient by weight are three products of two factors each,
 * linear in both. So each one's gradients are the other two:
 *
 *   out     = x * weight        dX = inputProduct(dOut, weight)    dWeight = weightProduct(x, dOut)
 *   dX      = inputProduct      by dOut: d * weight                by weight: weightProduct(d, dOut)
 *   dWeight = weightProduct     by x: inputProduct(dOut, d)        by dOut: x * d
 *
 * where d is the gradient of what stands on the left.
 */

/** How a product is made, whichever of the three it is. */
export interface ConvPlan {
  readonly geometry: Conv2dGeometry;
  readonly route: ConvRoute;
  /** The operation that the results are said to be made by. */
  readonly origin: string;
}

interface Factors extends ConvPlan {
  readonly a: Tensor;
  readonly b: Tensor;
}

type Inputs = [a: Tensor, b: Tensor, bias: Tensor | null, plan: ConvPlan];

/** `out [N, OC, OH, OW]` of `x [N, groups·C, H, W]`, `weight [OC, C, KH, KW]` and `bias [OC]`. */
const convolution: FunctionDefinition<Factors, Inputs, Tensor> = {
  forward(ctx, x, weight, bias, { geometry, route, origin }) {
    ctx.save({ a: x, b: weight, geometry, route, origin });
    const { N, OC, window } = geometry;
    const out = empty([N, OC, window.OH, window.OW], x.dtype, origin);
    route.forward(out, x, weight, bias, geometry);
    return out;
  },

  backward(ctx, dOut) {
    const { a: x, b: weight, ...plan } = ctx.saved;
    const [needsDX, needsDWeight, needsDBias] = ctx.needsInputGrad;
    const dX = needsDX ? inputProduct(dOut, weight, null, plan) : null;
    if (!needsDWeight && !needsDBias) return [dX, null, null];
    // The bias alone is rarely asked for: one call gives both.
    const [dWeight, dBias] = weightProduct(x, dOut, { ...plan, needsBias: needsDBias === true });
    return [dX, needsDWeight ? dWeight : null, needsDBias ? dBias : null];
  },
};

/** `dX` of `dOut` and `weight`; with a `bias` for each channel of dX it is the transposed convolution. */
const transposed: FunctionDefinition<Factors, Inputs, Tensor> = {
  forward(ctx, dOut, weight, bias, { geometry, route, origin }) {
    ctx.save({ a: dOut, b: weight, geometry, route, origin });
    const { N, groups, window } = geometry;
    const dX = empty([N, groups * window.C, window.H, window.W], dOut.dtype, origin);
    route.backwardInput(dX, dOut, weight, geometry);
    if (bias) addByChannel(dX, bias);
    return dX;
  },

  backward(ctx, d) {
    const { a: dOut, b: weight, ...plan } = ctx.saved;
    const [needsDOut, needsWeight, needsBias] = ctx.needsInputGrad;
    return [
      needsDOut ? forwardProduct(d, weight, null, plan) : null,
      needsWeight ? weightProduct(d, dOut, { ...plan, needsBias: false })[0] : null,
      needsBias ? channelSums(d) : null,
    ];
  },
};

export const conv2dFunction = defineFunction('conv2d', convolution);
export const convTranspose2dFunction = defineFunction('convTranspose2d', transposed);

const forwardProduct = defineGradient('conv2d', convolution);
const inputProduct = defineGradient('conv2dBackwardInput', transposed);

/** `dWeight` of `x` and `dOut`, and with `needsBias` also `dBias`, the sum of dOut for each channel. */
const weightProduct = defineGradient('conv2dBackwardWeight', {
  forward(
    ctx: Context<Factors>,
    x: Tensor,
    dOut: Tensor,
    { geometry, route, origin, needsBias }: ConvPlan & { readonly needsBias: boolean },
  ): readonly Tensor[] {
    ctx.save({ a: x, b: dOut, geometry, route, origin });
    const { OC, window } = geometry;
    const dWeight = empty([OC, window.C, window.KH, window.KW], x.dtype, origin);
    const dBias = needsBias ? empty([OC], x.dtype, origin) : null;
    route.backwardWeight(dWeight, dBias, x, dOut, geometry);
    return dBias ? [dWeight, dBias] : [dWeight];
  },

  backward(ctx, d, dOfBias?: Tensor) {
    const { a: x, b: dOut, ...plan } = ctx.saved;
    const [needsX, needsDOut] = ctx.needsInputGrad;
    return [
      needsX ? inputProduct(dOut, d, null, plan) : null,
      needsDOut ? forwardProduct(x, d, dOfBias ?? null, plan) : null,
    ];
  },
});
