import { expect, it } from 'vitest';
import { makeExtremeCalls } from '../support/kernels/extreme-calls.js';

it('5,000 extreme geometries: each kernel is right or refuses, and writes nothing else', () => {
  const tally = makeExtremeCalls(5000, 11);
  // Five convolutions, five windows, nine with positions, seven reductions, three scans and a sort, four
  // strides, two products, seven of normalisation.
  expect(tally.size).toBe(43);
  for (const [kernel, { calls, computed }] of tally) {
    // Neither all refused nor all harmless.
    expect(computed, kernel).toBeGreaterThan(calls / 10);
    expect(computed, kernel).toBeLessThan(calls);
  }
});
