import type { CoreKernels } from '../kernels/contract.js';
import { referenceKernels } from '../kernels/reference/index.js';
import type { DeviceBuffer } from '../kernels/buffer.js';
import type { WasmInstance } from '../kernels/wasm/instantiate.js';
import type { Heap } from '../memory/heap.js';
import { differs, Operands, sequence } from './verify-operands.js';

type F = Float32Array;

/**
 * Runs the kernels that a machine is likeliest to get wrong (those with tiles and edges) on odd
 * shapes, and compares them with the reference in double precision.
 * @returns What differs, or null if nothing does.
 */
export function findFault(kernels: CoreKernels, heap: Heap): string | null {
  const operands = new Operands(heap);
  try {
    return faultOf(kernels, operands);
  } finally {
    operands.free();
  }
}

function faultOf(kernels: CoreKernels, operands: Operands): string | null {
  const next = sequence();
  const random = (n: number) => Float32Array.from({ length: n }, next);
  const place = (values: F) => operands.place(values);
  const wide = (values: F) => Float64Array.from(values);
  const isWrong = (out: DeviceBuffer, expected: Float64Array) =>
    differs(operands.read(out), expected);
  for (const [M, N, K] of PRODUCTS) {
    for (const [transposeA, transposeB] of TRANSPOSES) {
      const a = random(M * K);
      const b = random(K * N);
      const before = random(M * N);
      const out = place(before);
      const expected = wide(before);
      const geometry = {
        M,
        N,
        K,
        transposeA,
        transposeB,
        accumulate: true,
        batch: 1,
        aBatchStride: 0,
        bBatchStride: 0,
      };
      kernels.matmul(out, place(a), place(b), geometry);
      referenceKernels.matmul(expected, wide(a), wide(b), geometry);
      if (isWrong(out, expected)) return `matmul [${M},${K}]·[${K},${N}]`;
    }
  }
  for (const name of MAPS) {
    const x = random(37);
    const out = place(new Float32Array(37));
    const expected = new Float64Array(37);
    kernels[name](out, place(x));
    referenceKernels[name](expected, wide(x));
    if (isWrong(out, expected)) return name;
  }
  for (const window of WINDOWS) {
    const geometry = { N: 1, OC: 7, groups: 1, window };
    const { C, H, W, KH, KW, OH, OW } = window;
    const x = random(C * H * W);
    const weight = random(7 * C * KH * KW);
    const bias = random(7);
    const dOut = random(7 * OH * OW);
    const [xAt, weightAt, dOutAt] = [place(x), place(weight), place(dOut)];

    const out = place(new Float32Array(dOut.length));
    const expected = new Float64Array(dOut.length);
    kernels.conv2d(out, xAt, weightAt, place(bias), geometry);
    referenceKernels.conv2d(expected, wide(x), wide(weight), wide(bias), geometry);
    if (isWrong(out, expected)) return 'conv2d';

    const dX = place(new Float32Array(x.length));
    const expectedDX = new Float64Array(x.length);
    kernels.conv2dBackwardInput(dX, dOutAt, weightAt, geometry);
    referenceKernels.conv2dBackwardInput(expectedDX, wide(dOut), wide(weight), geometry);
    if (isWrong(dX, expectedDX)) return 'conv2dBackwardInput';

    const dWeight = place(new Float32Array(weight.length));
    const dBias = place(new Float32Array(7));
    const expectedDW = new Float64Array(weight.length);
    const expectedDB = new Float64Array(7);
    kernels.conv2dBackwardWeight(dWeight, dBias, xAt, dOutAt, geometry);
    referenceKernels.conv2dBackwardWeight(expectedDW, expectedDB, wide(x), wide(dOut), geometry);
    if (isWrong(dWeight, expectedDW) || isWrong(dBias, expectedDB)) return 'conv2dBackwardWeight';
  }
  return null;
}

/** [M, N, K], with edges on every side, on both routes. Small: the reference starts cold. */
const PRODUCTS = [
  [7, 29, 5],
  [11, 6, 9],
  [3, 5, 131],
] as const;

const TRANSPOSES = [
  [false, false],
  [true, false],
  [false, true],
] as const;

const MAPS = ['neg', 'relu'] as const;

/** One image, with a plain window and one with everything. */
const WINDOWS = [
  {
    C: 1,
    H: 4,
    W: 22,
    KH: 2,
    KW: 3,
    OH: 3,
    OW: 20,
    strideH: 1,
    strideW: 1,
    padTop: 0,
    padLeft: 0,
    dilationH: 1,
    dilationW: 1,
  },
  {
    C: 2,
    H: 5,
    W: 9,
    KH: 2,
    KW: 3,
    OH: 3,
    OW: 4,
    strideH: 2,
    strideW: 2,
    padTop: 1,
    padLeft: 1,
    dilationH: 1,
    dilationW: 2,
  },
];

/** Rows, columns and steps of a product that stays in the cache and takes some 20 µs. */
const [M, N, K] = [48, 96, 256];
/** The optimising compiler takes some 20 ms, on a busy machine more; it is not waited for longer. */
const TIMING_MS = 60;
/** It makes a tile faster by a multiple of this. */
const OPTIMISED = 2;
/** Rounds to run when both tiles are optimised: the least of many is not disturbed by others. */
const ROUNDS = 40;

/**
 * Times tiles of 8 and of 16 columns on one product, in turns.
 * @returns How many times faster the wide ones are; null if that could not be found out in time.
 */
export function wideTileGain({ kernels, wasm }: WasmInstance, heap: Heap): number | null {
  const operands = new Operands(heap);
  try {
    const place = (n: number) => operands.place(new Float32Array(n).fill(0.5));
    const [out, a, b] = [place(M * N), place(M * K), place(K * N)];
    const geometry = {
      M,
      N,
      K,
      transposeA: false,
      transposeB: false,
      accumulate: false,
      batch: 1,
      aBatchStride: 0,
      bBatchStride: 0,
    };
    // The first product takes memory to work in.
    kernels.matmul(out, a, b, geometry);
    const time = (columns: number): number => {
      wasm.setTileWidth(columns);
      const begin = performance.now();
      kernels.matmul(out, a, b, geometry);
      return performance.now() - begin;
    };
    const first = [time(8), time(16)] as const;
    let narrow = first[0];
    let wide = first[1];
    const end = performance.now() + TIMING_MS;
    let left = ROUNDS;
    while (left > 0 && performance.now() < end) {
      narrow = Math.min(narrow, time(8));
      wide = Math.min(wide, time(16));
      if (narrow * OPTIMISED < first[0] && wide * OPTIMISED < first[1]) left--;
    }
    return left === ROUNDS ? null : narrow / wide;
  } finally {
    operands.free();
  }
}
