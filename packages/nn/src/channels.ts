import {
  add,
  bufferOf,
  empty,
  kernelsFor,
  reshape,
  sizeOf,
  zeros,
  type BroadcastGeometry,
  type Context,
  type Shape,
  type Tensor,
} from '@unfold/core';
import { defineGradient } from '@unfold/core/internal';

/** x `[N, C, …]` as N images of C channels with p values each. */
export interface Planes {
  readonly N: number;
  readonly C: number;
  readonly p: number;
}

export function planesOf({ shape: [N = 0, C = 0, ...places] }: Tensor): Planes {
  return { N, C, p: sizeOf(places) };
}

/** How a broadcast kernel walks x `[N, C, …]` and a vector `[C]`, one value for each channel. */
export function byChannel(x: Tensor): BroadcastGeometry {
  const { N, C, p } = planesOf(x);
  // Strides of 0 repeat the vector; an axis of one value would make every row that short.
  return p === 1
    ? { shape: [N, C], aStrides: [C, 1], bStrides: [0, 1] }
    : { shape: [N, C, p], aStrides: [C * p, p, 1], bStrides: [0, 1, 0] };
}

/** Adds a vector `[C]` to x `[N, C, …]`, in place. */
export function addByChannel(x: Tensor, vector: Tensor): void {
  kernelsFor(x.dtype).add(bufferOf(x), bufferOf(x), bufferOf(vector), byChannel(x));
}

/** Writes out `[C]`: the sums of x `[N, C, …]` over all but the channels. */
export function sumByChannel(out: Tensor, x: Tensor): void {
  const { N, C, p } = planesOf(x);
  const kernels = kernelsFor(x.dtype);
  if (p === 1) {
    kernels.sum(bufferOf(out), bufferOf(x), { outer: 1, n: N, inner: C });
    return;
  }
  const ofPlanes = empty([N, C], x.dtype, x.origin);
  kernels.sum(bufferOf(ofPlanes), bufferOf(x), { outer: N * C, n: p, inner: 1 });
  kernels.sum(bufferOf(out), bufferOf(ofPlanes), { outer: 1, n: N, inner: C });
}

/** The sums of x `[N, C, H, W]` over all but the channels, `[C]`, as a gradient that has one. */
export const channelSums = defineGradient('sum', {
  forward(ctx: Context<{ shape: Shape }>, x: Tensor) {
    ctx.save({ shape: x.shape });
    const out = empty([x.shape[1]], x.dtype, x.origin);
    sumByChannel(out, x);
    return out;
  },
  backward: (ctx, d) => add(zeros(ctx.saved.shape, { dtype: d.dtype }), reshape(d, [-1, 1, 1])),
});
