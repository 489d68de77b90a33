import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';

const tolerance = { rtol: 1e-6, atol: 1e-9 };

describe('expectClose', () => {
  it('accepts equal values, special ones included', () => {
    const values = [0, 1, -2.5, NaN, Infinity, -Infinity, 1e-40];
    expectClose(values, [...values], { rtol: 0, atol: 0 });
    expectClose([0, -0], [-0, 0], { rtol: 0, atol: 0 });
    expectClose([], [], tolerance);
  });

  it('accepts an error up to the bound and no larger', () => {
    expectClose([1 + 0.9e-6, -2 - 1.9e-6], [1, -2], tolerance);
    expect(() => expectClose([1 + 1.1e-6], [1], tolerance)).toThrow('1 of 1 elements differ');
    expectClose([0.9e-9], [0], tolerance);
    expect(() => expectClose([1.1e-9], [0], tolerance)).toThrow('expected 0, got 1.1e-9');
    expect(() => expectClose([-1], [1], tolerance)).toThrow('differ');
  });

  it.each([
    [NaN, Infinity],
    [NaN, 0],
    [0, NaN],
    [Infinity, NaN],
    [Infinity, -Infinity],
    [Infinity, 1e308],
    [1e308, Infinity],
    [-Infinity, Infinity],
  ])('tells %d from %d', (actual, expected) => {
    expect(() => expectClose([1, actual], [1, expected], tolerance)).toThrow('the worst at 1');
    // Nor does a scale that is not finite excuse it.
    for (const scale of [NaN, Infinity]) {
      expect(() => expectClose([actual], [expected], { ...tolerance, scale: [scale] })).toThrow(
        'the worst at 0',
      );
    }
  });

  it('takes the scale in place of the expected value', () => {
    expectClose([1e-5], [0], { rtol: 1e-6, atol: 0, scale: [100] });
    expect(() => expectClose([1e-3], [0], { rtol: 1e-6, atol: 0, scale: [100] })).toThrow(
      'scale 100',
    );
    expect(() => expectClose([100.00001], [100], { rtol: 1e-6, atol: 0, scale: [1] })).toThrow(
      'scale 1',
    );
  });

  it('rejects other lengths', () => {
    expect(() => expectClose([1], [1, 2], tolerance)).toThrow('expected 2 elements');
    expect(() => expectClose([1, 2], [1], tolerance)).toThrow('got 2');
    expect(() => expectClose([], [1], tolerance)).toThrow('got 0');
    expect(() => expectClose([1, 2], [1, 2], { ...tolerance, scale: [1] })).toThrow('scale has 1');
  });

  it('rejects tolerances that accept anything', () => {
    for (const bad of [
      { rtol: 1, atol: 0 },
      { rtol: NaN, atol: 0 },
      { rtol: 0, atol: Infinity },
      { rtol: 0, atol: NaN },
      { rtol: -1, atol: 0 },
    ]) {
      expect(() => expectClose([1], [1], bad)).toThrow('accept anything');
    }
  });

  it('names the worst element', () => {
    expect(() => expectClose([1, 5, 3.1], [1, 2, 3], tolerance)).toThrow(
      /2 of 3 elements differ, the worst at 1: expected 2, got 5/,
    );
  });
});
