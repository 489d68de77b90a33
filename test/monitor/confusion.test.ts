import { describe, expect, it } from 'vitest';
import { cellDepths, errorsOf, rowShares } from '../../packages/monitor/src/confusion.js';
import { reachOf } from '../../packages/monitor/src/extent.js';

const CONFUSION = [
  [90, 10, 0],
  [0, 4, 4],
  [0, 0, 0],
];

describe('a confusion matrix', () => {
  it('has its errors, the most frequent first', () => {
    expect(errorsOf(CONFUSION)).toEqual([
      { label: 0, prediction: 1, count: 10 },
      { label: 1, prediction: 2, count: 4 },
    ]);
  });

  it('is coloured by row, with a scale of their own for errors', () => {
    expect(cellDepths(CONFUSION)).toEqual([
      [0.9, Math.sqrt(0.1 / 0.5), 0],
      [0, 0.5, 1],
      [0, 0, 0],
    ]);
    expect(
      cellDepths([
        [3, 0],
        [0, 2],
      ]),
    ).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  it('has no part of a class without images', () => {
    expect(rowShares([0, 0])).toEqual([0, 0]);
    expect(rowShares([3, 1])).toEqual([0.75, 0.25]);
  });
});

it('colours of weights reach to the largest magnitude that is a number', () => {
  expect(reachOf(Float32Array.of(1, -3, NaN, -Infinity, 2))).toBe(3);
  expect(reachOf(new Float32Array(0))).toBe(0);
});
