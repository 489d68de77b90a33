import { ConfigError } from '@unfold/core';

/**
 * McNemar's exact test, two-sided: the probability that `a` against `b`, or anything more one-sided,
 * comes of `a + b` tosses of a fair coin. `a` and `b` count the discordant pairs: those where only
 * the first, and only the second of two classifiers is right. Without any, nothing speaks for a
 * difference, and the answer is 1.
 *
 * p = min(1, 2·P(X ≤ min(a, b))), X ~ Binomial(a + b, ½); McNemar, Psychometrika 12 (1947).
 * @throws ConfigError unless both are whole numbers of at least 0.
 */
export function mcnemarExact(a: number, b: number): number {
  for (const count of [a, b]) {
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new ConfigError(`mcnemarExact: expected counts of pairs, got ${a} and ${b}`);
    }
  }
  const n = a + b;
  const k = Math.min(a, b);
  // Binomial coefficients in units of C(n, k), so that neither they nor 2⁻ⁿ leave the number range.
  // The sum above k overflows only where the answer is below the smallest normal number.
  let atMost = 1;
  for (let i = k, term = 1; i > 0 && term > 0; i--) {
    term *= i / (n - i + 1);
    atMost += term;
  }
  let above = 0;
  for (let i = k + 1, term = 1; i <= n && term > 0; i++) {
    term *= (n - i + 1) / i;
    above += term;
  }
  return Math.min(1, (2 * atMost) / (atMost + above));
}

/** On how many images one of two is right more often than the other. */
export interface Discordance {
  readonly ours: number;
  readonly theirs: number;
}

/** Which images of a test set a network got right: 1 for right, 0 for wrong. */
export type Hits = Uint8Array;

/**
 * Compares two systems on the same test images, each with one network a seed. The image is what
 * counts: runs of other seeds meet the same images again, so their answers are no further
 * independent ones. An image counts for the system that is right on it with more of its networks,
 * and not at all where both are right as often. With one seed these are McNemar's discordant pairs.
 */
export function discordance(runs: readonly { ours: Hits; theirs: Hits }[]): Discordance {
  const images = runs[0]?.ours.length ?? 0;
  let ours = 0;
  let theirs = 0;
  for (let image = 0; image < images; image++) {
    let balance = 0;
    for (const run of runs) balance += (run.ours[image] ?? 0) - (run.theirs[image] ?? 0);
    if (balance > 0) ours++;
    if (balance < 0) theirs++;
  }
  return { ours, theirs };
}
