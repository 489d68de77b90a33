import { describe, expect, it } from 'vitest';
import { confusionCounts, itemsOf } from '../../playground/src/views/train/confusion-counts.js';

const labels = Uint8Array.of(3, 3, 5, 0, 9, 3);
const predictions = Uint8Array.of(3, 5, 5, 0, 4, 5);

describe('a confusion matrix', () => {
  it('counts each label, row by row, by what it was taken for', () => {
    const counts = confusionCounts(labels, predictions);
    const cells = counts.flatMap((row, label) =>
      row.flatMap((count, predicted) => (count > 0 ? [[label, predicted, count]] : [])),
    );
    expect(cells).toEqual([
      [0, 0, 1],
      [3, 3, 1],
      [3, 5, 2],
      [5, 5, 1],
      [9, 4, 1],
    ]);
    expect(counts.map((row) => row.length)).toEqual(new Array(10).fill(10));
  });

  it('knows the digits behind a cell', () => {
    expect(itemsOf(labels, predictions, { label: 3, predicted: 5 })).toEqual([1, 5]);
    expect(itemsOf(labels, predictions, { label: 5, predicted: 3 })).toEqual([]);
  });
});
