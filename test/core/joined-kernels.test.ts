import { describe, expect, it } from 'vitest';
import type {
  Conv2dGeometry,
  Epilogue,
  MatmulGeometry,
  WindowGeometry,
} from '../../packages/core/src/kernels/contract.js';
import { Heap } from '../../packages/core/src/memory/heap.js';
import { overArrays } from '../support/kernels/array-kernels.js';
import { windowGeometry, type WindowSpec } from '../support/kernels/kernels.js';
import { Data, type Float32Kernels, type KernelArray } from '../support/kernels/problem.js';
import { referenceKernels, startBinaries } from '../support/kernels/all-kernels.js';

/*
 * A joined kernel gives the bits of the kernels that it joins, one after another, whatever the numbers:
 * on every route through the convolution and the product, on narrow and wide tiles.
 */

interface Case extends WindowSpec {
  readonly name: string;
  readonly N: number;
  readonly OC: number;
  readonly groups?: number;
  readonly pool: Omit<WindowSpec, 'image'>;
}

const HALVES = { kernel: [2, 2], stride: [2, 2] } as const;
const OVERLAPPING = { kernel: [3, 3], stride: [2, 2], padding: [1, 1] } as const;

const CASES: readonly Case[] = [
  { name: 'one image', N: 1, C: 3, OC: 8, image: [12, 12], kernel: [5, 5], pool: HALVES },
  { name: 'several images', N: 9, C: 1, OC: 8, image: [28, 28], kernel: [5, 5], pool: HALVES },
  { name: 'woven images', N: 9, C: 8, OC: 16, image: [12, 12], kernel: [5, 5], pool: HALVES },
  {
    name: 'woven images, odd sizes',
    ...{ N: 7, C: 7, OC: 11, image: [14, 9], kernel: [3, 5], padding: [1, 2], pool: OVERLAPPING },
  },
  {
    name: 'two woven images of odd sizes',
    ...{ N: 3, C: 8, OC: 9, image: [28, 28], kernel: [3, 3], padding: [1, 1], dilation: [1, 1] },
    pool: { kernel: [2, 3], stride: [1, 2] },
  },
  {
    name: 'groups, stride and dilation',
    ...{ N: 2, C: 3, OC: 21, groups: 3, image: [17, 23], kernel: [3, 2], padding: [1, 0] },
    ...{ stride: [1, 2], dilation: [2, 1], pool: OVERLAPPING },
  },
  {
    name: 'depthwise',
    ...{ N: 3, C: 1, OC: 6, groups: 6, image: [9, 28], kernel: [3, 3], padding: [1, 1] },
    pool: HALVES,
  },
  {
    name: '1×1, the image as one row',
    ...{ N: 2, C: 5, OC: 13, image: [6, 7], kernel: [1, 1], pool: OVERLAPPING },
  },
  {
    name: 'pooling at a stride of three, dilated',
    ...{ N: 2, C: 2, OC: 7, image: [19, 26], kernel: [3, 3] },
    pool: { kernel: [3, 3], stride: [3, 3], padding: [1, 1], dilation: [2, 2] },
  },
  {
    name: 'pooling of planes of three columns',
    ...{ N: 2, C: 2, OC: 7, image: [9, 5], kernel: [3, 3] },
    pool: { kernel: [3, 3], stride: [1, 1], padding: [1, 1] },
  },
  {
    name: 'rows of less than a run',
    ...{ N: 2, C: 3, OC: 8, image: [5, 5], kernel: [3, 3] },
    pool: { kernel: [2, 2], stride: [1, 1] },
  },
  {
    name: 'Winograd: several images a block',
    ...{ N: 19, C: 32, OC: 40, image: [14, 14], kernel: [3, 3], padding: [1, 1], pool: HALVES },
  },
  {
    name: 'Winograd: odd sizes and channels',
    ...{ N: 18, C: 33, OC: 35, image: [15, 13], kernel: [3, 3], padding: [1, 1] },
    pool: OVERLAPPING,
  },
  {
    name: 'Winograd: bands of an image',
    ...{ N: 1, C: 32, OC: 43, image: [62, 64], kernel: [3, 3], pool: HALVES },
  },
  {
    name: 'Winograd: bands of odd images',
    ...{ N: 5, C: 67, OC: 32, image: [23, 25], kernel: [3, 3], padding: [2, 0], pool: HALVES },
  },
  {
    name: 'Winograd: bands, and windows across them',
    ...{ N: 5, C: 67, OC: 32, image: [23, 25], kernel: [3, 3], padding: [2, 0] },
    pool: OVERLAPPING,
  },
];

const EPILOGUES: readonly Epilogue[] = [
  { activation: 'none', slope: 0 },
  { activation: 'relu', slope: 0 },
  { activation: 'leakyRelu', slope: 0.1 },
];

const SPECIAL = [NaN, Infinity, -Infinity, 0, -0, 1e-45, -1e-45, 3e38, -3e38];

/** Numbers in -3 … 3, and in some arrays special ones among them. */
function numbers(data: Data, n: number, strewn: boolean): Float32Array {
  const array = data.finite(n);
  if (strewn) SPECIAL.forEach((value) => (array[data.below(n)] = value));
  return array;
}

/** As one launch after another does it, in place. */
function activate(kernels: Float32Kernels, x: Float32Array, { activation, slope }: Epilogue): void {
  if (activation === 'relu') kernels.relu(x, x);
  else if (activation === 'leakyRelu') kernels.leakyRelu(x, x, { slope });
}

function expectSame(actual: KernelArray, expected: KernelArray): void {
  expect(actual.length).toBe(expected.length);
  expect(actual.findIndex((value, i) => !Object.is(value, expected[i]))).toBe(-1);
}

function convolutionOf({ N, OC, groups = 1, pool: spec, ...window }: Case) {
  const geometry: Conv2dGeometry = { N, OC, groups, window: windowGeometry(window) };
  const { OH, OW } = geometry.window;
  const pool: WindowGeometry = windowGeometry({ ...spec, image: [OH, OW] });
  return { geometry, pool, size: N * OC * OH * OW, windows: N * OC * pool.OH * pool.OW };
}

function checkConvolution(kernels: Float32Kernels, entry: Case, strewn: boolean): void {
  const { geometry, pool, size, windows } = convolutionOf(entry);
  const { N, OC, groups, window } = geometry;
  const data = new Data(5);
  const x = numbers(data, N * groups * window.C * window.H * window.W, strewn);
  const weight = numbers(data, OC * window.C * window.KH * window.KW, false);
  const bias = numbers(data, OC, strewn && OC > 12);
  const plain = data.junk(size);
  kernels.conv2d(plain, x, weight, bias, geometry);
  for (const epilogue of EPILOGUES) {
    const out = plain.slice();
    activate(kernels, out, epilogue);
    const [pooled, indices] = [data.junk(windows), data.junkIndices(windows)];
    kernels.maxPool2d(pooled, indices, out, { ...pool, C: N * OC });

    const joined = data.junk(size);
    const alone = { ...geometry, ...epilogue, pool: null };
    kernels.conv2dJoined(joined, null, null, x, weight, bias, alone);
    expectSame(joined, out);

    for (const asked of [true, false]) {
      const full = { ...geometry, ...epilogue, pool };
      const [ours, places, kept] = [data.junk(windows), data.junkIndices(windows), data.junk(size)];
      kernels.conv2dJoined(asked ? kept : null, ours, places, x, weight, bias, full);
      expectSame(ours, pooled);
      expectSame(places, indices);
      if (asked) expectSame(kept, out);
      const values = data.junk(windows);
      kernels.conv2dJoined(asked ? kept : null, values, null, x, weight, bias, full);
      expectSame(values, pooled);
    }
  }
}

function checkInputGradient(kernels: Float32Kernels, entry: Case): void {
  const { geometry, size } = convolutionOf(entry);
  const { N, OC, groups, window } = geometry;
  const data = new Data(8);
  const inputs = N * groups * window.C * window.H * window.W;
  const weight = numbers(data, OC * window.C * window.KH * window.KW, false);
  const dOut = numbers(data, size, true);
  const saved = numbers(data, inputs, true);
  kernels.relu(saved, saved);
  const expected = data.junk(inputs);
  kernels.conv2dBackwardInput(expected, dOut, weight, geometry);
  kernels.reluBackward(expected, expected, saved);
  const dX = data.junk(inputs);
  kernels.conv2dBackwardInputRelu(dX, dOut, weight, saved, geometry);
  expectSame(dX, expected);
}

type Product = Pick<MatmulGeometry, 'M' | 'N' | 'K' | 'transposeA' | 'transposeB' | 'batch'>;

const PRODUCTS: readonly Product[] = [
  { M: 64, N: 10, K: 256, transposeA: false, transposeB: true, batch: 1 },
  { M: 1, N: 10, K: 256, transposeA: false, transposeB: true, batch: 1 },
  { M: 7, N: 509, K: 1111, transposeA: false, transposeB: true, batch: 1 },
  { M: 301, N: 37, K: 290, transposeA: false, transposeB: false, batch: 1 },
  { M: 67, N: 525, K: 270, transposeA: true, transposeB: true, batch: 1 },
  { M: 13, N: 3, K: 5, transposeA: true, transposeB: false, batch: 3 },
  { M: 130, N: 120, K: 110, transposeA: false, transposeB: false, batch: 2 },
  { M: 5, N: 6, K: 0, transposeA: false, transposeB: false, batch: 1 },
];

/** Its shared operand is packed slab by slab. */
const SLABS: Product = { M: 31, N: 33, K: 280_000, transposeA: false, transposeB: false, batch: 1 };

function checkProduct(
  kernels: Float32Kernels,
  sizes: Product,
  epilogues: readonly Epilogue[] = EPILOGUES,
): void {
  const { M, N, K, batch } = sizes;
  const data = new Data(6);
  const a = numbers(data, batch * M * K, K > 0 && K < 10_000);
  const b = numbers(data, batch * K * N, false);
  const bias = numbers(data, N, true);
  const before = numbers(data, batch * M * N, true);
  for (const accumulate of [false, true]) {
    const geometry = { ...sizes, accumulate, aBatchStride: M * K, bBatchStride: K * N };
    const product = before.slice();
    kernels.matmul(product, a, b, geometry);
    const biased = product.slice();
    const rows = { shape: [batch * M, N], aStrides: [N, 1], bStrides: [0, 1] };
    kernels.add(biased, product, bias, rows);
    for (const epilogue of epilogues) {
      for (const [addend, sum] of [[null, product] as const, [bias, biased] as const]) {
        const expected = sum.slice();
        activate(kernels, expected, epilogue);
        const out = before.slice();
        kernels.matmulJoined(out, a, b, addend, { ...geometry, ...epilogue });
        expectSame(out, expected);
      }
    }
  }
}

function checkPoolGradient(kernels: Float32Kernels, spec: WindowSpec): void {
  const window = windowGeometry({ C: 3, ...spec });
  const data = new Data(7);
  const [size, windows] = [3 * window.H * window.W, 3 * window.OH * window.OW];
  const x = Float32Array.from(data.ties(size), (value, i) => (i % 11 === 0 ? NaN : value));
  kernels.relu(x, x);
  const [pooled, indices] = [new Float32Array(windows), new Int32Array(windows)];
  kernels.maxPool2d(pooled, indices, x, window);
  const dOut = numbers(data, windows, true);
  const expected = data.junk(size);
  kernels.maxPool2dBackward(expected, dOut, indices, window);
  kernels.reluBackward(expected, expected, x);
  const dX = data.junk(size);
  kernels.maxPool2dReluBackward(dX, dOut, indices, pooled, window);
  expectSame(dX, expected);
}

const POOLINGS: readonly WindowSpec[] = [
  { image: [24, 24], ...HALVES },
  { image: [13, 9], ...OVERLAPPING },
  { image: [7, 11], kernel: [3, 2], stride: [1, 1], padding: [1, 1], dilation: [2, 1] },
];

describe.each([
  { binary: 'unfold-local-plain', columns: 8 },
  { binary: 'unfold-local-plain', columns: 16 },
  { binary: 'unfold-local-fused', columns: 8 },
  { binary: 'unfold-local-fused', columns: 16 },
] as const)('$binary, tiles of $columns', ({ binary, columns }) => {
  const heap = new Heap({ shared: false });
  const { wasm, kernels: ofBuffers } = startBinaries(binary, heap);
  wasm.setTileWidth(columns);
  const kernels = overArrays(ofBuffers, heap) as Float32Kernels;

  it.each(CASES)('convolution, activation and pooling: $name', (entry) => {
    checkConvolution(kernels, entry, false);
    checkConvolution(kernels, entry, true);
  });

  it.each(CASES)("the input's gradient, through relu: $name", (entry) => {
    checkInputGradient(kernels, entry);
  });

  it.each(PRODUCTS)('product, bias and activation: $M × $N × $K', (sizes) => {
    checkProduct(kernels, sizes);
  });

  it.each(POOLINGS)('the gradient of relu and pooling: $kernel', (spec) => {
    checkPoolGradient(kernels, spec);
  });
});

it('a product in slabs is finished once', () => {
  const heap = new Heap({ shared: false });
  const { wasm, kernels } = startBinaries('unfold-local-plain', heap);
  wasm.setTileWidth(16);
  checkProduct(overArrays(kernels, heap) as Float32Kernels, SLABS, EPILOGUES.slice(1, 2));
});

describe('the reference', () => {
  it.each(CASES.slice(0, 11))('joins convolution, activation and pooling: $name', (entry) => {
    checkConvolution(referenceKernels, entry, true);
  });

  it.each(CASES.slice(0, 11))("joins the input's gradient and relu's: $name", (entry) => {
    checkInputGradient(referenceKernels, entry);
  });

  it.each(PRODUCTS)('joins product, bias and activation: $M × $N × $K', (sizes) => {
    checkProduct(referenceKernels, sizes);
  });

  it.each(POOLINGS)('joins the gradients of relu and pooling: $kernel', (spec) => {
    checkPoolGradient(referenceKernels, spec);
  });
});
