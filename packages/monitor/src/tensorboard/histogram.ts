import { ConfigError } from '@unfold/core';
import { valueText } from '@unfold/core/internal';

/** How some numbers are distributed. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  /** How many numbers there are. */
  readonly num: number;
  readonly sum: number;
  readonly sumSquares: number;
  /**
   * The right edges of the buckets, ascending: what is less than `limits[i]`, and not less than
   * `limits[i - 1]`, is in bucket i. Neither the first nor the last is empty, and no two neighbours are:
   * such are one wide bucket, as TensorFlow does. (PyTorch puts an empty one in front, for its edge;
   * TensorBoard, which takes `min` for the first left edge, then draws the bucket after it backwards.)
   */
  readonly limits: number[];
  /** Numbers in each bucket. */
  readonly counts: number[];
}

/**
 * TensorBoard's edges: 1e-12·1.1ⁿ below 1e20, their negatives, 0, and the largest numbers there are at
 * both ends. Multiplied up one by one, as TensorFlow and PyTorch do, to be the same to the last bit.
 */
const EDGES = edges();

function edges(): Float64Array {
  const positive: number[] = [];
  for (let edge = 1e-12; edge < 1e20; edge *= 1.1) positive.push(edge);
  positive.push(Number.MAX_VALUE);
  return Float64Array.from([...positive.map((edge) => -edge).reverse(), 0, ...positive]);
}

/**
 * The histogram of `values`.
 * @param tag Names the values in errors.
 * @throws ConfigError if there are no values, or one is NaN or infinite: no bucket is for them.
 */
export function histogramOf(tag: string, values: ArrayLike<number>): Histogram {
  if (values.length === 0) {
    throw new ConfigError(`addHistogram: ${tag}: expected at least one value, got none`);
  }
  const counts = new Float64Array(EDGES.length);
  let [min, max, sum, sumSquares] = [Infinity, -Infinity, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) {
      throw new ConfigError(
        `addHistogram: ${tag}: expected finite values, got ${valueText(value)} at index ${i} of ` +
          `${values.length}; a histogram has no bucket for it`,
      );
    }
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    sumSquares += value * value;
    const bucket = bucketOf(value);
    counts[bucket] = (counts[bucket] as number) + 1;
  }
  const last = bucketOf(max);
  const kept: number[] = [];
  for (let bucket = bucketOf(min); bucket <= last; bucket++) {
    // Of empty neighbours the last one stays, and reaches from where the first one began.
    if (counts[bucket] !== 0 || counts[bucket + 1] !== 0) kept.push(bucket);
  }
  return {
    min,
    max,
    num: values.length,
    sum,
    sumSquares,
    limits: kept.map((bucket) => EDGES[bucket] as number),
    counts: kept.map((bucket) => counts[bucket] as number),
  };
}

/** The first edge above `value`; of the largest number, which has none, the last. */
function bucketOf(value: number): number {
  let [low, high] = [1, EDGES.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((EDGES[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
