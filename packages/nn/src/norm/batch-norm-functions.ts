import {
  bufferOf,
  defineFunction,
  empty,
  full,
  kernelsFor,
  moreKernelsFor,
  mul,
  reshape,
  slice,
  sub,
  sum,
  zeros,
  type ChannelsGeometry,
  type Context,
  type DeviceBuffer,
  type Tensor,
} from '@unfold/core';
import { fills, hostCall, int32Of, reads } from '@unfold/core/internal';
import { byChannel, planesOf, sumByChannel } from '../channels.js';
import { normalisedGradients } from './recorded.js';

/*
 * Batch normalisation of x [N, C, …] is y = (x - mean)/√(variance + eps)·weight + bias, one mean and
 * one variance for each channel (Ioffe and Szegedy, 2015). Its statistics are a tensor [3, C]: means,
 * variances and 1/√(variance + eps), as core's kernels take them.
 */

interface Saved {
  readonly x: Tensor;
  readonly statistics: Tensor;
  readonly weight: Tensor | null;
  readonly eps: number;
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

/** Takes the statistics of a batch of `count` values to a channel into the running ones. */
export function track(
  statistics: Tensor,
  count: number,
  { mean, variance, momentum, batches }: Running,
): void {
  if (!mean && !batches) return;
  // Where there are none, a buffer stands for them of which no channel is touched.
  const channels = mean ? mean.size : 0;
  // Where nobody counts, nobody asks for the number.
  const counter = batches ?? empty([], 'int32', 'batchNorm');
  changing(counter);
  moreKernelsFor(statistics.dtype).trackMoments(
    int32Of('batchNorm', counter),
    changing(mean ?? statistics),
    changing(variance ?? statistics),
    bufferOf(statistics),
    { channels, count, momentum },
  );
}

/** The buffer of a tensor that a kernel changes; the change is counted. */
function changing(x: Tensor): DeviceBuffer {
  x.updateBuffer(() => undefined);
  return bufferOf(x);
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
    moreKernelsFor(x.dtype).moments(bufferOf(statistics), bufferOf(x), { ...geometry, eps });
    track(statistics, geometry.outer * geometry.inner, running);
    ctx.save({ x, statistics, weight, eps });
    return normalised(x, statistics, weight, bias);
  },

  backward(ctx, dOut) {
    const { x, statistics } = ctx.saved;
    const [needsX, needsWeight, needsBias] = ctx.needsInputGrad;
    if (!needsX && !needsWeight) return [null, null, biasGradient(dOut)];
    const { dWeight, dBias, factors } = channelSums(dOut, ctx.saved);
    return [
      needsX ? inputGradient(dOut, x, statistics, factors) : null,
      needsWeight ? dWeight : null,
      needsBias ? dBias : null,
    ];
  },

  recordedBackward(ctx, dOut) {
    const { x, weight, eps } = ctx.saved;
    return normalisedGradients(ctx.needsInputGrad, dOut, x, weight, {
      ...perChannel(x),
      eps,
      isCentred: true,
    });
  },
});

/** The axes that a channel's statistics are taken over, and the shape of what broadcasts to x. */
function perChannel({ shape, ndim }: Tensor): {
  axes: number[];
  others: number[];
  shape: number[];
} {
  const axes = shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  return { axes, others: axes, shape: [shape[1], ...new Array<number>(ndim - 2).fill(1)] };
}

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
    ctx.save({ x, statistics, weight, eps });
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
    const sums = needsWeight ? channelSums(dOut, ctx.saved) : null;
    return [
      needsX ? dX() : null,
      sums ? sums.dWeight : null,
      needsBias ? (sums?.dBias ?? biasGradient(dOut)) : null,
    ];
  },

  recordedBackward(ctx, dOut) {
    const { x, statistics, weight } = ctx.saved;
    const [needsX, needsWeight, needsBias] = ctx.needsInputGrad;
    const { axes, shape } = perChannel(x);
    const [means, , inverses] = [0, 1, 2].map((row) =>
      reshape(slice(statistics, [[row, row + 1]]), shape),
    );
    return [
      needsX ? mul(dOut, weight ? mul(reshape(weight, shape), inverses) : inverses) : null,
      needsWeight ? sum(mul(dOut, mul(sub(x, means), inverses)), axes) : null,
      needsBias ? sum(dOut, axes) : null,
    ];
  },
});

/** How core's kernels see x `[N, C, …]`. */
function channelsOf(x: Tensor): ChannelsGeometry {
  const { N, C, p } = planesOf(x);
  return { outer: N, channels: C, inner: p };
}

export function normalised(
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
  moreKernelsFor(x.dtype).normalise(
    bufferOf(out),
    bufferOf(x),
    bufferOf(statistics),
    bufferOf(factors),
    bufferOf(offsets),
    geometry,
  );
  return out;
}

interface ChannelSums {
  /** The gradients by weight and bias, `[C]` each. */
  readonly dWeight: Tensor;
  readonly dBias: Tensor;
  /** What the gradient by x takes of them, `[3, C]`. */
  readonly factors: Tensor;
}

export function channelSums(dOut: Tensor, { x, statistics, weight }: Saved): ChannelSums {
  const geometry = channelsOf(x);
  const { channels } = geometry;
  const dWeight = empty([channels], x.dtype, 'batchNorm');
  const dBias = empty([channels], x.dtype, 'batchNorm');
  const factors = empty([3, channels], x.dtype, 'batchNorm');
  moreKernelsFor(x.dtype).normaliseSums(
    bufferOf(dWeight),
    bufferOf(dBias),
    bufferOf(factors),
    bufferOf(dOut),
    bufferOf(x),
    bufferOf(statistics),
    bufferOf(weight ?? full([channels], 1, { dtype: x.dtype })),
    geometry,
  );
  return { dWeight, dBias, factors };
}

function biasGradient(dOut: Tensor): Tensor {
  const dBias = empty([channelsOf(dOut).channels], dOut.dtype, 'batchNorm');
  sumByChannel(dBias, dOut);
  return dBias;
}

export function inputGradient(
  dOut: Tensor,
  x: Tensor,
  statistics: Tensor,
  factors: Tensor,
): Tensor {
  const dX = empty(x.shape, x.dtype, 'batchNorm');
  moreKernelsFor(x.dtype).normaliseBackward(
    bufferOf(dX),
    bufferOf(dOut),
    bufferOf(x),
    bufferOf(statistics),
    bufferOf(factors),
    channelsOf(x),
  );
  return dX;
}
