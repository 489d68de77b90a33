import fc from 'fast-check';
import {
  at,
  integer,
  length,
  logProbabilities,
  perRow,
  problem,
  type Problem,
  problems,
  sumTolerance,
  TINY,
  total,
  U,
} from './problem.js';
import { referenceKernels } from './all-kernels.js';

const reduceSpec = (minN: number) =>
  fc.oneof(
    fc.record({ outer: integer(0, 5), n: integer(minN, 20), inner: integer(0, 20) }),
    fc.record({ outer: integer(1, 3), n: integer(minN, 3000), inner: fc.constant(1) }),
    fc.record({ outer: fc.constant(1), n: integer(minN, 40), inner: integer(1, 200) }),
  );

const rowsSpec = fc.oneof(
  fc.record({ rows: integer(0, 9), n: integer(0, 20) }),
  fc.record({ rows: integer(1, 3), n: integer(1, 1100) }),
);

function selection(name: 'max' | 'min'): fc.Arbitrary<Problem> {
  return problems(reduceSpec(1), (geometry, data) => {
    const { outer, n, inner } = geometry;
    const size = outer * inner;
    return problem({
      arrays: {
        out: data.junk(size),
        indices: data.junkIndices(size),
        x: data.below(2) ? data.ties(n * size) : data.floats(n * size),
      },
      writes: ['out', 'indices'],
      call: (kernels, { out, indices, x }) => kernels[name](out, indices, x, geometry),
    });
  });
}

export const REDUCTION_PROBLEMS = {
  sum: problems(reduceSpec(0), (geometry, data) => {
    const { outer, n, inner } = geometry;
    return problem({
      arrays: { out: data.junk(outer * inner), x: data.floats(outer * n * inner) },
      writes: ['out'],
      call: (kernels, { out, x }) => kernels.sum(out, x, geometry),
      rtol: sumTolerance(n),
      scale: 'terms',
    });
  }),
  prod: problems(reduceSpec(0), (geometry, data) => {
    const { outer, n, inner } = geometry;
    return problem({
      arrays: { out: data.junk(outer * inner), x: data.floats(outer * n * inner) },
      writes: ['out'],
      // In doubles, in the same order: the same bits.
      call: (kernels, { out, x }) => kernels.prod(out, x, geometry),
    });
  }),
  sumBytes: problems(reduceSpec(0), (geometry, data) => {
    const { outer, n, inner } = geometry;
    return problem({
      arrays: { out: data.junkIndices(outer * inner), x: data.bytes(outer * n * inner) },
      writes: ['out'],
      call: (kernels, { out, x }) => kernels.sumBytes(out, x, geometry),
    });
  }),
  sumOfSquares: problems(length, (n, data) =>
    // In doubles, in the same order: the same bits.
    problem({
      arrays: { sum: Float64Array.of(NaN), x: data.floats(n) },
      writes: ['sum'],
      call: (kernels, { sum, x }) => kernels.sumOfSquares(sum, x, { n }),
    }),
  ),
  max: selection('max'),
  min: selection('min'),
  selectBackward: problems(reduceSpec(1), (geometry, data) => {
    const { outer, n, inner } = geometry;
    return problem({
      arrays: {
        dX: data.junk(outer * n * inner),
        dOut: data.floats(outer * inner),
        indices: data.indices(outer * inner, n),
      },
      writes: ['dX'],
      call: (kernels, { dX, dOut, indices }) => kernels.selectBackward(dX, dOut, indices, geometry),
    });
  }),
  softmax: problems(rowsSpec, (geometry, data) => {
    const { rows, n } = geometry;
    return problem({
      arrays: { out: data.junk(rows * n), x: data.logits(rows * n) },
      writes: ['out'],
      aliases: [['out', 'x']],
      call: (kernels, { out, x }) => kernels.softmax(out, x, geometry),
      rtol: sumTolerance(n) + 4 * U,
      atol: TINY,
      // The rounding of x - max is relative to it, and exp makes it a relative error: softmax·(1 + max - x).
      scale: ({ x }) => {
        const out = new Float64Array(rows * n);
        referenceKernels.softmax(out, x, geometry);
        return perRow(rows, n, (row) => {
          const largest = Math.max(...row.map((i) => at(x, i)));
          return row.map((i) => at(out, i) && at(out, i) * (1 + largest - at(x, i)));
        });
      },
    });
  }),
  logSoftmax: problems(rowsSpec, (geometry, data) => {
    const { rows, n } = geometry;
    return problem({
      arrays: { out: data.junk(rows * n), x: data.logits(rows * n) },
      writes: ['out'],
      aliases: [['out', 'x']],
      call: (kernels, { out, x }) => kernels.logSoftmax(out, x, geometry),
      rtol: 4 * U,
      // The sum is at least 1; its relative error is the logarithm's absolute one.
      atol: sumTolerance(n),
    });
  }),
  softmaxBackward: problems(rowsSpec, (geometry, data) => {
    const { rows, n } = geometry;
    const out = new Float32Array(rows * n);
    referenceKernels.softmax(out, data.logits(rows * n), geometry);
    return problem({
      arrays: { dX: data.junk(rows * n), dOut: data.floats(rows * n), out },
      writes: ['dX'],
      call: (kernels, { dX, dOut, out }) => kernels.softmaxBackward(dX, dOut, out, geometry),
      rtol: sumTolerance(n),
      atol: TINY,
      scale: ({ dOut, out }) =>
        perRow(rows, n, (row) => {
          const dot = total(row.map((i) => Math.abs(at(dOut, i) * at(out, i))));
          return row.map((i) => at(out, i) * (Math.abs(at(dOut, i)) + dot));
        }),
    });
  }),
  logSoftmaxBackward: problems(rowsSpec, (geometry, data) => {
    const { rows, n } = geometry;
    return problem({
      arrays: {
        dX: data.junk(rows * n),
        // Not infinite: 0·Infinity is NaN where float32's exponential is 0 and the double's is not.
        dOut: data.finite(rows * n),
        out: logProbabilities(data, rows, n),
      },
      writes: ['dX'],
      call: (kernels, { dX, dOut, out }) => kernels.logSoftmaxBackward(dX, dOut, out, geometry),
      rtol: sumTolerance(n) + 4 * U,
      atol: TINY,
      scale: ({ dOut, out }) =>
        perRow(rows, n, (row) => {
          const sum = total(row.map((i) => Math.abs(at(dOut, i))));
          return row.map((i) => Math.abs(at(dOut, i)) + Math.exp(at(out, i)) * sum);
        }),
    });
  }),
};
