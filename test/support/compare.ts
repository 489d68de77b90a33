export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
  /**
   * What `rtol` is relative to, element by element: for sums of products Σ|aᵢ·bᵢ|, as the error of
   * a right answer is relative to that and not to the result, which cancellation can make as small
   * as it likes. Default: |expected|.
   */
  readonly scale?: ArrayLike<number>;
}

/**
 * Passes when every element has |actual - expected| ≤ atol + rtol·scale. NaN equals only NaN, an
 * infinity only the same infinity; 0 equals -0.
 * @throws Error that names the worst element, and how many are wrong.
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { rtol, atol, scale = expected }: Tolerance,
): void {
  if (!(rtol >= 0 && rtol < 1 && atol >= 0 && atol < Infinity)) {
    throw new Error(`expectClose: rtol ${rtol} and atol ${atol} accept anything`);
  }
  if (actual.length !== expected.length || scale.length !== expected.length) {
    throw new Error(
      `expectClose: expected ${expected.length} elements (scale has ${scale.length}), ` +
        `got ${actual.length}`,
    );
  }
  let wrong = 0;
  let worst = -1;
  let worstExcess = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i] as number;
    const e = expected[i] as number;
    if (a === e || (Number.isNaN(a) && Number.isNaN(e))) continue;
    const bound = atol + rtol * Math.abs(scale[i] as number);
    // A scale that is not finite bounds nothing, so it excuses nothing.
    const finite = Number.isFinite(a) && Number.isFinite(e) && Number.isFinite(bound);
    const error = Math.abs(a - e);
    if (finite && error <= bound) continue;
    wrong++;
    const excess = finite && bound > 0 ? error / bound : Infinity;
    if (excess > worstExcess) {
      worst = i;
      worstExcess = excess;
    }
  }
  if (wrong === 0) return;
  throw new Error(
    `expectClose: ${wrong} of ${expected.length} elements differ, the worst at ${worst}: ` +
      `expected ${expected[worst]}, got ${actual[worst]} (${worstExcess.toPrecision(3)} times ` +
      `the bound; rtol ${rtol}, atol ${atol}, scale ${scale[worst]})`,
  );
}
