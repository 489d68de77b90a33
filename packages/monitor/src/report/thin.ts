/**
 * Places of a series to be drawn, at most `atMost`: the first, the last, and the smallest and the
 * largest value of equal stretches between, so that no peak is lost. What is no finite number is
 * passed over where something else is there.
 * @param atMost At least 4.
 */
export function thin(values: ArrayLike<number>, atMost: number): number[] {
  const { length } = values;
  if (length <= atMost) return Array.from({ length }, (_, i) => i);
  const stretches = (atMost - 2) >> 1;
  const places = new Set([0]);
  for (let s = 0; s < stretches; s++) {
    const end = Math.floor(((s + 1) * length) / stretches);
    let least = Math.floor((s * length) / stretches);
    let most = least;
    for (let i = least; i < end; i++) {
      if (!Number.isFinite(values[i])) continue;
      const value = values[i] as number;
      const [low, high] = [values[least] as number, values[most] as number];
      if (!Number.isFinite(low) || value < low) least = i;
      if (!Number.isFinite(high) || value > high) most = i;
    }
    places.add(Math.min(least, most)).add(Math.max(least, most));
  }
  return [...places.add(length - 1)];
}

/**
 * Around each value the mean of `width` values, an odd number; of fewer near the ends. What is no finite
 * number is passed over; where there is nothing else, the mean is NaN.
 */
export function smooth(values: ArrayLike<number>, width: number): number[] {
  const sums = new Float64Array(values.length + 1);
  const counts = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i++) {
    const isNumber = Number.isFinite(values[i]);
    sums[i + 1] = (sums[i] as number) + (isNumber ? (values[i] as number) : 0);
    counts[i + 1] = (counts[i] as number) + (isNumber ? 1 : 0);
  }
  const half = width >> 1;
  return Array.from(values, (_, i) => {
    const from = Math.max(0, i - half);
    const to = Math.min(values.length, i + half + 1);
    const count = (counts[to] as number) - (counts[from] as number);
    return ((sums[to] as number) - (sums[from] as number)) / count;
  });
}
