/** The value below which the share `q` of `values` lies, between neighbours along a line. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = q * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? NaN;
  const above = sorted[Math.ceil(position)] ?? NaN;
  return below + (above - below) * (position - Math.floor(position));
}

export const median = (values: readonly number[]) => quantile(values, 0.5);

/** The middle half's width as a share of the median: 0 when nothing varies. */
export const spread = (values: readonly number[]) =>
  (quantile(values, 0.75) - quantile(values, 0.25)) / median(values);

export const geometricMean = (values: readonly number[]) =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
