import type {
  ChannelsGeometry,
  LayerNormGeometry,
  MomentsGeometry,
  NumericArray,
  RowsGeometry,
  RunningOptions,
} from '../contract.js';

/*
 * Normalisation. Values that are normalised together are runs of `length`, `step` elements apart;
 * a row is a single run.
 *
 * The square of 1e200 is no double, and that of 1e-200 is 0: a variance of such values is ∞ or 0,
 * although the normalised values are of the size of 1. So what comes out like that is reckoned once
 * more, divided by its largest magnitude.
 */

/** The mean square of these is exact enough in every float type, none of its squares having vanished. */
const SMALLEST = 1e-30;

interface Together {
  readonly x: NumericArray;
  readonly start: number;
  readonly runs: number;
  readonly step: number;
  readonly length: number;
}

interface Statistics {
  readonly mean: number;
  readonly variance: number;
  /** 1/√(variance + eps) */
  readonly inverse: number;
}

/** Terms that are added up before their sum is added to the total. */
const BLOCK = 256;

/** Σ f over the places of some values, block by block, so that a long sum is as exact as a short one. */
function total(together: Together, f: (i: number) => number): number {
  let all = 0;
  let sum = 0;
  let count = 0;
  each(together, (i) => {
    sum += f(i);
    count++;
    if (count % BLOCK > 0) return;
    all += sum;
    sum = 0;
  });
  return all + sum;
}

function statisticsOf(together: Together, eps: number): Statistics {
  const { x } = together;
  const count = together.runs * together.length;
  const at = (i: number): number => x[i];
  const mean = total(together, at) / count;
  // Σ(x - mean)² and not Σx² - (Σx)²/count, which cancels where the mean is large.
  const variance = total(together, (i) => (at(i) - mean) ** 2) / count;
  const isOutOfRange = !(variance < Infinity) || (variance < SMALLEST && eps < SMALLEST);
  return (
    (isOutOfRange ? scaledStatistics(together, eps) : null) ?? {
      mean,
      variance,
      inverse: 1 / Math.sqrt(variance + eps),
    }
  );
}

/** The same of values divided by their largest magnitude; null if one is not finite or all are 0. */
function scaledStatistics(together: Together, eps: number): Statistics | null {
  const { x } = together;
  let largest = 0;
  each(together, (i) => (largest = Math.max(largest, Math.abs(x[i]))));
  if (!(largest > 0 && largest < Infinity)) return null;
  const count = together.runs * together.length;
  const at = (i: number): number => x[i] / largest;
  const mean = total(together, at) / count;
  const variance = total(together, (i) => (at(i) - mean) ** 2) / count;
  // Values that are all alike are 0 whatever the scale, at which eps may be no float any more.
  const scale = variance === 0 ? 1 : largest;
  return {
    mean: mean * largest,
    variance: variance * largest * largest,
    inverse: 1 / Math.sqrt(variance + eps / scale / scale) / scale,
  };
}

/** (x - mean)·inverse; halves, as the difference of the largest numbers is none. */
function normal(x: number, mean: number, inverse: number): number {
  const difference = x - mean;
  if (Math.abs(difference) < Infinity) return difference * inverse;
  return (x / 2 - mean / 2) * inverse * 2;
}

function channelOf(
  x: NumericArray,
  channel: number,
  { outer, channels, inner }: ChannelsGeometry,
): Together {
  return { x, start: channel * inner, runs: outer, step: channels * inner, length: inner };
}

function rowOf(x: NumericArray, row: number, n: number): Together {
  return { x, start: row * n, runs: 1, step: n, length: n };
}

function store(to: NumericArray, at: number, count: number, found: Statistics): void {
  to[at] = found.mean;
  to[count + at] = found.variance;
  to[2 * count + at] = found.inverse;
}

export function moments(
  statistics: NumericArray,
  x: NumericArray,
  geometry: MomentsGeometry,
): void {
  for (let c = 0; c < geometry.channels; c++) {
    const found = statisticsOf(channelOf(x, c, geometry), geometry.eps);
    store(statistics, c, geometry.channels, found);
  }
}

export function trackMoments(
  batches: Int32Array,
  mean: NumericArray,
  variance: NumericArray,
  statistics: NumericArray,
  { channels, count, momentum }: RunningOptions,
): void {
  batches[0]++;
  const share = momentum ?? 1 / batches[0];
  for (let c = 0; c < channels; c++) {
    const unbiased = (statistics[channels + c] * count) / (count - 1);
    mean[c] = (1 - share) * mean[c] + share * statistics[c];
    variance[c] = (1 - share) * variance[c] + share * unbiased;
  }
}

export function normalise(
  out: NumericArray,
  x: NumericArray,
  statistics: NumericArray,
  weight: NumericArray,
  bias: NumericArray,
  geometry: ChannelsGeometry,
): void {
  for (let c = 0; c < geometry.channels; c++) {
    const normalOf = normals(x, statistics, c, geometry.channels);
    each(channelOf(x, c, geometry), (i) => {
      out[i] = normalOf(i) * weight[c] + bias[c];
    });
  }
}

export function normaliseSums(
  dWeight: NumericArray,
  dBias: NumericArray,
  factors: NumericArray,
  dOut: NumericArray,
  x: NumericArray,
  statistics: NumericArray,
  weight: NumericArray,
  geometry: ChannelsGeometry,
): void {
  const { outer, channels, inner } = geometry;
  const count = outer * inner;
  for (let c = 0; c < channels; c++) {
    const normalOf = normals(x, statistics, c, channels);
    const channel = channelOf(x, c, geometry);
    dBias[c] = total(channel, (i) => dOut[i]);
    dWeight[c] = total(channel, (i) => dOut[i] * normalOf(i));
    // Of the sums as they were rounded.
    factors[c] = weight[c];
    factors[channels + c] = (weight[c] * dBias[c]) / count;
    factors[2 * channels + c] = (weight[c] * dWeight[c]) / count;
  }
}

export function normaliseBackward(
  dX: NumericArray,
  dOut: NumericArray,
  x: NumericArray,
  statistics: NumericArray,
  factors: NumericArray,
  geometry: ChannelsGeometry,
): void {
  const { channels } = geometry;
  for (let c = 0; c < channels; c++) {
    const normalOf = normals(x, statistics, c, channels);
    const inverse = statistics[2 * channels + c];
    const weight = factors[c];
    const meanG = factors[channels + c];
    const slope = factors[2 * channels + c];
    each(channelOf(x, c, geometry), (i) => {
      dX[i] = inverse * (dOut[i] * weight - meanG - normalOf(i) * slope);
    });
  }
}

export function layerNorm(
  out: NumericArray,
  statistics: NumericArray,
  x: NumericArray,
  weight: NumericArray,
  bias: NumericArray,
  { rows, n, eps }: LayerNormGeometry,
): void {
  for (let row = 0; row < rows; row++) {
    const found = statisticsOf(rowOf(x, row, n), eps);
    store(statistics, row, rows, found);
    for (let j = 0; j < n; j++) {
      const value = normal(x[row * n + j], found.mean, found.inverse);
      out[row * n + j] = value * weight[j] + bias[j];
    }
  }
}

export function layerNormBackward(
  dX: NumericArray,
  dOut: NumericArray,
  x: NumericArray,
  statistics: NumericArray,
  weight: NumericArray,
  { rows, n }: RowsGeometry,
): void {
  for (let row = 0; row < rows; row++) {
    const start = row * n;
    const normalOf = normals(x, statistics, row, rows);
    const inverse = statistics[2 * rows + row];
    const g = (i: number): number => dOut[i] * weight[i - start];
    const meanG = total(rowOf(x, row, n), g) / n;
    const slope = total(rowOf(x, row, n), (i) => g(i) * normalOf(i)) / n;
    for (let i = start; i < start + n; i++) {
      dX[i] = inverse * (g(i) - meanG - normalOf(i) * slope);
    }
  }
}

export function layerNormSums(
  dWeight: NumericArray,
  dBias: NumericArray,
  dOut: NumericArray,
  x: NumericArray,
  statistics: NumericArray,
  { rows, n }: RowsGeometry,
): void {
  for (let j = 0; j < n; j++) {
    const column = { x, start: j, runs: rows, step: n, length: 1 };
    dBias[j] = total(column, (i) => dOut[i]);
    dWeight[j] = total(column, (i) => {
      const row = (i - j) / n;
      return dOut[i] * normals(x, statistics, row, rows)(i);
    });
  }
}

/** Gives the elements of x as the statistics at a place normalise them. */
function normals(
  x: NumericArray,
  statistics: NumericArray,
  at: number,
  count: number,
): (i: number) => number {
  const mean = statistics[at];
  const inverse = statistics[2 * count + at];
  return (i) => normal(x[i], mean, inverse);
}

function each({ start, runs, step, length }: Together, visit: (i: number) => void): void {
  for (let run = 0; run < runs; run++) {
    for (let i = start + run * step; i < start + run * step + length; i++) visit(i);
  }
}
