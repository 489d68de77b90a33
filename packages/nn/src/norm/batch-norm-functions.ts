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
import { byChannel, planesOf, sumByChannel, vectorOf } from '../channels.js';

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

/**
 * By the mean and variance of the batch itself, through which the gradient flows too.
 * @returns What is normalised, and the statistics, whose gradient is not asked for.
 */
export const normaliseByBatch = defineFunction('batchNorm', {
  forward(
    ctx: Context<Saved>,
    x: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    { eps }: { readonly eps: number },
  ) {
    const geometry = channelsOf(x);
    const statistics = empty([3, geometry.channels], x.dtype, 'batchNorm');
    kernelsFor(x.dtype).moments(bufferOf(statistics), bufferOf(x), { ...geometry, eps });
    const out = normalised(x, statistics, weight, bias);
    ctx.save({ x, statistics, weight });
    return [out, statistics] as const;
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

/** Means and variances that are given, such as running ones; they get no gradient. */
export interface ByNumbers {
  readonly eps: number;
  readonly means: ArrayLike<number>;
  readonly variances: ArrayLike<number>;
}

/** By given numbers: a scale and a shift of each channel. */
export const normaliseByNumbers = defineFunction('batchNorm', {
  forward(
    ctx: Context<Saved>,
    x: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    { eps, means, variances }: ByNumbers,
  ) {
    const inverses = Array.from(variances, (variance) => 1 / Math.sqrt(variance + eps));
    const numbers = [...Array.from(means), ...Array.from(variances), ...inverses];
    const statistics = vectorOf(numbers, x.dtype, 'batchNorm');
    const out = normalised(x, statistics, weight, bias);
    ctx.save({ x, statistics, weight });
    return out;
  },

  backward(ctx, dOut) {
    const { x, statistics, weight } = ctx.saved;
    const [needsX, needsWeight, needsBias] = ctx.needsInputGrad;
    const dX = (): Tensor => {
      const { channels } = channelsOf(x);
      const inverses = elementsOf(statistics).subarray(2 * channels);
      const factors = weight ? elementsOf(weight) : null;
      const slopes = vectorOf(
        Array.from(inverses, (inverse, c) => inverse * (factors?.[c] ?? 1)),
        x.dtype,
        'batchNorm',
      );
      try {
        const d = empty(x.shape, x.dtype, 'batchNorm');
        kernelsFor(x.dtype).mul(bufferOf(d), bufferOf(dOut), bufferOf(slopes), byChannel(x));
        return d;
      } finally {
        slopes.dispose();
      }
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
  const count = geometry.outer * geometry.inner;
  const factors = weight ? Array.from(elementsOf(weight)) : new Array(dBias.size).fill(1);
  const mean = (sums: Tensor): number[] =>
    Array.from(elementsOf(sums), (sum, c) => (factors[c] * sum) / count);
  const vector = vectorOf([...factors, ...mean(dBias), ...mean(dWeight)], x.dtype, 'batchNorm');
  try {
    const dX = empty(x.shape, x.dtype, 'batchNorm');
    kernelsFor(x.dtype).normaliseBackward(
      bufferOf(dX),
      bufferOf(dOut),
      bufferOf(x),
      bufferOf(statistics),
      bufferOf(vector),
      geometry,
    );
    return dX;
  } finally {
    vector.dispose();
  }
}
