import { ConfigError } from '@unfold/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { discordance, mcnemarExact } from '../../packages/cli/src/compare/mcnemar.js';
import { relativeDifference, spreadOf } from '../../packages/cli/src/compare/statistics.js';

describe("McNemar's exact test", () => {
  // scipy 1.17.1: binomtest(min(a, b), a + b, 0.5).pvalue
  it.each([
    [1, 0, 1],
    [0, 5, 0.0625],
    [1, 5, 0.21875],
    [10, 20, 0.09873714670538905],
    [31, 29, 0.8974218269914307],
    [121, 59, 4.4344492637551645e-6],
    [9, 34, 0.00017015517460094998],
    [2500, 2700, 0.0057814420391163164],
    [30_000, 30_500, 0.042485574410371825],
    [500_000, 501_500, 0.1341651666841142],
    [0, 60, 1.734723475976807e-18],
    [0, 500, 6.10987272699921e-151],
  ])('%d against %d gives what SciPy gives', (a, b, expected) => {
    expect(Math.abs(mcnemarExact(a, b) / expected - 1)).toBeLessThan(1e-10);
  });

  it('is 1 without a discordant pair, and where both sides have as many', () => {
    expect(mcnemarExact(0, 0)).toBe(1);
    expect(mcnemarExact(3, 3)).toBe(1);
    expect(mcnemarExact(200_000, 200_000)).toBe(1);
  });

  it('is 0 only where the answer is below the smallest normal number', () => {
    expect(mcnemarExact(0, 1020) / 2 ** -1019).toBeCloseTo(1, 12);
    expect(mcnemarExact(0, 1100)).toBe(0);
    expect(mcnemarExact(100, 40_000)).toBe(0);
  });

  it('doubles the tail of the binomial distribution, whichever side is larger', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), (a, b) => {
        const n = a + b;
        // Pascal's triangle, in whole numbers.
        let row = [1n];
        for (let i = 0; i < n; i++) row = [1n, ...row.map((c, j) => c + (row[j + 1] ?? 0n))];
        const tail = row.slice(0, Math.min(a, b) + 1).reduce((sum, c) => sum + c, 0n);
        const expected = Math.min(1, (2 * Number(tail)) / 2 ** n);
        expect(mcnemarExact(a, b)).toBeCloseTo(expected, 12);
        expect(mcnemarExact(b, a)).toBe(mcnemarExact(a, b));
      }),
    );
  });

  it.each([
    [-1, 2],
    [0.5, 2],
    [NaN, 2],
    [1, Infinity],
  ])('%d against %d is an error', (a, b) => {
    expect(() => mcnemarExact(a, b)).toThrow(
      new ConfigError(`mcnemarExact: expected counts of pairs, got ${a} and ${b}`),
    );
  });
});

describe('the discordant pairs', () => {
  const hits = (...values: number[]): Uint8Array => Uint8Array.from(values);

  it('of one seed are the images that only one side gets right', () => {
    const run = { ours: hits(1, 1, 1, 0, 0, 1), theirs: hits(1, 0, 0, 1, 0, 1) };
    expect(discordance([run])).toEqual({ ours: 2, theirs: 1 });
  });

  it('of several seeds count an image once, for the side that is right more often', () => {
    const runs = [
      { ours: hits(1, 1, 0, 1), theirs: hits(0, 0, 1, 1) },
      { ours: hits(1, 0, 0, 1), theirs: hits(0, 1, 0, 1) },
      { ours: hits(1, 1, 1, 1), theirs: hits(0, 0, 1, 0) },
    ];
    // Images 0, 1 and 3 are ours, 3:0, 2:1 and 3:2; image 2 is theirs, 1:2.
    expect(discordance(runs)).toEqual({ ours: 3, theirs: 1 });
  });
});

describe('statistics', () => {
  it('give the mean and the deviation of a sample', () => {
    const { mean, deviation } = spreadOf([0.9, 0.93, 0.96]);
    expect(mean).toBeCloseTo(0.93, 15);
    expect(deviation).toBeCloseTo(0.03, 15);
  });

  it('give no deviation of a single value', () => {
    expect(spreadOf([0.5])).toEqual({ mean: 0.5, deviation: null });
  });

  it('take a difference relative to the second number', () => {
    expect(relativeDifference(1.1, 1)).toBeCloseTo(0.1, 15);
    expect(relativeDifference(-3, -2)).toBe(0.5);
    expect(relativeDifference(0, 0)).toBe(0);
    expect(relativeDifference(1, 0)).toBe(Infinity);
  });
});
