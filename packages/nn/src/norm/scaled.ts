import { elementsOf, type Tensor } from '@unfold/core';

/*
 * The square of 1e20 is no float32, and that of 1e-25 is 0: a variance of such values is ∞ or 0,
 * although the normalised values are of the size of 1. So what comes out like that is reckoned once
 * more, divided by its largest magnitude, number by number in double precision. It is rare, and may
 * be slow.
 */

/** The mean square of these is exact enough in float32, none of its squares having vanished. */
const SMALLEST = 1e-30;

/** Whether a mean of squares is what its dtype makes of squares that are too large, or too small. */
export function isOutOfRange(meanSquare: number, eps: number): boolean {
  return !(meanSquare < Infinity) || (meanSquare < SMALLEST && eps < SMALLEST);
}

/** Values that are normalised together: runs of `length`, each from its start on. */
export interface Together {
  readonly starts: readonly number[];
  readonly length: number;
}

/** What was found about values that are normalised together. */
export interface Statistics {
  readonly mean: number;
  readonly variance: number;
  /** 1/√(variance + eps) */
  readonly inverse: number;
}

/**
 * Writes (x - mean)/√(variance + eps) of some values of x.
 * @returns null, with nothing written, if one of them is not finite or all are 0.
 */
export function normaliseScaled(
  out: Tensor,
  x: Tensor,
  { starts, length }: Together,
  eps: number,
): Statistics | null {
  const from = elementsOf(x);
  const to = elementsOf(out);
  const each = (visit: (value: number, i: number) => void): void => {
    for (const start of starts) {
      for (let i = start; i < start + length; i++) visit(from[i] as number, i);
    }
  };
  let largest = 0;
  each((value) => (largest = Math.max(largest, Math.abs(value))));
  if (!(largest > 0 && largest < Infinity)) return null;
  const count = starts.length * length;
  let total = 0;
  each((value) => (total += value / largest));
  const mean = total / count;
  let squares = 0;
  each((value) => (squares += (value / largest - mean) ** 2));
  const variance = squares / count;
  // Values that are all alike are 0 whatever the scale, at which eps may be no float any more.
  const scale = variance === 0 ? 1 : largest;
  const root = Math.sqrt(variance + eps / scale / scale);
  each((value, i) => (to[i] = (value / largest - mean) / root));
  return {
    mean: mean * largest,
    variance: variance * largest * largest,
    inverse: 1 / root / scale,
  };
}
