/** The figures of a sample: they show what a run's seed does to a result. */
export interface Spread {
  readonly mean: number;
  /** The sample's standard deviation (n - 1); null for a sample of one, which shows none. */
  readonly deviation: number | null;
}

/** @param values At least one. */
export function spreadOf(values: readonly number[]): Spread {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: n > 1 ? Math.sqrt(squares / (n - 1)) : null };
}

/** |a - b| / |b|; 0 where both are the same, 0 included. */
export function relativeDifference(a: number, b: number): number {
  return a === b ? 0 : Math.abs(a - b) / Math.abs(b);
}
