import {
  bufferOf,
  defineFunction,
  elementsOf,
  empty,
  full,
  kernelsFor,
  zeros,
  type ChannelsGeometry,
  type Context,
  type Tensor,
} from '@unfold/core';
import { byChannel, planesOf, sumByChannel } from '../channels.js';

/*
 * Batch normalisation of x [N, C, …] is y = (x - mean)/√(variance + eps)·weight + bias, one mean and
 * one variance for each channel (Ioffe and Szegedy, 2015). Its statistics are a tensor [3, C]: means,
 * variances and 1/√(variance + eps), as core's kernels take them.
 */

interface Saved {
  readonly x: Tensor;
  readonly statistics: Tensor;
  readonly weight: Tensor | null;
}

/** Where the numbers of a batch are left: its means and then its variances, `[2, C]`. */
interface ByBatch {
  readonly eps: number;
  readonly moments: Float64Array;
}

/** By the mean and variance of the batch itself, through which the gradient flows too. */
export const normaliseByBatch = defineFunction('batchNorm', {
  forward(
    ctx: Context<Saved>,
    x: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    { eps, moments }: ByBatch,
  ) {
    const geometry = channelsOf(x);
    const statistics = empty([3, geometry.channels], x.dtype, 'batchNorm');
    kernelsFor(x.dtype).moments(bufferOf(statistics), bufferOf(x), { ...geometry, eps });
    moments.set(elementsOf(statistics).subarray(0, moments.length));
    ctx.save({ x, statistics, weight });
    return normalised(x, statistics, weight, bias);
  },

  backward(ctx, dOut) {
    const { x, statistics, weight } = ctx.saved;
    const [needsX, needsWeight, needsBias] = ctx.needsInputGrad;
    if (!needsX && !needsWeight) return [null, null, biasGradient(dOut)];
    const [dWeight, dBias] = parameterGradients(dOut, x, statistics);
    return [
      needsX ? inputGradient(dOut, { x, statistics, weight }, dWeight, dBias) : null,
      needsWeight ? dWeight : null,
      needsBias ? dBias : null,
    ];
  },
});

/** Means and variances that are given, `[C]` each, such as running ones; they get no gradient. */
interface ByNumbers {
  readonly eps: number;
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** By given numbers: a scale and a shift of each channel. */
export const normaliseByNumbers = defineFunction('batchNorm', {
  forward(
    ctx: Context<Saved>,
    x: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    { eps, mean, variance }: ByNumbers,
  ) {
    const { channels } = channelsOf(x);
    const statistics = empty([3, channels], x.dtype, 'batchNorm');
    const [data, variances] = [elementsOf(statistics), elementsOf(variance)];
    data.set(elementsOf(mean));
    data.set(variances, channels);
    for (let c = 0; c < channels; c++) {
      data[2 * channels + c] = 1 / Math.sqrt(variances[c] + eps);
    }
    ctx.save({ x, statistics, weight });
    return normalised(x, statistics, weight, bias);
  },

  backward(ctx, dOut) {
    const { x, statistics, weight } = ctx.saved;
    const [needsX, needsWeight, needsBias] = ctx.needsInputGrad;
    const dX = (): Tensor => {
      const { channels } = channelsOf(x);
      const slopes = empty([channels], x.dtype, 'batchNorm');
      const d = empty(x.shape, x.dtype, 'batchNorm');
      const [data, numbers] = [elementsOf(slopes), elementsOf(statistics)];
      const factors = weight && elementsOf(weight);
      for (let c = 0; c < channels; c++) {
        data[c] = numbers[2 * channels + c] * (factors ? factors[c] : 1);
      }
      kernelsFor(x.dtype).mul(bufferOf(d), bufferOf(dOut), bufferOf(slopes), byChannel(x));
      return d;
    };
    const gradients = needsWeight ? parameterGradients(dOut, x, statistics) : null;
    return [
      needsX ? dX() : null,
      gradients ? gradients[0] : null,
      needsBias ? (gradients?.[1] ?? biasGradient(dOut)) : null,
    ];
  },
});

/** How core's kernels see x `[N, C, …]`. */
function channelsOf(x: Tensor): ChannelsGeometry {
  const { N, C, p } = planesOf(x);
  return { outer: N, channels: C, inner: p };
}

function normalised(
  x: Tensor,
  statistics: Tensor,
  weight: Tensor | null,
  bias: Tensor | null,
): Tensor {
  const geometry = channelsOf(x);
  const shape = [geometry.channels];
  const factors = weight ?? full(shape, 1, { dtype: x.dtype });
  const offsets = bias ?? zeros(shape, { dtype: x.dtype });
  const out = empty(x.shape, x.dtype, 'batchNorm');
  kernelsFor(x.dtype).normalise(
    bufferOf(out),
    bufferOf(x),
    bufferOf(statistics),
    bufferOf(factors),
    bufferOf(offsets),
    geometry,
  );
  return out;
}

/** The gradients by weight and bias, `[C]` each. */
function parameterGradients(
  dOut: Tensor,
  x: Tensor,
  statistics: Tensor,
): readonly [Tensor, Tensor] {
  const geometry = channelsOf(x);
  const dWeight = empty([geometry.channels], x.dtype, 'batchNorm');
  const dBias = empty([geometry.channels], x.dtype, 'batchNorm');
  kernelsFor(x.dtype).normaliseSums(
    bufferOf(dWeight),
    bufferOf(dBias),
    bufferOf(dOut),
    bufferOf(x),
    bufferOf(statistics),
    geometry,
  );
  return [dWeight, dBias];
}

function biasGradient(dOut: Tensor): Tensor {
  const dBias = empty([channelsOf(dOut).channels], dOut.dtype, 'batchNorm');
  sumByChannel(dBias, dOut);
  return dBias;
}

/** The gradient by x, from those by weight and bias: they are the sums that it takes. */
function inputGradient(
  dOut: Tensor,
  { x, statistics, weight }: Saved,
  dWeight: Tensor,
  dBias: Tensor,
): Tensor {
  const geometry = channelsOf(x);
  const { channels } = geometry;
  const count = geometry.outer * geometry.inner;
  const dX = empty(x.shape, x.dtype, 'batchNorm');
  // A factor for each channel, and the means of the two sums, times it.
  const vectors = empty([3, channels], x.dtype, 'batchNorm');
  const data = elementsOf(vectors);
  const [ofBias, ofWeight] = [elementsOf(dBias), elementsOf(dWeight)];
  const factors = weight && elementsOf(weight);
  for (let c = 0; c < channels; c++) {
    const factor = factors ? factors[c] : 1;
    data[c] = factor;
    data[channels + c] = (factor * ofBias[c]) / count;
    data[2 * channels + c] = (factor * ofWeight[c]) / count;
  }
  kernelsFor(x.dtype).normaliseBackward(
    bufferOf(dX),
    bufferOf(dOut),
    bufferOf(x),
    bufferOf(statistics),
    bufferOf(vectors),
    geometry,
  );
  return dX;
}
