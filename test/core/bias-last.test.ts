import { describe, expect, it } from 'vitest';
import { Heap } from '../../packages/core/src/memory/heap.js';
import type { ArrayKernels, FloatArray } from '../../packages/core/src/kernels/contract.js';
import { overArrays } from '../support/kernels/array-kernels.js';
import { randomSource, windowGeometry, type WindowSpec } from '../support/kernels/kernels.js';
import { referenceKernels, startBinaries } from '../support/kernels/all-kernels.js';

/*
 * A sum that began with a large bias, or with what its output held, would round small products away
 * one by one: 400 products of 4e-4 beside 16384 would leave 16384. Added last, it costs one rounding.
 */

interface Precision {
  readonly kernels: ArrayKernels<FloatArray>;
  readonly floats: (n: number, value: number) => FloatArray;
  /** So large that each product alone is lost beside it, and all together are not. */
  readonly large: number;
  /** The distance from one number to the next around it. */
  readonly spacing: number;
}

const single = (kernels: ArrayKernels<Float32Array>): Precision => ({
  kernels: kernels as ArrayKernels<FloatArray>,
  floats: (n, value) => new Float32Array(n).fill(value),
  large: 16384,
  spacing: 2 ** -9,
});

const wasm = (binary: 'unfold-local-plain' | 'unfold-local-fused', tileWidth: number) => {
  const heap = new Heap({ shared: false });
  const { kernels, wasm } = startBinaries(binary, heap);
  wasm.setTileWidth(tileWidth);
  return single(overArrays(kernels, heap));
};

const PRECISIONS: [string, () => Precision][] = [
  ['the reference, single', () => single(referenceKernels)],
  [
    'the reference, double',
    () => ({
      kernels: referenceKernels,
      floats: (n, value) => new Float64Array(n).fill(value),
      large: 2 ** 43,
      spacing: 2 ** -9,
    }),
  ],
  ['plain', () => wasm('unfold-local-plain', 8)],
  ['fused', () => wasm('unfold-local-fused', 8)],
  ['fused, wide tiles', () => wasm('unfold-local-fused', 16)],
];

/** The square root of each product, 4e-4. */
const FACTOR = 0.02;

interface Convolution extends WindowSpec {
  readonly name: string;
  readonly N: number;
  readonly C: number;
  readonly OC: number;
  readonly groups?: number;
}

const CONVOLUTIONS: readonly Convolution[] = [
  { name: 'read in place', N: 2, C: 16, OC: 7, image: [9, 12], kernel: [5, 5] },
  { name: 'one output channel', N: 1, C: 16, OC: 1, image: [5, 9], kernel: [5, 5] },
  { name: 'images woven', N: 5, C: 16, OC: 9, image: [11, 11], kernel: [5, 5] },
  { name: 'stride 2', N: 2, C: 16, OC: 8, image: [12, 21], kernel: [5, 5], stride: [2, 2] },
  { name: 'groups', N: 2, C: 16, OC: 12, groups: 2, image: [9, 9], kernel: [5, 5] },
  { name: '1×1', N: 2, C: 400, OC: 5, image: [3, 5], kernel: [1, 1] },
  { name: 'Winograd', N: 20, C: 44, OC: 40, image: [14, 16], kernel: [3, 3] },
];

const PRODUCTS = [
  { name: 'by outer products', M: 7, N: 21, K: 400, transposeA: false, transposeB: false },
  { name: 'of few columns', M: 50, N: 3, K: 400, transposeA: true, transposeB: false },
  { name: 'packed', M: 60, N: 140, K: 400, transposeA: true, transposeB: true },
  { name: 'by dot products', M: 5, N: 7, K: 400, transposeA: false, transposeB: true },
];

describe.each(PRECISIONS)('%s', (_, make) => {
  const { kernels, floats, large, spacing } = make();

  function expectRight(out: FloatArray, products: number): void {
    expect(out.length).toBeGreaterThan(0);
    let worst = 0;
    for (const value of out) {
      worst = Math.max(worst, Math.abs(value - large - products * FACTOR ** 2));
    }
    expect(worst).toBeLessThan(spacing);
  }

  it.each(CONVOLUTIONS)('conv2d, $name: the bias comes last', ({ N, OC, groups = 1, ...spec }) => {
    const window = windowGeometry(spec);
    const taps = spec.C * window.KH * window.KW;
    const out = floats(N * OC * window.OH * window.OW, 0);
    const x = floats(N * groups * spec.C * window.H * window.W, FACTOR);
    kernels.conv2d(out, x, floats(OC * taps, FACTOR), floats(OC, large), {
      ...{ N, OC, groups, window },
    });
    expectRight(out, taps);
  });

  it.each(CONVOLUTIONS)('conv2d, $name: one rounding beside a large bias', (spec) => {
    const { N, OC, groups = 1, C } = spec;
    const window = windowGeometry(spec);
    const random = randomSource(5);
    const factors = (n: number) => floats(n, 0).map(() => Math.fround(2 * FACTOR * random()));
    const operands = [
      factors(N * groups * C * window.H * window.W),
      factors(OC * C * window.KH * window.KW),
      floats(OC, large),
    ] as const;
    const outputs = N * OC * window.OH * window.OW;
    const [out, exact] = [floats(outputs, 0), new Float64Array(outputs)];
    kernels.conv2d(out, ...operands, { N, OC, groups, window });
    const [x, weight] = [Float64Array.from(operands[0]), Float64Array.from(operands[1])];
    referenceKernels.conv2d(exact, x, weight, null, { N, OC, groups, window });
    let worst = 0;
    for (let i = 0; i < outputs; i++) {
      const sum = (out[i] as number) - large - (exact[i] as number);
      worst = Math.max(worst, Math.abs(sum) / spacing);
    }
    // Half a spacing is one unit of 2⁻²⁴ for single precision.
    expect(worst).toBeLessThan(0.501);
  });

  it.each(PRODUCTS)('matmul, $name: what out held comes last', ({ name: _name, ...sides }) => {
    const { M, N, K } = sides;
    const batch = 2;
    const out = floats(batch * M * N, large);
    kernels.matmul(out, floats(batch * M * K, FACTOR), floats(batch * K * N, FACTOR), {
      ...{ ...sides, accumulate: true, batch, aBatchStride: M * K, bBatchStride: K * N },
    });
    expectRight(out, K);
  });
});
