import {
  defineFunction,
  elementsOf,
  empty,
  kernelsFor,
  type Context,
  type Tensor,
} from '@unfold/core';
import { addByChannel, byChannel, channelSums, planesOf, vectorOf } from '../channels.js';
import { isOutOfRange, normaliseScaled, type Together } from './scaled.js';

/*
 * Batch normalisation of x [N, C, …] is y = (x - mean)/√(variance + eps)·weight + bias, one mean and
 * one variance for each channel (Ioffe and Szegedy, 2015). The numbers of a channel are few: they
 * are reckoned in double precision, off the heap. What is as large as x goes through kernels.
 */

/** One number for each channel. */
type PerChannel = Float64Array;

interface BatchSaved {
  /** x - mean, as x; normalised where the squares were out of range. */
  readonly centred: Tensor;
  /** What makes `centred` normalised: 1/√(variance + eps), or 1. */
  readonly inverse: PerChannel;
  /** The slope of the result by x: 1/√(variance + eps). */
  readonly slopes: PerChannel;
  readonly weight: Tensor | null;
}

/** How `normaliseByBatch` goes about it. */
export interface ByBatch {
  readonly eps: number;
  /** Is told the batch's means and its variances, the sum of squares divided by the count. */
  readonly observe: (means: PerChannel, variances: PerChannel) => void;
}

/** By the mean and variance of the batch itself, through which the gradient flows too. */
export const normaliseByBatch = defineFunction('batchNorm', {
  forward(
    ctx: Context<BatchSaved>,
    x: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    { eps, observe }: ByBatch,
  ) {
    const count = countOf(x);
    const centred = empty(x.shape, x.dtype, 'batchNorm');
    const out = empty(x.shape, x.dtype, 'batchNorm');
    const means = channelSums(x).map((total) => total / count);
    subtract(centred, x, means);
    // Σ(x - mean)² and not Σx² - (Σx)²/count, which cancels where the mean is large.
    const variances = dots(centred, centred, out).map((square) => square / count);
    const inverse = variances.map((variance) => 1 / Math.sqrt(variance + eps));
    const slopes = inverse.slice();
    for (const [c, variance] of variances.entries()) {
      if (!isOutOfRange(variance, eps)) continue;
      const found = normaliseScaled(centred, x, channelOf(x, c), eps);
      if (!found) continue;
      means[c] = found.mean;
      variances[c] = found.variance;
      inverse[c] = 1;
      slopes[c] = found.inverse;
    }
    scale(out, centred, timesWeight(inverse, weight));
    if (bias) addByChannel(out, bias);
    ctx.save({ centred, inverse, slopes, weight });
    observe(means, variances);
    return out;
  },

  backward(ctx, dOut) {
    const { centred, inverse, slopes, weight } = ctx.saved;
    const [needsX, needsWeight] = ctx.needsInputGrad;
    const sums = channelSums(dOut);
    if (!needsX && !needsWeight) return [null, null, vectorOf(sums, dOut.dtype, 'batchNorm')];
    const dX = empty(dOut.shape, dOut.dtype, 'batchNorm');
    const products = dots(dOut, centred, dX);
    if (needsX) {
      // dX = weight·slope·(dOut - mean(dOut) - normalised·mean(dOut·normalised)), and normalised is
      // centred·inverse.
      const count = countOf(dOut);
      const shares = products.map((dot, c) => (dot * (inverse[c] as number) ** 2) / count);
      scale(dX, centred, shares);
      const flat = { shape: [dX.size], aStrides: [1], bStrides: [1] };
      kernelsFor(dX.dtype).sub(elementsOf(dX), elementsOf(dOut), elementsOf(dX), flat);
      const means = sums.map((total) => total / count);
      subtract(dX, dX, means);
      scale(dX, dX, timesWeight(slopes, weight));
    }
    const dWeight = products.map((dot, c) => dot * (inverse[c] as number));
    return [
      needsX ? dX : null,
      needsWeight ? vectorOf(dWeight, dOut.dtype, 'batchNorm') : null,
      ctx.needsInputGrad[2] ? vectorOf(sums, dOut.dtype, 'batchNorm') : null,
    ];
  },
});

/** Means and variances that are given, such as running ones; they get no gradient. */
export interface ByNumbers {
  readonly eps: number;
  readonly means: PerChannel;
  readonly variances: PerChannel;
}

interface NumbersSaved {
  readonly x: Tensor;
  readonly means: PerChannel;
  readonly inverse: PerChannel;
  readonly weight: Tensor | null;
}

/** By given numbers: a scale and a shift of each channel. */
export const normaliseByNumbers = defineFunction('batchNorm', {
  forward(
    ctx: Context<NumbersSaved>,
    x: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    { eps, means, variances }: ByNumbers,
  ) {
    const inverse = variances.map((variance) => 1 / Math.sqrt(variance + eps));
    const scales = timesWeight(inverse, weight);
    const offsets = bias ? Float64Array.from(elementsOf(bias)) : new Float64Array(scales.length);
    const shifts = offsets.map((b, c) => b - (means[c] as number) * (scales[c] as number));
    const shift = vectorOf(shifts, x.dtype, 'batchNorm');
    const out = empty(x.shape, x.dtype, 'batchNorm');
    scale(out, x, scales);
    addByChannel(out, shift);
    ctx.save({ x, means, inverse, weight });
    return out;
  },

  backward(ctx, dOut) {
    const { x, means, inverse, weight } = ctx.saved;
    const scratch = empty(dOut.shape, dOut.dtype, 'batchNorm');
    const dWeight = (): Tensor => {
      subtract(scratch, x, means);
      const products = dots(dOut, scratch, scratch);
      const slopes = products.map((dot, c) => dot * (inverse[c] as number));
      return vectorOf(slopes, dOut.dtype, 'batchNorm');
    };
    const dX = (): Tensor => {
      scale(scratch, dOut, timesWeight(inverse, weight));
      return scratch;
    };
    const [needsX, needsWeight, needsBias] = ctx.needsInputGrad;
    // Weight first: dX takes the scratch for itself.
    const ofWeight = needsWeight ? dWeight() : null;
    return [
      needsX ? dX() : null,
      ofWeight,
      needsBias ? vectorOf(channelSums(dOut), dOut.dtype, 'batchNorm') : null,
    ];
  },
});

/** Where the values of one channel lie. */
function channelOf(x: Tensor, channel: number): Together {
  const { N, C, p } = planesOf(x);
  return { starts: Array.from({ length: N }, (_, n) => (n * C + channel) * p), length: p };
}

/** Values of one channel. */
function countOf(x: Tensor): number {
  const { N, p } = planesOf(x);
  return N * p;
}

function timesWeight(numbers: PerChannel, weight: Tensor | null): PerChannel {
  if (!weight) return numbers;
  const factors = elementsOf(weight);
  return numbers.map((value, c) => value * (factors[c] as number));
}

/** out = x·numbers, channel by channel; `out` may be x. */
function scale(out: Tensor, x: Tensor, numbers: PerChannel): void {
  using vector = vectorOf(numbers, x.dtype, 'batchNorm');
  kernelsFor(x.dtype).mul(elementsOf(out), elementsOf(x), elementsOf(vector), byChannel(x));
}

/** out = x - numbers, channel by channel; `out` may be x. */
function subtract(out: Tensor, x: Tensor, numbers: PerChannel): void {
  using vector = vectorOf(numbers, x.dtype, 'batchNorm');
  kernelsFor(x.dtype).sub(elementsOf(out), elementsOf(x), elementsOf(vector), byChannel(x));
}

/** Σ a·b for each channel; the products are left in `scratch`, which may be a or b. */
function dots(a: Tensor, b: Tensor, scratch: Tensor): PerChannel {
  const flat = { shape: [a.size], aStrides: [1], bStrides: [1] };
  kernelsFor(a.dtype).mul(elementsOf(scratch), elementsOf(a), elementsOf(b), flat);
  return channelSums(scratch);
}
