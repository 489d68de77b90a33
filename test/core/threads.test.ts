import { configureEngine, type ArrayKernels } from '@unfold/core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Pool } from '../../packages/core/src/engine/pool.js';
import { engineKernels } from '../support/kernels/array-kernels.js';
import {
  flat,
  type KernelLike,
  kernelsLike,
  randomSource,
  windowGeometry,
} from '../support/kernels/kernels.js';
import { ALL_JOBS } from '../support/kernels/all-kernels.js';

type F = Float32Array;

const random = randomSource(4);
const floats = (n: number) => Float32Array.from({ length: n }, () => 2 * random() - 1);
const positive = (n: number) => Float32Array.from({ length: n }, () => 0.1 + random());
const zeros = (n: number) => new Float32Array(n);

/** A call of a kernel on work large enough to be cut; returns what it wrote. */
type Case = (kernels: ArrayKernels) => (F | Int32Array | Uint8Array)[];

/** Not divisible by four, nor by a part. */
const N = 3 * 16384 + 1235;
const x = positive(N);
const dOut = floats(N);
const saved = positive(N);
const longRows = floats(2 * 35_003);

function unary(name: KernelLike<'neg'> | KernelLike<'sin'>): Case {
  return (kernels) => {
    const out = zeros(N);
    kernels[name](out, dOut);
    return [out];
  };
}

function gradient(name: KernelLike<'reluBackward'>): Case {
  return (kernels) => {
    const dX = zeros(N);
    kernels[name](dX, dOut, saved);
    return [dX];
  };
}

/** Operands of one length, one element and a run, and a matrix with a row and a column. */
const BROADCASTS = [
  { a: x, b: saved, geometry: flat(N) },
  { a: x.subarray(7, 8), b: saved, geometry: { shape: [N], aStrides: [0], bStrides: [1] } },
  { a: x, b: saved.subarray(9, 10), geometry: { shape: [N], aStrides: [1], bStrides: [0] } },
  { a: x, b: saved, geometry: { shape: [517, 93], aStrides: [93, 1], bStrides: [0, 1] } },
  {
    a: x,
    b: saved,
    geometry: { shape: [3, 7, 2003], aStrides: [0, 2003, 1], bStrides: [1, 3, 0] },
  },
];

/** Rows that are longer than a part. */
const LONG_ROWS = { shape: [2, 3, 35_003], aStrides: [35_003, 0, 1], bStrides: [0, 1, 0] };

function binary(name: KernelLike<'add'> | KernelLike<'atan2'>): Case {
  return (kernels) =>
    [...BROADCASTS, { a: longRows, b: saved, geometry: LONG_ROWS }].map(({ a, b, geometry }) => {
      const out = zeros(geometry.shape.reduce((product, n) => product * n, 1));
      kernels[name](out, a, b, geometry);
      return out;
    });
}

function comparison(name: KernelLike<'eq'> | KernelLike<'ne'>): Case {
  return (kernels) =>
    [...BROADCASTS, { a: longRows, b: saved, geometry: LONG_ROWS }].map(({ a, b, geometry }) => {
      const out = new Uint8Array(geometry.shape.reduce((product, n) => product * n, 1));
      kernels[name](out, a, b, geometry);
      return out;
    });
}

/** Bytes of truth, a matrix and a row, and rows that are longer than a part. */
function logic(name: KernelLike<'logicalAnd'>): Case {
  const [a, b] = [floats(N), floats(N)].map((values) =>
    Uint8Array.from(values, (value) => (value > 0 ? 1 : 0)),
  ) as [Uint8Array, Uint8Array];
  return (kernels) =>
    [flat(N), { shape: [517, 93], aStrides: [93, 1], bStrides: [0, 1] }].map((geometry) => {
      const out = new Uint8Array(geometry.shape.reduce((product, n) => product * n, 1));
      kernels[name](out, a, b, geometry);
      return out;
    });
}

function product(outer: number, n: number, inner: number): Case {
  const values = floats(outer * n * inner).map((value) => value + 1);
  return (kernels) => {
    const out = zeros(outer * inner);
    kernels.prod(out, values, { outer, n, inner });
    return [out];
  };
}

function sumBytes(outer: number, n: number, inner: number): Case {
  const values = Uint8Array.from(floats(outer * n * inner), (value) => 255 * Math.abs(value));
  return (kernels) => {
    const out = new Int32Array(outer * inner);
    kernels.sumBytes(out, values, { outer, n, inner });
    return [out];
  };
}

function byRows(name: KernelLike<'softmax'>, rows: number, n: number): Case {
  const values = floats(rows * n);
  return (kernels) => {
    const out = zeros(rows * n);
    kernels[name](out, values, { rows, n });
    return [out];
  };
}

function byRowsBackward(name: KernelLike<'softmaxBackward'>, rows: number, n: number): Case {
  const [d, out] = [floats(rows * n), floats(rows * n)];
  return (kernels) => {
    const dX = zeros(rows * n);
    kernels[name](dX, d, out, { rows, n });
    return [dX];
  };
}

/** Maxima and minima, and the gradient of both. */
function extremes(outer: number, n: number, inner: number): Case {
  const values = floats(outer * n * inner).map((value) => Math.round(value * 4));
  const d = floats(outer * inner);
  return (kernels) =>
    (['max', 'min'] as const).flatMap((name) => {
      const [out, indices] = [zeros(outer * inner), new Int32Array(outer * inner)];
      kernels[name](out, indices, values, { outer, n, inner });
      const dX = zeros(values.length);
      kernels.selectBackward(dX, d, indices, { outer, n, inner });
      return [out, indices, dX];
    });
}

/** Rows that are picked, and the gradient: some are picked often, some never. */
function indexing(outer: number, n: number, inner: number, count: number): Case {
  const values = floats(outer * n * inner);
  const d = floats(outer * count * inner);
  const index = Int32Array.from({ length: count }, () => Math.floor((random() * n) / 2));
  return (kernels) => {
    const out = zeros(d.length);
    kernels.indexSelect(out, values, index, { outer, n, inner, count });
    const dX = values.slice();
    kernels.indexAdd(dX, d, index, { outer, n, inner, count });
    return [out, dX];
  };
}

/** Shares of two elements each, and back. */
function resampling(outer: number, n: number, inner: number, count: number): Case {
  const values = floats(outer * n * inner);
  const d = floats(outer * count * inner);
  const index = Int32Array.from({ length: 2 * count }, () => Math.floor(random() * n));
  const shares = floats(2 * count);
  const geometry = { outer, n, inner, count };
  return (kernels) => {
    const [out, dX] = [zeros(d.length), values.slice()];
    kernels.resample(out, values, index, shares, geometry);
    kernels.resampleBackward(dX, d, index, shares, geometry);
    return [out, dX];
  };
}

/** Elements that are picked, put and added up, each by a position of its own. */
function along(outer: number, n: number, inner: number, count: number): Case {
  const values = floats(outer * n * inner);
  const d = floats(outer * count * inner);
  const index = Int32Array.from(d, () => Math.floor(random() * n));
  const geometry = { outer, n, inner, count };
  return (kernels) => {
    const [out, put, added] = [zeros(d.length), values.slice(), values.slice()];
    kernels.gatherAlong(out, values, index, geometry);
    kernels.scatterAlong(put, d, index, geometry);
    kernels.scatterAddAlong(added, d, index, geometry);
    return [out, put, added];
  };
}

/** Sums, products and recurrences from both ends. */
function scans(outer: number, n: number, inner: number): Case {
  const [values, factors] = [floats(outer * n * inner), positive(outer * n * inner)];
  return (kernels) =>
    [false, true].flatMap((reverse) => {
      const geometry = { outer, n, inner, reverse };
      const [sums, products, results] = [values.slice(), values.slice(), values.slice()];
      kernels.cumsum(sums, values, geometry);
      kernels.cumprod(products, factors, geometry);
      kernels.recurrence(results, factors, values, geometry);
      return [sums, products, results];
    });
}

/** Rows with many ties. */
function sorting(rows: number, n: number): Case {
  const values = floats(rows * n).map((value) => Math.round(value * 50));
  return (kernels) =>
    [false, true].flatMap((descending) => {
      const [sorted, indices] = [zeros(rows * n), new Int32Array(rows * n)];
      kernels.sortRows(sorted, indices, values, { rows, n, descending });
      return [sorted, indices];
    });
}

/** Channels and their gradients, as they come in images and in rows. */
function normalising(outer: number, channels: number, inner: number): Case {
  const n = outer * channels * inner;
  const [values, d] = [floats(n), floats(n)];
  const [weight, bias] = [floats(channels), floats(channels)];
  const geometry = { outer, channels, inner };
  return (kernels) => {
    const [statistics, out, dX] = [zeros(3 * channels), zeros(n), zeros(n)];
    const [dWeight, dBias, factors] = [zeros(channels), zeros(channels), zeros(3 * channels)];
    kernels.moments(statistics, values, { ...geometry, eps: 1e-5 });
    kernels.normalise(out, values, statistics, weight, bias, geometry);
    kernels.normaliseSums(dWeight, dBias, factors, d, values, statistics, weight, geometry);
    kernels.normaliseBackward(dX, d, values, statistics, factors, geometry);
    return [statistics, out, dWeight, dBias, factors, dX];
  };
}

/** Rows that are normalised, one of them beyond the squares that are floats, and the gradients. */
function layerNorm(rows: number, n: number): Case {
  const [values, d] = [floats(rows * n), floats(rows * n)];
  for (let j = 0; j < n; j++) values[5 * n + j] = (values[5 * n + j] as number) * 1e30;
  const [weight, bias] = [floats(n), floats(n)];
  return (kernels) => {
    const [out, statistics, dX] = [zeros(rows * n), zeros(3 * rows), zeros(rows * n)];
    const [dWeight, dBias] = [zeros(n), zeros(n)];
    kernels.layerNorm(out, statistics, values, weight, bias, { rows, n, eps: 1e-5 });
    kernels.layerNormBackward(dX, d, values, statistics, weight, { rows, n });
    kernels.layerNormSums(dWeight, dBias, d, values, statistics, { rows, n });
    return [out, statistics, dX, dWeight, dBias];
  };
}

function matmul(M: number, N: number, K: number, batch = 1): Case {
  const a = floats(batch * M * K);
  const b = floats(batch * K * N);
  const before = floats(batch * M * N);
  return (kernels) =>
    [false, true].flatMap((transposeA) =>
      [false, true].flatMap((transposeB) =>
        [false, true].map((accumulate) => {
          const out = before.slice();
          kernels.matmul(out, a, b, {
            M,
            N,
            K,
            transposeA,
            transposeB,
            accumulate,
            batch,
            aBatchStride: M * K,
            bBatchStride: K * N,
          });
          return out;
        }),
      ),
    );
}

function joinedMatmul(M: number, N: number, K: number): Case {
  const [a, b, bias] = [floats(M * K), floats(K * N), floats(N)];
  const single = { batch: 1, aBatchStride: 0, bBatchStride: 0, accumulate: false };
  const geometry = { M, N, K, transposeA: false, transposeB: true, ...single };
  return (kernels) => {
    const out = zeros(M * N);
    kernels.matmulJoined(out, a, b, bias, { ...geometry, activation: 'relu', slope: 0 });
    return [out];
  };
}

function sum(outer: number, n: number, inner: number): Case {
  const values = floats(outer * n * inner);
  return (kernels) => {
    const out = zeros(outer * inner);
    kernels.sum(out, values, { outer, n, inner });
    return [out];
  };
}

function sgd(momentum: number, nesterov: boolean, firstStep: boolean): Case {
  return (kernels) => {
    const param = x.slice();
    const velocity = momentum === 0 ? zeros(0) : saved.slice();
    kernels.sgdStep(param, velocity, dOut, {
      lr: 0.1,
      momentum,
      dampening: nesterov ? 0 : 0.2,
      weightDecay: 0.01,
      nesterov,
      firstStep,
    });
    return [param, velocity];
  };
}

function adam(decoupled: boolean, amsgrad: boolean): Case {
  return (kernels) => {
    const [param, expAvg, expAvgSq] = [x.slice(), dOut.slice(), saved.slice()];
    const maxExpAvgSq = amsgrad ? x.slice() : zeros(0);
    kernels.adamStep(param, expAvg, expAvgSq, maxExpAvgSq, dOut, {
      lr: 0.01,
      beta1: 0.9,
      beta2: 0.99,
      eps: 1e-8,
      weightDecay: 0.01,
      decoupled,
      amsgrad,
      step: 3,
    });
    return [param, expAvg, expAvgSq, maxExpAvgSq];
  };
}

const recurrent: Case = (kernels) => {
  const [rows, n] = [201, 61];
  const geometry = { rows, n };
  const of = (gates: number): F => x.slice(0, gates * rows * n);
  const [h, c, gates] = [zeros(rows * n), zeros(rows * n), zeros(4 * rows * n)];
  kernels.lstmCell(h, c, gates, of(4), dOut.slice(0, 4 * rows * n), of(1), geometry);
  const [dGates, dC] = [zeros(4 * rows * n), of(1)];
  kernels.lstmCellBackward(dGates, dC, h, gates, c, of(1), geometry);
  const [next, others] = [zeros(rows * n), zeros(4 * rows * n)];
  kernels.gruCell(next, others, of(3), dOut.slice(0, 3 * rows * n), of(1), geometry);
  const [dFromX, dFromH, dBefore] = [zeros(3 * rows * n), zeros(3 * rows * n), of(1)];
  kernels.gruCellBackward(dFromX, dFromH, dBefore, next, others, of(1), geometry);
  return [h, c, gates, dGates, dC, next, others, dFromX, dFromH, dBefore];
};

const pooled = windowGeometry({ C: 41, image: [31, 37], kernel: [3, 2], stride: [2, 2] });
const image = floats(41 * 31 * 37);
const dPooled = floats(41 * pooled.OH * pooled.OW);

/** As many windows, of 2×2, that touch each other. */
const halved = windowGeometry({ C: 41, image: [31, 37], kernel: [2, 2], stride: [2, 2] });

const pool: Case = (kernels) =>
  [pooled, halved].flatMap((geometry) => {
    const out = zeros(dPooled.length);
    const indices = new Int32Array(dPooled.length);
    kernels.maxPool2d(out, indices, image, geometry);
    const dX = zeros(image.length);
    kernels.maxPool2dBackward(dX, dPooled, indices, geometry);
    const dRelu = zeros(image.length);
    kernels.maxPool2dReluBackward(dRelu, dPooled, indices, out, geometry);
    return [out, indices, dX, dRelu];
  });

const unfolding: Case = (kernels) => {
  const columns = zeros(41 * 6 * pooled.OH * pooled.OW);
  kernels.unfold(columns, image, pooled);
  const dX = image.slice();
  kernels.fold(dX, columns, pooled);
  return [columns, dX];
};

function crossEntropy(labelSmoothing: number): Case {
  const [N, C] = [5003, 11];
  const logProbs = floats(N * C).map((value) => value - 2);
  const labels = Int32Array.from({ length: N }, () => Math.floor(random() * C));
  const d = floats(N);
  return (kernels) => {
    const [losses, dX] = [zeros(N), zeros(N * C)];
    kernels.crossEntropy(losses, logProbs, labels, { N, C, labelSmoothing });
    kernels.crossEntropyBackward(dX, d, logProbs, labels, { N, C, labelSmoothing });
    return [losses, dX];
  };
}

function conv(options: {
  N: number;
  C: number;
  OC: number;
  groups: number;
  stride: [number, number];
  kernel?: [number, number];
  /** What stands among the numbers of x, dOut and the weights, each once. */
  special?: readonly number[];
}): Case {
  const { N, C, OC, groups, kernel = [3, 5], special = [] } = options;
  const [KH, KW] = kernel;
  const window = windowGeometry({
    C: C / groups,
    image: [17, 23],
    kernel,
    stride: options.stride,
    padding: [1, 2],
  });
  const geometry = { N, OC, groups, window };
  const pool = windowGeometry({ image: [window.OH, window.OW], kernel: [3, 3], stride: [2, 2] });
  const joined = { ...geometry, activation: 'relu', slope: 0, pool } as const;
  const windows = N * OC * pool.OH * pool.OW;
  const x = floats(N * C * 17 * 23);
  const weight = floats((OC * C * KH * KW) / groups);
  const bias = floats(OC);
  const dOut = floats(N * OC * window.OH * window.OW);
  for (const array of [x, weight, dOut]) {
    special.forEach((value, i) => (array[1009 * (i + 1)] = value));
  }
  return (kernels) => {
    const out = zeros(dOut.length);
    kernels.conv2d(out, x, weight, bias, geometry);
    const dX = zeros(x.length);
    kernels.conv2dBackwardInput(dX, dOut, weight, geometry);
    const dWeight = zeros(weight.length);
    const dBias = zeros(OC);
    kernels.conv2dBackwardWeight(dWeight, dBias, x, dOut, geometry);
    const dRelu = zeros(x.length);
    kernels.conv2dBackwardInputRelu(dRelu, dOut, weight, x, geometry);
    const [pooled, indices] = [zeros(windows), new Int32Array(windows)];
    kernels.conv2dJoined(null, pooled, indices, x, weight, bias, joined);
    return [out, dX, dWeight, dBias, dRelu, pooled, indices];
  };
}

const BY_WINOGRAD: Parameters<typeof conv>[0] = {
  ...{ N: 11, C: 33, OC: 35, groups: 1 },
  ...{ stride: [1, 1], kernel: [3, 3] },
};

/** A case for each kernel of a family. */
function each<K extends Parameters<typeof kernelsLike>[0]>(
  like: K,
  make: (name: KernelLike<K>) => Case,
): Record<string, Case> {
  return Object.fromEntries(kernelsLike(like).map((name) => [name, make(name)]));
}

const CASES: Record<string, Case> = {
  ...each('neg', unary),
  ...each('sin', unary),
  ...each('reluBackward', gradient),
  ...each('add', binary),
  ...each('atan2', binary),
  ...each('eq', comparison),
  ...each('ne', comparison),
  ...each('logicalAnd', logic),
  'product over columns': product(1, 57, 1003),
  'product over rows': product(203, 301, 1),
  'product in the middle': product(13, 71, 70),
  'sum of bytes over columns': sumBytes(1, 57, 1003),
  'sum of bytes over rows': sumBytes(203, 301, 1),
  'sum of bytes in the middle': sumBytes(13, 71, 70),
  leakyRelu(kernels) {
    const out = zeros(N);
    kernels.leakyRelu(out, dOut, { slope: 0.1 });
    return [out];
  },
  clamp(kernels) {
    const out = zeros(N);
    kernels.clamp(out, dOut, { min: -0.5, max: 0.25 });
    return [out];
  },
  elu(kernels) {
    const out = zeros(N);
    kernels.elu(out, dOut, { alpha: 0.7 });
    return [out];
  },
  eluBackward(kernels) {
    const dX = zeros(N);
    kernels.eluBackward(dX, x, dOut, { alpha: 0.7 });
    return [dX];
  },
  leakyReluBackward(kernels) {
    const dX = zeros(N);
    kernels.leakyReluBackward(dX, x, dOut, { slope: 0.1 });
    return [dX];
  },
  clampBackward(kernels) {
    const dX = zeros(N);
    kernels.clampBackward(dX, x, dOut, { min: -0.5, max: 0.25 });
    return [dX];
  },
  where(kernels) {
    const geometry = { shape: [517, 93], aStrides: [93, 1], bStrides: [0, 1] };
    const condition = Uint8Array.from(dOut, (value) => (value > 0 ? 1 : 0));
    const [out, column] = [zeros(517 * 93), zeros(517 * 93)];
    kernels.where(out, condition, x, saved, { ...geometry, conditionStrides: [93, 1] });
    kernels.where(column, condition, x, saved, { ...geometry, conditionStrides: [1, 0] });
    return [out, column];
  },
  copyStrided(kernels) {
    const out = zeros(517 * 93 + 5);
    // A transpose of rows that are read backwards.
    kernels.copyStrided(out, x, {
      shape: [517, 93],
      outStrides: [1, 517],
      outOffset: 5,
      xStrides: [93, -1],
      xOffset: 92,
    });
    return [out];
  },
  'indexing of many rows': indexing(1, 997, 37, 2003),
  'indexing along columns': indexing(1, 30, 5003, 20),
  'indexing in the middle': indexing(57, 29, 31, 41),
  'shares along columns': resampling(1, 30, 1003, 57),
  'shares along rows': resampling(501, 97, 1, 203),
  'elements along columns': along(1, 30, 1003, 57),
  'elements along one row': along(1, 997, 1, 40_003),
  'elements along the middle axis': along(57, 29, 31, 41),
  'scans of columns': scans(1, 57, 1003),
  'scans of rows': scans(203, 301, 1),
  'scans of the middle axis': scans(13, 71, 70),
  'rows in order': sorting(203, 301),
  'two long rows in order': sorting(2, 30_011),
  fill(kernels) {
    const out = zeros(N);
    kernels.fill(out, { value: 1.5 });
    return [out];
  },
  'sum over columns': sum(1, 57, 1003),
  'sum over rows': sum(203, 301, 1),
  'sum in the middle': sum(13, 71, 70),
  'extremes over columns': extremes(1, 57, 1003),
  'extremes over rows': extremes(203, 301, 1),
  'extremes in the middle': extremes(13, 71, 70),
  ...each('softmax', (name) => byRows(name, 203, 301)),
  ...each('softmaxBackward', (name) => byRowsBackward(name, 203, 301)),
  'normalisation of images': normalising(19, 37, 71),
  'normalisation of rows': normalising(1003, 45, 1),
  'layer norm of short rows': layerNorm(2003, 37),
  'layer norm of long rows': layerNorm(71, 1031),
  'recurrent cells and their gradients': recurrent,
  'unfold and fold': unfolding,
  'cross entropy': crossEntropy(0),
  'cross entropy with label smoothing': crossEntropy(0.1),
  'matmul cut along rows': matmul(301, 37, 290),
  'matmul cut along columns': matmul(67, 259, 270),
  'matmul by dot products': matmul(7, 509, 1111),
  'matmul with a long sum': matmul(29, 33, 20_011),
  'matmul with bias and activation': joinedMatmul(301, 37, 290),
  'matmul by dot products, with bias and activation': joinedMatmul(7, 509, 1111),
  'matmul of a batch of small ones': matmul(19, 23, 29, 150),
  'matmul of a batch of large ones': matmul(130, 120, 110, 3),
  'SGD without momentum': sgd(0, false, false),
  'SGD with momentum': sgd(0.9, false, false),
  'SGD with Nesterov momentum': sgd(0.9, true, false),
  'the first step of SGD': sgd(0.9, false, true),
  lerp(kernels) {
    const moved = x.slice();
    kernels.lerp(moved, dOut, { weight: 0.3 });
    return [moved];
  },
  Adam: adam(false, false),
  'AdamW with amsgrad': adam(true, true),
  'pooling and its gradient': pool,
  'convolution and its gradients': conv({ N: 17, C: 8, OC: 10, groups: 1, stride: [1, 1] }),
  'convolution by Winograd': conv(BY_WINOGRAD),
  'convolution by Winograd, beside infinities': conv({
    ...BY_WINOGRAD,
    special: [Infinity, -Infinity, NaN, 3e38, -3e38],
  }),
  'convolution by Winograd of many channels': conv({ ...BY_WINOGRAD, N: 4, C: 67, OC: 131 }),
  'convolution with stride and groups': conv({ N: 37, C: 12, OC: 18, groups: 3, stride: [2, 1] }),
  'depthwise convolution of 3×3': conv({
    N: 37,
    C: 12,
    OC: 24,
    groups: 12,
    stride: [1, 1],
    kernel: [3, 3],
  }),
  'depthwise convolution': conv({ N: 37, C: 12, OC: 12, groups: 12, stride: [1, 1] }),
};

const bytes = (arrays: readonly (F | Int32Array | Uint8Array)[]) =>
  arrays.map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength).toString('base64'),
  );

describe.each([
  { simd: '128', strict: false },
  { simd: '256', strict: false },
  { simd: '128', strict: true },
] as const)('with simd $simd, strict $strict', ({ simd, strict }) => {
  const alone = new Map<string, string[]>();

  beforeAll(async () => {
    await configureEngine({ threads: 1, simd, strict });
    for (const [name, run] of Object.entries(CASES)) {
      alone.set(name, bytes(run(engineKernels())));
    }
  });

  describe.each([2, 3, 4])('on %i threads', (threads) => {
    beforeAll(async () => {
      const engine = await configureEngine({ threads, simd, strict });
      expect(engine.threads).toBe(threads);
    });
    afterAll(async () => {
      await configureEngine({ threads: 1 });
    });

    const seen = new Set<number>();

    it.each(Object.keys(CASES))('%s: the bits of one thread', (name) => {
      const shared = vi.spyOn(Pool.prototype, 'run');
      const written = bytes(CASES[name]?.(engineKernels()) ?? []);
      // It was a job of several parts, so the comparison means something.
      expect(shared).toHaveBeenCalled();
      for (const [kernel] of shared.mock.calls) seen.add(kernel);
      shared.mockRestore();
      expect(written).toEqual(alone.get(name));
    });

    it('that was every job of the table', () => {
      const missing = ALL_JOBS.filter(({ row }, kernel) => row.cut !== 'none' && !seen.has(kernel));
      expect(missing).toEqual([]);
    });
  });
});

it('the bits of 128- and 256-bit tiles are the same', async () => {
  for (const strict of [false, true]) {
    await configureEngine({ threads: 1, simd: '128', strict });
    const expected = Object.values(CASES).map((run) => bytes(run(engineKernels())));
    await configureEngine({ threads: 1, simd: '256', strict });
    Object.values(CASES).forEach((run, i) => {
      expect(bytes(run(engineKernels()))).toEqual(expected[i]);
    });
  }
});
