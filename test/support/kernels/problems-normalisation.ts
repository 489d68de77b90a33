import fc from 'fast-check';
import type { ChannelsGeometry } from '../../../packages/core/src/kernels/contract.js';
import {
  at,
  type Data,
  integer,
  problem,
  type Problem,
  problems,
  sumTolerance,
  TINY,
  U,
} from './problem.js';
import { referenceKernels } from './all-kernels.js';

const channelsSpec = fc.oneof(
  fc.record({ outer: integer(1, 9), channels: integer(0, 9), inner: integer(1, 40) }),
  fc.record({ outer: integer(1, 200), channels: integer(1, 21), inner: fc.constant(1) }),
  fc.record({ outer: integer(1, 3), channels: integer(1, 3), inner: integer(1, 1300) }),
);

const rowsSpec = fc.oneof(
  fc.record({ rows: integer(0, 11), n: integer(1, 40) }),
  fc.record({ rows: integer(1, 140), n: integer(1, 9) }),
  fc.record({ rows: integer(1, 3), n: integer(200, 1300) }),
);

/** By what values are multiplied: beyond the middle one, their squares are no floats. */
const magnitude = fc.constantFrom(1, 1, 1, 2 ** 70, 2 ** 110, 2 ** -80);

const magnified = (values: Float32Array, by: number): Float32Array =>
  values.map((value) => value * by);

/** Values and what is known of them, their numbers in float64. */
interface Known {
  /** |x| + |mean|, what a rounding of x - mean is relative to; for each value. */
  readonly terms: readonly number[];
  readonly inverse: readonly number[];
}

/** Where the statistics of each value of x `[outer, count, inner]` stand. */
function known(
  x: Float32Array,
  statistics: ArrayLike<number>,
  { channels, inner }: ChannelsGeometry,
): Known {
  const channel = (i: number): number => Math.floor(i / inner) % channels;
  const places = Array.from(x, (_, i) => channel(i));
  return {
    terms: places.map((c, i) => Math.abs(at(x, i)) + Math.abs(at(statistics, c))),
    inverse: places.map((c) => at(statistics, 2 * channels + c)),
  };
}

/** Means, variances and inverses that fit values multiplied by `by`. */
function statisticsFor(data: Data, channels: number, by: number): Float32Array {
  const means = magnified(data.finite(channels), by);
  const inverses = magnified(
    data.fractions(channels).map((value) => value + 0.1),
    1 / by,
  );
  return Float32Array.of(...means, ...data.junk(channels), ...inverses);
}

/**
 * What the errors of statistics are relative to, `[3, channels]`: a variance feels the roundings of
 * x - mean, and the inverse those of the variance.
 */
function statisticsScale(x: Float32Array, geometry: ChannelsGeometry, eps: number): Float64Array {
  const { outer, channels, inner } = geometry;
  const exact = new Float64Array(3 * channels);
  const scale = new Float64Array(3 * channels);
  referenceKernels.moments(exact, Float64Array.from(x), { ...geometry, eps });
  referenceKernels.moments(scale, Float64Array.from(x, Math.abs), { ...geometry, eps });
  const count = outer * inner;
  for (let c = 0; c < channels; c++) {
    const size = at(scale, c) * Math.min(count, 4);
    const [variance, inverse] = [at(exact, channels + c), at(exact, 2 * channels + c)];
    const ofVariance = variance + Math.sqrt(variance) * size + size ** 2 * 1e-6;
    scale[channels + c] = ofVariance;
    scale[2 * channels + c] = inverse * (1 + ofVariance / (variance + eps || 1));
  }
  return scale;
}

const byRow = (rows: number, n: number): ChannelsGeometry => ({
  outer: 1,
  channels: rows,
  inner: n,
});

/** Σ of the terms of each channel, or of each column of rows. */
function sums(count: number, terms: readonly number[], placeOf: (i: number) => number): number[] {
  const totals = new Array<number>(count).fill(0);
  terms.forEach((term, i) => {
    const place = placeOf(i);
    totals[place] = at(totals, place) + term;
  });
  return totals;
}

/** Zero only where values are many enough not to be all alike. */
const epsFor = (data: Data, count: number, by: number): number =>
  by === 1 || count < 3 ? ([1e-5, 1e-3, 1][data.below(3)] ?? 1) : 0;

export const NORMALISATION_PROBLEMS = {
  moments: problems(fc.tuple(channelsSpec, magnitude), ([geometry, by], data) => {
    const { outer, channels, inner } = geometry;
    const eps = epsFor(data, outer * inner, by);
    return problem({
      arrays: {
        statistics: data.junk(3 * channels),
        x: magnified(data.floats(outer * channels * inner), by),
      },
      writes: ['statistics'],
      call: (kernels, { statistics, x }) => kernels.moments(statistics, x, { ...geometry, eps }),
      rtol: sumTolerance(outer * inner) + 4 * U,
      atol: TINY,
      scale: ({ x }) => statisticsScale(x, geometry, eps),
    });
  }),

  trackMoments: problems(
    fc.record({
      channels: integer(0, 21),
      count: fc.oneof(integer(2, 9), integer(10, 2 ** 31 - 1)),
      momentum: fc.constantFrom(null, 0, 0.1, 0.3, 1),
    }),
    ({ channels, count, momentum }, data) =>
      // In doubles, in the same order: the same bits.
      problem({
        arrays: {
          mean: data.floats(channels),
          variance: data.floats(channels),
          batches: data.indices(1, 1000),
          statistics: data.floats(3 * channels),
        },
        writes: ['mean', 'variance', 'batches'],
        call: (kernels, { mean, variance, batches, statistics }) =>
          kernels.trackMoments(batches, mean, variance, statistics, { channels, count, momentum }),
      }),
  ),

  normalise: problems(fc.tuple(channelsSpec, magnitude), ([geometry, by], data) => {
    const { outer, channels, inner } = geometry;
    const n = outer * channels * inner;
    return problem({
      arrays: {
        out: data.junk(n),
        x: magnified(data.floats(n), by),
        statistics: statisticsFor(data, channels, by),
        weight: data.finite(channels),
        bias: data.finite(channels),
      },
      writes: ['out'],
      call: (kernels, { out, x, statistics, weight, bias }) =>
        kernels.normalise(out, x, statistics, weight, bias, geometry),
      rtol: 6 * U,
      atol: TINY,
      scale: ({ x, statistics }) => {
        const { terms, inverse } = known(x, statistics, geometry);
        return terms.map((term, i) => term * at(inverse, i) * 3 + 3);
      },
    });
  }),

  normaliseSums: problems(fc.tuple(channelsSpec, magnitude), ([geometry, by], data) => {
    const { outer, channels, inner } = geometry;
    const n = outer * channels * inner;
    const made = problem({
      arrays: {
        dWeight: data.junk(channels),
        dBias: data.junk(channels),
        dOut: data.finite(n),
        x: magnified(data.finite(n), by),
        statistics: statisticsFor(data, channels, by),
        weight: data.finite(channels),
        factors: data.junk(3 * channels),
      },
      writes: ['dWeight', 'dBias', 'factors'],
      call: (kernels, { dWeight, dBias, factors, dOut, x, statistics, weight }) =>
        kernels.normaliseSums(dWeight, dBias, factors, dOut, x, statistics, weight, geometry),
    });
    const arrays = made.arrays as Record<'dOut' | 'x' | 'statistics' | 'weight', Float32Array>;
    const { dOut, x, statistics, weight } = arrays;
    const count = outer * inner;
    const found = withSums(made, count, channels, (i) => Math.floor(i / inner) % channels, {
      dOut,
      ...known(x, statistics, geometry),
    });
    return {
      ...found,
      tolerance(name, expected) {
        if (name !== 'factors') return found.tolerance(name, expected);
        // As far off as the sums that they are made of.
        const ofSums = ['dBias', 'dWeight'].flatMap((sum) => {
          const { scale = [] } = found.tolerance(sum, expected);
          return Array.from(weight, (w, c) => (Math.abs(w) * at(scale, c)) / count);
        });
        return { rtol: sumTolerance(count) + 6 * U, atol: TINY, scale: [...weight, ...ofSums] };
      },
    };
  }),

  normaliseBackward: problems(fc.tuple(channelsSpec, magnitude), ([geometry, by], data) => {
    const { outer, channels, inner } = geometry;
    const n = outer * channels * inner;
    return problem({
      arrays: {
        dX: data.junk(n),
        dOut: data.finite(n),
        x: magnified(data.finite(n), by),
        statistics: statisticsFor(data, channels, by),
        factors: data.finite(3 * channels),
      },
      writes: ['dX'],
      call: (kernels, { dX, dOut, x, statistics, factors }) =>
        kernels.normaliseBackward(dX, dOut, x, statistics, factors, geometry),
      rtol: 6 * U,
      atol: 2 * TINY,
      scale: ({ x, statistics }) => {
        const { terms, inverse } = known(x, statistics, geometry);
        return terms.map((term, i) => at(inverse, i) * (12 + 3 * term * at(inverse, i)));
      },
    });
  }),

  layerNorm: problems(fc.tuple(rowsSpec, magnitude), ([{ rows, n }, by], data) => {
    const eps = epsFor(data, n, by);
    const x = magnified(data.floats(rows * n), by);
    const made = problem({
      arrays: {
        out: data.junk(rows * n),
        statistics: data.junk(3 * rows),
        x,
        weight: data.finite(n),
        bias: data.finite(n),
      },
      writes: ['out', 'statistics'],
      call: (kernels, { out, statistics, x, weight, bias }) =>
        kernels.layerNorm(out, statistics, x, weight, bias, { rows, n, eps }),
    });
    const scale = statisticsScale(x, byRow(rows, n), eps);
    const { terms, inverse } = known(x, scale, byRow(rows, n));
    const ofOut = terms.map((term, i) => term * at(inverse, i) * 3 + 3);
    return {
      ...made,
      tolerance: (name: string) => ({
        rtol: sumTolerance(n) + 8 * U,
        atol: TINY,
        scale: name === 'out' ? ofOut : scale,
      }),
    };
  }),

  layerNormBackward: problems(fc.tuple(rowsSpec, magnitude), ([{ rows, n }, by], data) =>
    problem({
      arrays: {
        dX: data.junk(rows * n),
        dOut: data.finite(rows * n),
        x: magnified(data.finite(rows * n), by),
        statistics: statisticsFor(data, rows, by),
        weight: data.finite(n),
      },
      writes: ['dX'],
      call: (kernels, { dX, dOut, x, statistics, weight }) =>
        kernels.layerNormBackward(dX, dOut, x, statistics, weight, { rows, n }),
      rtol: sumTolerance(n) + 6 * U,
      atol: 2 * TINY,
      // |g| is at most 9, and so is its mean; the mean of |g·normal| is bound by the largest normal.
      scale: ({ x, statistics }) => {
        const { terms, inverse } = known(x, statistics, byRow(rows, n));
        return terms.map((term, i) => {
          const largest = 6 * Math.max(by * at(inverse, i), term * at(inverse, i));
          return at(inverse, i) * (18 + 9 * largest * largest);
        });
      },
    }),
  ),

  layerNormSums: problems(fc.tuple(rowsSpec, magnitude), ([{ rows, n }, by], data) => {
    const made = problem({
      arrays: {
        dWeight: data.junk(n),
        dBias: data.junk(n),
        dOut: data.finite(rows * n),
        x: magnified(data.finite(rows * n), by),
        statistics: statisticsFor(data, rows, by),
      },
      writes: ['dWeight', 'dBias'],
      call: (kernels, { dWeight, dBias, dOut, x, statistics }) =>
        kernels.layerNormSums(dWeight, dBias, dOut, x, statistics, { rows, n }),
    });
    const { dOut, x, statistics } = made.arrays as Record<string, Float32Array>;
    return withSums(made, rows, n, (i) => i % n, {
      dOut: dOut as Float32Array,
      ...known(x as Float32Array, statistics as Float32Array, byRow(rows, n)),
    });
  }),
};

/** The tolerances of Σ dOut·normal and Σ dOut over `terms` values each. */
function withSums(
  made: Problem,
  length: number,
  count: number,
  placeOf: (i: number) => number,
  { dOut, terms, inverse }: Known & { readonly dOut: Float32Array },
): Problem {
  const magnitudes = Array.from(dOut, Math.abs);
  const ofBias = sums(count, magnitudes, placeOf);
  const ofWeight = sums(
    count,
    magnitudes.map((d, i) => d * at(terms, i) * at(inverse, i)),
    placeOf,
  );
  return {
    ...made,
    tolerance: (name) => ({
      rtol: sumTolerance(length) + 4 * U,
      atol: TINY,
      scale: name === 'dWeight' ? ofWeight : ofBias,
    }),
  };
}
