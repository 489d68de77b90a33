import { describe, expect, it } from 'vitest';
import { curveData } from '../../playground/src/views/train/curve-data.js';

const source = (
  values: readonly number[],
  validations: readonly { step: number; value: number }[] = [],
) => ({ values: Float32Array.from(values), validations });

describe('the curves of runs', () => {
  it('of few steps have every batch, and a mean of those around it', () => {
    const { steps, curves } = curveData([source([4, 2, 3])], 10);
    expect(steps).toEqual([1, 2, 3]);
    expect(curves[0]?.batches).toEqual([4, 2, 3]);
    expect(curves[0]?.mean).toEqual([3, 3, 3]);
  });

  it('of many steps keep the smallest and the largest of each stretch, in their order', () => {
    const values = [5, 1, 2, 3, 0, 9, 4, 4, 8, 8, 7, 8];
    const { steps, curves } = curveData([source(values)], 3);
    expect(steps).toEqual([1, 3, 5, 7, 9, 11]);
    expect(curves[0]?.batches).toEqual([5, 1, 0, 9, 8, 7]);
  });

  it('have means of all steps near by, not only of those that are drawn', () => {
    const values = Array.from({ length: 1000 }, (_, i) => (i % 5 === 0 ? 10 : 0));
    const mean = curveData([source(values)], 100).curves[0]?.mean ?? [];
    // Stretches of ten steps, and on each side one more: thirty steps, or twenty at the ends.
    expect(mean.filter((value) => value !== null)).toEqual(Array.from({ length: 100 }, () => 2));
    expect(mean.length).toBe(200);
  });

  it('of two runs have the same steps, and end where their run does', () => {
    const { steps, curves } = curveData([source([1, 2, 3, 4]), source([5, 6])], 10);
    expect(steps).toEqual([1, 2, 3, 4]);
    expect(curves[1]?.batches).toEqual([5, 6, null, null]);
    expect(curves[1]?.mean).toEqual([5.5, 5.5, null, null]);
  });

  it('have each validation at its step, or at the point before it', () => {
    const few = curveData([source([1, 2, 3], [{ step: 2, value: 7 }])], 10);
    expect(few.curves[0]?.validation).toEqual([null, 7, null]);
    const many = source(
      Array.from({ length: 40 }, () => 1),
      [
        { step: 9, value: 7 },
        { step: 40, value: 6 },
      ],
    );
    const { steps, curves } = curveData([many], 10);
    const points = curves[0]?.validation.flatMap((value, i) =>
      value === null ? [] : [[steps[i], value]],
    );
    expect(points).toEqual([
      [11, 7],
      [39, 6],
    ]);
  });

  it('leave out what is no finite number', () => {
    const { curves } = curveData([source([1, NaN, 3, Infinity])], 2);
    expect(curves[0]?.batches).toEqual([1, 1, 3, 3]);
    expect(curves[0]?.mean).toEqual([2, null, 2, null]);
  });

  it('of nothing are empty', () => {
    expect(curveData([source([])], 10)).toEqual({
      steps: [],
      curves: [{ batches: [], mean: [], validation: [] }],
    });
  });
});
