import {
  bufferOf,
  defineFunction,
  empty,
  full,
  kernelsFor,
  zeros,
  type ChannelsGeometry,
  type Context,
  type Tensor,
} from '@unfold/core';
import { fills, hostCall, reads, updates } from '@unfold/core/internal';
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

/** Running statistics, `[C]` each, which move towards those of each batch. */
export interface Running {
  readonly mean: Tensor | null;
  readonly variance: Tensor | null;
  /** The batch's share; null is 1/n for the n-th batch. */
  readonly momentum: number | null;
  /** An int32 scalar, the number of batches so far. */
  readonly batches: Tensor | null;
}

interface ByBatch {
  readonly eps: number;
  readonly running: Running;
}

/**
 * Takes the statistics of a batch of `count` values to a channel into the running ones:
 * running = (1 - share)·running + share·batch, also where one of them is infinite, with the unbiased
 * variance.
 */
function track(
  statistics: Tensor,
  count: number,
  { mean, variance, momentum, batches }: Running,
): void {
  const own = [mean, variance].filter((vector) => vector !== null);
  const counter = batches ? [updates(batches)] : [];
  if (own.length + counter.length === 0) return;
  const uses = [reads(statistics), ...own.map(updates), ...counter];
  hostCall('batchNorm', uses, (batch, ...rest) => {
    const number = counter.length > 0 ? rest[own.length][0] + 1 : 1;
    if (counter.length > 0) rest[own.length][0] = number;
    const share = momentum ?? 1 / number;
    own.forEach((vector, i) => {
      const running = rest[i];
      const C = running.length;
      const isVariance = vector === variance;
      for (let c = 0; c < C; c++) {
        const value = isVariance ? (batch[C + c] * count) / (count - 1) : batch[c];
        running[c] = (1 - share) * running[c] + share * value;
      }
    });
  });
}

/** By the mean and variance of the batch itself, through which the gradient flows too. */
export const normaliseByBatch = defineFunction('batchNorm', {
  forward(
    ctx: Context<Saved>,
    x: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    { eps, running }: ByBatch,
  ) {
    const geometry = channelsOf(x);
    const statistics = empty([3, geometry.channels], x.dtype, 'batchNorm');
    kernelsFor(x.dtype).moments(bufferOf(statistics), bufferOf(x), { ...geometry, eps });
    track(statistics, geometry.outer * geometry.inner, running);
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
    const uses = [fills(statistics), reads(mean), reads(variance)];
    hostCall('batchNorm', uses, (data, means, variances) => {
      data.set(means);
      data.set(variances, channels);
      for (let c = 0; c < channels; c++) {
        data[2 * channels + c] = 1 / Math.sqrt(variances[c] + eps);
      }
    });
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
      const uses = [fills(slopes), reads(statistics), ...(weight ? [reads(weight)] : [])];
      hostCall('batchNorm', uses, (data, numbers, factors?) => {
        for (let c = 0; c < channels; c++) {
          data[c] = numbers[2 * channels + c] * (factors ? factors[c] : 1);
        }
      });
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
  const sums = [reads(dBias), reads(dWeight), ...(weight ? [reads(weight)] : [])];
  hostCall('batchNorm', [fills(vectors), ...sums], (data, ofBias, ofWeight, factors?) => {
    for (let c = 0; c < channels; c++) {
      const factor = factors ? factors[c] : 1;
      data[c] = factor;
      data[channels + c] = (factor * ofBias[c]) / count;
      data[2 * channels + c] = (factor * ofWeight[c]) / count;
    }
  });
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
