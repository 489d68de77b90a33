import { empty, kernelsFor, type Tensor } from '@unfold/core';

/** Adds bias `[C]` to every pixel of out `[N, C, H, W]`, in place. */
export function addBias(out: Tensor, bias: Tensor): void {
  const [N, C, p] = planes(out);
  // Strides of 0 repeat the bias over images and pixels.
  const repeated = { shape: [N, C, p], aStrides: [C * p, p, 1], bStrides: [0, 1, 0] };
  kernelsFor(out.dtype).add(out.data, out.data, bias.data, repeated);
}

/** Writes dBias `[C]`: the sum of dOut `[N, C, H, W]` over images and pixels. */
export function sumToBias(dBias: Tensor, dOut: Tensor): void {
  const [N, C, p] = planes(dOut);
  const kernels = kernelsFor(dOut.dtype);
  using overPixels = empty([N, C], dOut.dtype, dOut.origin);
  kernels.sum(overPixels.data, dOut.data, { outer: N * C, n: p, inner: 1 });
  kernels.sum(dBias.data, overPixels.data, { outer: 1, n: N, inner: C });
}

/** Images, channels, and pixels of a channel. */
function planes({ shape: [N = 0, C = 0, H = 0, W = 0] }: Tensor): [number, number, number] {
  return [N, C, H * W];
}
