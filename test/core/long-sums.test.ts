import { describe, expect, it } from 'vitest';
import { Heap } from '../../packages/core/src/memory/heap.js';
import type { ArrayKernels } from '../../packages/core/src/kernels/contract.js';
import { overArrays } from '../support/kernels/array-kernels.js';
import { U } from '../support/kernels/problem.js';
import { referenceKernels, startBinaries } from '../support/kernels/all-kernels.js';

/*
 * A long sum of equal terms: every addition rounds to the same side, so that an error shows which
 * random terms would hide. Added up one by one in single precision these come out hundreds of units
 * wrong; added up in blocks, some.
 */

/** Terms of a sum; not whole blocks. */
const n = 300_001;
const TERM = Math.fround(0.1);
/** The largest error of a blocked sum, in units of 2⁻²⁴ of the result. */
const UNITS = 12;

type F = Float32Array;
type Float32Kernels = ArrayKernels<F>;

/** The error of each value in units of 2⁻²⁴ of what is right; the worst. */
function worstUnits(values: ArrayLike<number>, right: number): number {
  expect(values.length).toBeGreaterThan(0);
  let worst = 0;
  for (let i = 0; i < values.length; i++) {
    worst = Math.max(worst, Math.abs((values[i] as number) / right - 1) / U);
  }
  return worst;
}

const filled = (length: number, value = TERM): F => new Float32Array(length).fill(value);

/** Each element twice, side by side. */
const twice = (values: F): F => {
  const out = new Float32Array(2 * values.length);
  values.forEach((value, i) => out.fill(value, 2 * i, 2 * i + 2));
  return out;
};

const SUMS = [
  { name: 'of one row, and of all elements', outer: 1, n, inner: 1 },
  { name: 'of the last axis', outer: 3, n, inner: 1 },
  { name: 'of axis 0, few columns', outer: 1, n, inner: 3 },
  { name: 'of axis 0, many columns', outer: 1, n, inner: 19 },
  { name: 'of the middle axis', outer: 2, n, inner: 18 },
];

const binaries = ['unfold-local-plain', 'unfold-local-fused'] as const;
const implementations: [string, () => Float32Kernels][] = [
  ['the reference', () => referenceKernels],
  ...binaries.map((binary): [string, () => Float32Kernels] => [
    binary,
    () => {
      const heap = new Heap({ shared: false });
      return overArrays(startBinaries(binary, heap).kernels, heap);
    },
  ]),
];

describe.each(implementations)('long sums by %s', (_, make) => {
  const kernels = make();

  it.each(SUMS)('$name', (geometry) => {
    const out = filled(geometry.outer * geometry.inner);
    kernels.sum(out, filled(geometry.outer * n * geometry.inner), geometry);
    expect(worstUnits(out, n * TERM)).toBeLessThan(UNITS);
  });

  it('softmax and logSoftmax', () => {
    // Exponentials of 0.1 beside a first one of 1.
    const logTerm = Math.log(0.1);
    const x = filled(n, logTerm).fill(0, 0, 1);
    const term = Math.exp(Math.fround(logTerm));
    const total = 1 + (n - 1) * term;
    const out = filled(n);
    kernels.softmax(out, x, { rows: 1, n });
    expect(worstUnits(out.subarray(0, 1), 1 / total)).toBeLessThan(UNITS);
    expect(worstUnits(out.subarray(1), term / total)).toBeLessThan(UNITS);
    kernels.logSoftmax(out, x, { rows: 1, n });
    // An absolute error of the logarithm is a relative one of the sum.
    expect(Math.abs((out[0] as number) + Math.log(total)) / U).toBeLessThan(UNITS);
  });

  it('the gradients of softmax and logSoftmax', () => {
    // Two softmax results of which one has no gradient: dot = Σ dOut·out is half of Σ out·0.5.
    const out = filled(n, 1e-4);
    const dOut = filled(n);
    const dX = filled(n);
    const dot = n * TERM * Math.fround(1e-4);
    kernels.softmaxBackward(dX, dOut, out, { rows: 1, n });
    expect(worstUnits(dX, Math.fround(1e-4) * (TERM - dot))).toBeLessThan(UNITS);
    const logProb = Math.log(0.5);
    const probability = Math.exp(Math.fround(logProb));
    kernels.logSoftmaxBackward(dX, dOut, filled(n, logProb), { rows: 1, n });
    expect(worstUnits(dX, TERM - probability * n * TERM)).toBeLessThan(UNITS);
  });

  // Half 0.1 and half 0.3, so that every term is ±1 when it is normalised.
  const values = filled(2 * (n - 1)).map((value, i) => (i % 2 === 0 ? value : Math.fround(0.3)));
  const high = Math.fround(0.3);
  const centre = (TERM + high) / 2;
  const spread = (high - TERM) / 2;

  it.each([
    { name: 'one long run', outer: 1, channels: 1, inner: n - 1 },
    { name: 'many short runs', outer: 100_000, channels: 1, inner: 3 },
    { name: 'side by side', outer: n - 1, channels: 2, inner: 1 },
  ])('the moments of a channel, and its sums: $name', ({ outer, channels, inner }) => {
    const geometry = { outer, channels, inner };
    const x = channels === 1 ? values.subarray(0, n - 1) : twice(values.subarray(0, n - 1));
    const statistics = filled(3 * channels);
    kernels.moments(statistics, x, { ...geometry, eps: 0 });
    expect(worstUnits(statistics.subarray(0, channels), centre)).toBeLessThan(UNITS);
    expect(worstUnits(statistics.subarray(2 * channels), 1 / spread)).toBeLessThan(2 * UNITS);
    const dOut = x.map((value) => (value > centre ? TERM : -TERM));
    const [dWeight, dBias, weight] = [filled(channels), filled(channels), filled(channels)];
    const factors = filled(3 * channels);
    const sums = (of: Float32Array) =>
      kernels.normaliseSums(dWeight, dBias, factors, of, x, statistics, weight, geometry);
    sums(dOut);
    expect(worstUnits(dWeight, (n - 1) * TERM)).toBeLessThan(3 * UNITS);
    sums(filled(x.length));
    expect(worstUnits(dBias, (n - 1) * TERM)).toBeLessThan(UNITS);
  });

  it('layerNorm of a long row, and the sums over many rows', () => {
    const row = values.subarray(0, n - 1);
    const out = filled(n - 1);
    const statistics = filled(3);
    const geometry = { rows: 1, n: n - 1 };
    kernels.layerNorm(out, statistics, row, filled(n - 1, 1), filled(n - 1, 0), {
      ...geometry,
      eps: 0,
    });
    expect(worstUnits(out.map(Math.abs), 1)).toBeLessThan(2 * UNITS);
    const [dWeight, dBias] = [filled(2), filled(2)];
    const ofRows = Float32Array.of(...[centre, 0, 1 / spread]);
    const manyRows = new Float32Array(3 * (n - 1));
    ofRows.forEach((value, i) => manyRows.fill(value, i * (n - 1), (i + 1) * (n - 1)));
    const dOut = values.map((value) => (value > centre ? TERM : -TERM));
    kernels.layerNormSums(dWeight, dBias, dOut, values, manyRows, { rows: n - 1, n: 2 });
    expect(worstUnits(dWeight, (n - 1) * TERM)).toBeLessThan(3 * UNITS);
  });

  it.each([
    { name: 'one large image', N: 1, OC: 2, H: 601, W: 500, K: 1 },
    { name: 'many small images', N: 100_000, OC: 1, H: 2, W: 2, K: 1 },
    { name: 'by Winograd', N: 1, OC: 32, H: 102, W: 122, K: 3 },
  ])("the gradient of a convolution's bias: $name", ({ N, OC, H, W, K }) => {
    const C = K === 1 ? 1 : 32;
    const window = {
      ...{ C, H, W, KH: K, KW: K, OH: H - K + 1, OW: W - K + 1 },
      ...{ strideH: 1, strideW: 1, padTop: 0, padLeft: 0, dilationH: 1, dilationW: 1 },
    };
    const outputs = N * window.OH * window.OW;
    const dBias = filled(OC);
    kernels.conv2dBackwardWeight(
      filled(OC * C * K * K),
      dBias,
      filled(N * C * H * W),
      filled(OC * outputs),
      { N, OC, groups: 1, window },
    );
    expect(worstUnits(dBias, outputs * TERM)).toBeLessThan(UNITS);
  });

  it.each([
    { name: 'by outer products', OC: 20 },
    { name: 'by dot products', OC: 1 },
  ])("the gradient of a convolution's weight over very many images, $name", ({ OC }) => {
    const [N, H, W] = [OC === 1 ? 40_000 : 4000, 8, 8];
    const window = {
      ...{ C: 1, H, W, KH: 1, KW: 1, OH: H, OW: W },
      ...{ strideH: 1, strideW: 1, padTop: 0, padLeft: 0, dilationH: 1, dilationW: 1 },
    };
    const dWeight = filled(OC);
    const [x, dOut] = [filled(N * H * W, 1), filled(OC * N * H * W)];
    kernels.conv2dBackwardWeight(dWeight, null, x, dOut, { N, OC, groups: 1, window });
    // The totals of blocks are single.
    expect(worstUnits(dWeight, N * H * W * TERM)).toBeLessThan(100);
  });
});

describe('long sums of doubles', () => {
  it.each(SUMS)('$name', ({ outer, inner }) => {
    const out = new Float64Array(outer * inner);
    const x = new Float64Array(outer * n * inner).fill(0.1);
    referenceKernels.sum(out, x, { outer, n, inner });
    // One by one, 0.1 would be some ten thousand units of 2⁻⁵³ off.
    for (const value of out) expect(Math.abs(value / (n * 0.1) - 1)).toBeLessThan(500 * 2 ** -53);
  });
});
