import { describe, expect, it } from 'vitest';
import { HistoryKeeper, recentMean } from '../../playground/src/state/history.js';

const floats = (...values: number[]): Float32Array<ArrayBuffer> => Float32Array.from(values);

describe('the history of a run', () => {
  it('has every step in its order, however long it gets, and what was handed out stays', () => {
    const keeper = new HistoryKeeper();
    const first = keeper.add(floats(3, 2), floats(0, 0.25));
    let last = first;
    for (let i = 0; i < 2000; i++) last = keeper.add(floats(i, i + 0.5), floats(0.5, 1));
    expect(Array.from(first.losses)).toEqual([3, 2]);
    expect(last.losses.length).toBe(4002);
    expect(Array.from(last.losses.slice(0, 4))).toEqual([3, 2, 0, 0.5]);
    expect(Array.from(last.losses.slice(-2))).toEqual([1999, 1999.5]);
    expect(Array.from(last.accuracies.slice(0, 4))).toEqual([0, 0.25, 0.5, 1]);
  });

  it('takes a report of many steps at once', () => {
    const many = floats(...Array.from({ length: 5000 }, (_, i) => i));
    const { losses } = new HistoryKeeper().add(many, many);
    expect(losses).toEqual(many);
  });

  it('knows the mean of its last steps, and of fewer at its beginning', () => {
    expect(recentMean(floats(9, 1, 2, 3), 3)).toBe(2);
    expect(recentMean(floats(1, 2), 3)).toBe(1.5);
    expect(recentMean(floats(), 3)).toBeNull();
  });
});
