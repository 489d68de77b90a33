import { Generator } from '@unfold/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  AdamStepOptions,
  MatmulGeometry,
  SgdOptions,
} from '../../packages/core/src/kernels/contract.js';
import { expectClose } from '../support/compare.js';
import { flat, randomSource, windowGeometry } from '../support/kernels/kernels.js';
import { referenceKernels } from '../support/kernels/all-kernels.js';

/* Known answers: small numbers worked out by hand, and the rules at the edges. */

const kernels = referenceKernels;

const matmulGeometry = (
  M: number,
  N: number,
  K: number,
  options: Partial<MatmulGeometry> = {},
): MatmulGeometry => ({
  M,
  N,
  K,
  transposeA: false,
  transposeB: false,
  accumulate: false,
  batch: 1,
  aBatchStride: 0,
  bBatchStride: 0,
  ...options,
});

describe.each([
  { name: 'Float32Array', Float: Float32Array, exact: 1e-6 },
  { name: 'Float64Array', Float: Float64Array, exact: 1e-14 },
])('reference kernels on $name', ({ Float, exact }) => {
  const floats = (...values: number[]) => Float.from(values);
  const generate = (n: number, f: (i: number) => number) =>
    Float.from(Array.from({ length: n }, (_, i) => f(i)));
  /** An array of `n` wrong numbers, so that an element that is not written shows. */
  const blank = (n: number) => new Float(n).fill(777);
  const close = (actual: ArrayLike<number>, expected: ArrayLike<number>) =>
    expectClose(actual, expected, { rtol: exact, atol: 0 });

  describe('elementwise', () => {
    const unary = (name: 'neg' | 'exp' | 'log' | 'sqrt' | 'abs' | 'relu' | 'tanh', x: number[]) => {
      const out = blank(x.length);
      kernels[name](out, floats(...x));
      return out;
    };

    it('neg, abs, sqrt', () => {
      expect([...unary('neg', [1, -2, Infinity])]).toEqual([-1, 2, -Infinity]);
      expect([...unary('abs', [1, -2, -Infinity, NaN])]).toEqual([1, 2, Infinity, NaN]);
      expect([...unary('sqrt', [0, 9, 0.25, -1])]).toEqual([0, 3, 0.5, NaN]);
    });

    it('exp, log, tanh', () => {
      close(unary('exp', [0, 1, -1, -Infinity]), [1, Math.E, 1 / Math.E, 0]);
      close(unary('log', [1, 0, -1, Infinity, 8]), [0, -Infinity, NaN, Infinity, 3 * Math.LN2]);
      close(unary('tanh', [0, Infinity, -1000, 1]), [0, 1, -1, 0.7615941559557649]);
    });

    it('relu keeps NaN and stops everything at or below 0', () => {
      expect([...unary('relu', [-1, 0, 2, NaN, -Infinity, Infinity])]).toEqual([
        0,
        0,
        2,
        NaN,
        0,
        Infinity,
      ]);
    });

    it('leakyRelu', () => {
      const out = blank(4);
      kernels.leakyRelu(out, floats(-4, 0, 3, NaN), { slope: 0.25 });
      expect([...out]).toEqual([-1, 0, 3, NaN]);
    });

    it('sigmoid is 1 / (1 + e⁻ˣ), without overflow', () => {
      const out = blank(5);
      kernels.sigmoid(out, floats(0, 1, -1, 1000, -1000));
      close(out, [0.5, 0.7310585786300049, 0.2689414213699951, 1, 0]);
    });

    it('gelu is x·Φ(x)', () => {
      const out = blank(4);
      kernels.gelu(out, floats(0, 1, -1, -5));
      close(out, [0, 0.8413447460685429, -0.15865525393145705, -5 * 2.866515718791939e-7]);
    });

    it('hardswish, elu and mish, with their limits', () => {
      const out = blank(5);
      kernels.hardswish(out, floats(-Infinity, -3, 1.5, 4, NaN));
      close(out, [0, 0, 1.125, 4, NaN]);
      kernels.elu(out, floats(-Infinity, -1, 0, 2, NaN), { alpha: 2 });
      close(out, [-2, 2 / Math.E - 2, 0, 2, NaN]);
      const x = [-Infinity, -1, 0, 50, Infinity];
      kernels.mish(out, floats(...x));
      close(out, [0, -Math.tanh(Math.log1p(1 / Math.E)), 0, 50, Infinity]);
    });

    it('gradients of hardswish, elu and mish, at their kinks and limits', () => {
      const ones = floats(1, 1, 1, 1, 1);
      const dX = blank(5);
      kernels.relu6Backward(dX, ones, floats(0, 1, 6, NaN, 5));
      expect([...dX]).toEqual([0, 1, 0, 0, 1]);
      kernels.hardswishBackward(dX, ones, floats(-3, 0, 3, -Infinity, Infinity));
      expect([...dX]).toEqual([0, 0.5, 1, 0, 1]);
      kernels.eluBackward(dX, ones, floats(-Infinity, -1, 0, 2, Infinity), { alpha: 2 });
      close(dX, [0, 2 / Math.E, 2, 1, 1]);
      // At 0, e is 1 and tanh(ln 2) is 0.6.
      kernels.mishBackward(dX, ones, floats(-Infinity, -1000, 0, 50, Infinity));
      close(dX, [0, 0, 0.6, 1, 1]);
    });

    it('clamp, with bounds that may be infinite', () => {
      const x = floats(-5, 0.5, 5, NaN, -Infinity);
      const out = blank(5);
      kernels.clamp(out, x, { min: -1, max: 2 });
      expect([...out]).toEqual([-1, 0.5, 2, NaN, -1]);
      kernels.clamp(out, x, { min: -Infinity, max: 2 });
      expect([...out]).toEqual([-5, 0.5, 2, NaN, -Infinity]);
      kernels.clamp(out, x, { min: 0, max: Infinity });
      expect([...out]).toEqual([0, 0.5, 5, NaN, 0]);
    });

    it('gradients, with their values at the kinks', () => {
      const dOut = floats(2, 3, 5);
      const dX = blank(3);
      kernels.reluBackward(dX, dOut, floats(0, 0.5, 7));
      expect([...dX]).toEqual([0, 3, 5]);
      kernels.leakyReluBackward(dX, dOut, floats(0, -1, 7), { slope: 0.5 });
      expect([...dX]).toEqual([1, 1.5, 5]);
      kernels.absBackward(dX, dOut, floats(0, -1, 7));
      expect([...dX]).toEqual([0, -3, 5]);
      kernels.clampBackward(dX, dOut, floats(-1, 2, 2.5), { min: -1, max: 2 });
      expect([...dX]).toEqual([2, 3, 0]);
      kernels.clampBackward(dX, dOut, floats(-1.5, NaN, 1e30), { min: -1, max: Infinity });
      expect([...dX]).toEqual([0, 0, 5]);
      kernels.sigmoidBackward(dX, dOut, floats(0.5, 0.25, 1));
      expect([...dX]).toEqual([0.5, 0.5625, 0]);
      kernels.tanhBackward(dX, dOut, floats(0, 0.5, -1));
      expect([...dX]).toEqual([2, 2.25, 0]);
      kernels.sqrtBackward(dX, dOut, floats(0.5, 3, 0));
      expect([...dX]).toEqual([2, 0.5, Infinity]);
      // Φ(0) = ½; Φ(1) + φ(1); Φ(-2) - 2·φ(-2).
      kernels.geluBackward(dX, floats(2, 1, 1), floats(0, 1, -2));
      close(dX, [1, 1.0833154705876862, -0.08523180107819693]);
    });

    it('gradients at NaN are PyTorch’s, those of gelu at ±∞ its limits', () => {
      const dOut = floats(2, 3);
      const x = floats(NaN, 1);
      const dX = blank(2);
      kernels.reluBackward(dX, dOut, x);
      expect([...dX]).toEqual([2, 3]);
      kernels.leakyReluBackward(dX, dOut, x, { slope: 0.5 });
      expect([...dX]).toEqual([1, 3]);
      kernels.absBackward(dX, dOut, x);
      expect([...dX]).toEqual([0, 3]);
      kernels.clampBackward(dX, dOut, x, { min: -Infinity, max: Infinity });
      expect([...dX]).toEqual([0, 3]);
      const infinite = floats(Infinity, -Infinity);
      kernels.geluBackward(dX, dOut, infinite);
      expect([...dX]).toEqual([2, 0]);
      kernels.gelu(dX, infinite);
      expect([...dX]).toEqual([Infinity, -0]);
    });

    it('works in place', () => {
      const x = floats(-1, 2);
      kernels.relu(x, x);
      expect([...x]).toEqual([0, 2]);
      const dOut = floats(3, 4);
      kernels.reluBackward(dOut, dOut, x);
      expect([...dOut]).toEqual([0, 4]);
    });
  });

  describe('broadcast', () => {
    it('adds a column and a row', () => {
      const out = blank(6);
      kernels.add(out, floats(10, 20), floats(1, 2, 3), {
        shape: [2, 3],
        aStrides: [1, 0],
        bStrides: [0, 1],
      });
      expect([...out]).toEqual([11, 12, 13, 21, 22, 23]);
    });

    it('walks three axes and a scalar', () => {
      const out = blank(8);
      // a is [2, 1, 2], b one number.
      kernels.sub(out, floats(1, 2, 3, 4), floats(1), {
        shape: [2, 2, 2],
        aStrides: [2, 0, 1],
        bStrides: [0, 0, 0],
      });
      expect([...out]).toEqual([0, 1, 0, 1, 2, 3, 2, 3]);
      const one = blank(1);
      kernels.mul(one, floats(6), floats(7), { shape: [], aStrides: [], bStrides: [] });
      expect([...one]).toEqual([42]);
    });

    it('writes nothing when an axis is empty', () => {
      const out = blank(1);
      kernels.add(out, floats(1), floats(1), {
        shape: [2, 0],
        aStrides: [0, 0],
        bStrides: [0, 0],
      });
      kernels.add(out, floats(1), floats(1), {
        shape: [0, 2],
        aStrides: [0, 0],
        bStrides: [0, 0],
      });
      expect([...out]).toEqual([777]);
    });

    it('div, maximum, minimum', () => {
      const out = blank(4);
      kernels.div(out, floats(1, -1, 0, 7), floats(0, 0, 0, 2), flat(4));
      expect([...out]).toEqual([Infinity, -Infinity, NaN, 3.5]);
      const a = floats(1, NaN, 3, -Infinity);
      const b = floats(2, 2, NaN, 0);
      kernels.maximum(out, a, b, flat(4));
      expect([...out]).toEqual([2, NaN, NaN, 0]);
      kernels.minimum(out, a, b, flat(4));
      expect([...out]).toEqual([1, NaN, NaN, -Infinity]);
    });

    it('pow follows C', () => {
      const cases: [a: number, b: number, power: number][] = [
        [2, 10, 1024],
        [2, -1, 0.5],
        [-2, 3, -8],
        [-2, 0.5, NaN],
        [NaN, 0, 1],
        [0, 0, 1],
        [1, NaN, 1],
        [1, Infinity, 1],
        [-1, -Infinity, 1],
        [-1, 3, -1],
        [NaN, 1, NaN],
        [-1, NaN, NaN],
        [0, -2, Infinity],
        [0.5, Infinity, 0],
        [Infinity, -1, 0],
      ];
      const out = blank(cases.length);
      kernels.pow(
        out,
        floats(...cases.map(([a]) => a)),
        floats(...cases.map(([, b]) => b)),
        flat(cases.length),
      );
      expectClose(
        out,
        cases.map(([, , power]) => power),
        { rtol: 0, atol: 0 },
      );
    });

    it('comparisons give 0 and 1; NaN is equal to, below and above nothing', () => {
      const a = floats(1, 2, 3, NaN, -0);
      const b = floats(2, 2, 2, NaN, 0);
      const out = new Uint8Array(5).fill(9);
      kernels.eq(out, a, b, flat(5));
      expect([...out]).toEqual([0, 1, 0, 0, 1]);
      kernels.lt(out, a, b, flat(5));
      expect([...out]).toEqual([1, 0, 0, 0, 0]);
      kernels.gt(out, a, b, flat(5));
      expect([...out]).toEqual([0, 0, 1, 0, 0]);
    });

    it('where takes a for every condition but 0', () => {
      const out = blank(4);
      kernels.where(out, Uint8Array.of(0, 255), floats(1, 2), floats(-1), {
        shape: [2, 2],
        conditionStrides: [1, 0],
        aStrides: [0, 1],
        bStrides: [0, 0],
      });
      expect([...out]).toEqual([-1, -1, 1, 2]);
    });
  });

  describe('movement', () => {
    it('fill', () => {
      const out = blank(3);
      kernels.fill(out, { value: -0.5 });
      expect([...out]).toEqual([-0.5, -0.5, -0.5]);
    });

    it('copyStrided transposes, flips, repeats, and leaves the rest alone', () => {
      const x = floats(1, 2, 3, 4, 5, 6);
      const out = blank(6);
      kernels.copyStrided(out, x, {
        shape: [3, 2],
        outStrides: [2, 1],
        outOffset: 0,
        xStrides: [1, 3],
        xOffset: 0,
      });
      expect([...out]).toEqual([1, 4, 2, 5, 3, 6]);
      kernels.copyStrided(out, x, {
        shape: [2, 3],
        outStrides: [3, 1],
        outOffset: 0,
        xStrides: [3, -1],
        xOffset: 2,
      });
      expect([...out]).toEqual([3, 2, 1, 6, 5, 4]);
      const target = blank(7);
      kernels.copyStrided(target, x, {
        shape: [3],
        outStrides: [2],
        outOffset: 1,
        xStrides: [0],
        xOffset: 4,
      });
      expect([...target]).toEqual([777, 5, 777, 5, 777, 5, 777]);
      kernels.copyStrided(target, x, {
        shape: [],
        outStrides: [],
        outOffset: 6,
        xStrides: [],
        xOffset: 5,
      });
      expect([...target]).toEqual([777, 5, 777, 5, 777, 5, 6]);
    });

    it('indexSelect, and indexAdd with an index that repeats', () => {
      const geometry = { outer: 2, n: 3, inner: 2, count: 2 };
      const x = floats(0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121);
      const out = blank(8);
      kernels.indexSelect(out, x, Int32Array.of(2, 0), geometry);
      expect([...out]).toEqual([20, 21, 0, 1, 120, 121, 100, 101]);
      const dX = new Float(12).fill(1);
      kernels.indexAdd(dX, floats(1, 2, 3, 4, 5, 6, 7, 8), Int32Array.of(1, 1), geometry);
      expect([...dX]).toEqual([1, 1, 5, 7, 1, 1, 1, 1, 13, 15, 1, 1]);
    });
  });

  it('resample shares between two elements, and resampleBackward is its transpose', () => {
    const geometry = { outer: 2, n: 3, inner: 1, count: 2 };
    const index = Int32Array.of(0, 2, 1, 0);
    const shares = floats(0.25, 1, 0.75, 0);
    const out = blank(4);
    kernels.resample(out, floats(4, 8, 16, Infinity, 1, 2), index, shares, geometry);
    expect([...out]).toEqual([7, 16, Infinity, 2]);
    const dX = new Float(6).fill(1);
    kernels.resampleBackward(dX, floats(4, 8, 16, 32), index, shares, geometry);
    expect([...dX]).toEqual([2, 4, 9, 5, 13, 33]);
  });

  describe('along an axis', () => {
    const geometry = { outer: 2, n: 3, inner: 2, count: 2 };
    const index = Int32Array.of(2, 0, 0, 0, 1, 2, 1, 0);

    it('gatherAlong picks by a position for each element', () => {
      const x = floats(0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121);
      const out = blank(8);
      kernels.gatherAlong(out, x, index, geometry);
      expect([...out]).toEqual([20, 1, 0, 1, 110, 121, 110, 101]);
    });

    it('scatterAlong puts the last of several, scatterAddAlong adds all of them', () => {
      const src = floats(1, 2, 3, 4, 5, 6, 7, 8);
      const put = new Float(12).fill(9);
      kernels.scatterAlong(put, src, index, geometry);
      expect([...put]).toEqual([3, 4, 9, 9, 1, 9, 9, 8, 7, 9, 9, 6]);
      const added = new Float(12).fill(1);
      kernels.scatterAddAlong(added, src, index, geometry);
      expect([...added]).toEqual([4, 7, 1, 1, 2, 1, 1, 9, 13, 1, 1, 7]);
    });
  });

  describe('recurrent cells', () => {
    it('gruCell mixes the old state and a candidate, gate by gate', () => {
      const [h, gates] = [blank(2), blank(8)];
      // r = z = 1/2 for the first unit; for the second r is 1 and z is 0.
      const fromX = floats(0, 1000, 0, -1000, 1, 0);
      const fromH = floats(0, 0, 0, 0, -2, 0.5);
      kernels.gruCell(h, gates, fromX, fromH, floats(3, 7), { rows: 1, n: 2 });
      close(h, [1.5, Math.tanh(0.5)]);
      close(gates, [0.5, 1, 0.5, 0, 0, Math.tanh(0.5), -2, 0.5]);
    });

    it('gruCellBackward adds to the old state only what it was mixed with', () => {
      const [dFromX, dFromH, dBefore] = [blank(3), blank(3), floats(10)];
      const gates = floats(0.5, 0.25, 0.5, 4);
      const geometry = { rows: 1, n: 1 };
      kernels.gruCellBackward(dFromX, dFromH, dBefore, floats(2), gates, floats(3), geometry);
      // The sum in the candidate: 2·(1 - z)·(1 - m²) = 1.125.
      close(dFromX, [1.125, 0.9375, 1.125]);
      close(dFromH, [1.125, 0.9375, 0.5625]);
      close(dBefore, [10.5]);
    });

    it('lstmCell keeps, adds and shows, gate by gate', () => {
      const [h, c, gates] = [blank(2), blank(2), blank(8)];
      // The first unit forgets half of 3 and adds half of nothing; the second takes over the candidate.
      const fromX = floats(0, 1000, 0, -1000, 0, 0.5, 0, 1000);
      const geometry = { rows: 1, n: 2 };
      kernels.lstmCell(h, c, gates, fromX, floats(...Array(8).fill(0)), floats(3, 7), geometry);
      close(c, [1.5, Math.tanh(0.5)]);
      close(h, [Math.tanh(1.5) / 2, Math.tanh(Math.tanh(0.5))]);
      close(gates, [0.5, 1, 0.5, 0, 0, Math.tanh(0.5), 0.5, 1]);
    });

    it('lstmCellBackward turns the gradient of the new cell state into that of the old one', () => {
      const [dGates, dC] = [blank(4), floats(3)];
      const gates = floats(0.5, 0.25, 0.5, 0.75);
      // c is 0, so that o shows nothing, and all of the gradient of h goes through.
      kernels.lstmCellBackward(dGates, dC, floats(4), gates, floats(0), floats(2), {
        rows: 1,
        n: 1,
      });
      close(dGates, [0.75, 2.25, 2.25, 0]);
      close(dC, [1.5]);
    });
  });

  describe('scans and order', () => {
    const lines = floats(1, 2, 3, 4, 5, 6);
    const geometry = { outer: 1, n: 3, inner: 2, reverse: false };

    it('cumsum and cumprod, from either end', () => {
      const out = blank(6);
      kernels.cumsum(out, lines, geometry);
      expect([...out]).toEqual([1, 2, 4, 6, 9, 12]);
      kernels.cumsum(out, lines, { ...geometry, reverse: true });
      expect([...out]).toEqual([9, 12, 8, 10, 5, 6]);
      kernels.cumprod(out, lines, { outer: 2, n: 3, inner: 1, reverse: false });
      expect([...out]).toEqual([1, 2, 6, 4, 20, 120]);
      kernels.cumprod(out, lines, { outer: 2, n: 3, inner: 1, reverse: true });
      expect([...out]).toEqual([6, 6, 3, 120, 30, 6]);
    });

    it('a scan carries doubles', () => {
      const out = blank(4);
      const x = floats(1, 2 ** -30, 2 ** -30, -1);
      kernels.cumsum(out, x, { outer: 1, n: 4, inner: 1, reverse: false });
      expect(out[3]).toBe(2 ** -29);
    });

    it('recurrence multiplies what came before, but for the first', () => {
      const out = blank(6);
      const factor = floats(NaN, NaN, 2, 0, -1, 3);
      kernels.recurrence(out, factor, lines, geometry);
      expect([...out]).toEqual([1, 2, 5, 4, 0, 18]);
      const back = floats(2, 0, -1, 3, NaN, NaN);
      kernels.recurrence(out, back, lines, { ...geometry, reverse: true });
      expect([...out]).toEqual([-3, 2, -2, 22, 5, 6]);
    });

    it('sortRows keeps the order of equals, and takes NaN for the largest', () => {
      const x = floats(0, NaN, 2, -0, -Infinity, NaN, 2, Infinity);
      const values = blank(8);
      const indices = new Int32Array(8);
      kernels.sortRows(values, indices, x, { rows: 1, n: 8, descending: false });
      expect([...values]).toEqual([-Infinity, 0, -0, 2, 2, Infinity, NaN, NaN]);
      expect([...indices]).toEqual([4, 0, 3, 2, 6, 7, 1, 5]);
      kernels.sortRows(values, indices, x, { rows: 1, n: 8, descending: true });
      expect([...values]).toEqual([NaN, NaN, Infinity, 2, 2, 0, -0, -Infinity]);
      expect([...indices]).toEqual([1, 5, 7, 2, 6, 0, 3, 4]);
      kernels.sortRows(values, indices, x, { rows: 4, n: 2, descending: false });
      expect([...indices]).toEqual([0, 1, 1, 0, 0, 1, 0, 1]);
    });
  });

  describe('reductions', () => {
    const geometry = { outer: 2, n: 3, inner: 2 };
    const x = floats(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);

    it('sum over the middle axis', () => {
      const out = blank(4);
      kernels.sum(out, x, geometry);
      expect([...out]).toEqual([9, 12, 27, 30]);
      kernels.sum(out, floats(), { outer: 2, n: 0, inner: 2 });
      expect([...out]).toEqual([0, 0, 0, 0]);
    });

    it('sum holds its total as a double', () => {
      const out = blank(1);
      kernels.sum(out, floats(1, 2 ** -30, 2 ** -30, -1), { outer: 1, n: 4, inner: 1 });
      expect(out[0]).toBe(2 ** -29);
    });

    it('sumOfSquares adds every fourth square up by itself, in doubles', () => {
      const sum = Float64Array.of(7);
      kernels.sumOfSquares(sum, floats(1, 2, 3, 4, 5, 6), { n: 6 });
      expect(sum[0]).toBe(91);
      // Beside 2⁵⁴ a 1 is lost, and so is a 2, but not a 4: (2⁵⁴ + 2) + (2 + 2).
      kernels.sumOfSquares(sum, floats(2 ** 27, 1, 1, 1, 1, 1, 1, 1), { n: 8 });
      expect(sum[0]).toBe(2 ** 54 + 4);
      kernels.sumOfSquares(sum, floats(), { n: 0 });
      expect(sum[0]).toBe(0);
    });

    it('max and min take the first at a tie, and the first NaN before all', () => {
      const values = floats(3, -1, 5, NaN, 5, 7, -Infinity, 2, NaN, 2, NaN, 9);
      const out = blank(4);
      const indices = new Int32Array(4).fill(-9);
      kernels.max(out, indices, values, geometry);
      expect([...out]).toEqual([5, NaN, NaN, 9]);
      expect([...indices]).toEqual([1, 1, 1, 2]);
      kernels.min(out, indices, values, geometry);
      expect([...out]).toEqual([3, NaN, NaN, 2]);
      expect([...indices]).toEqual([0, 1, 1, 0]);
      const lowest = blank(1);
      kernels.max(lowest, indices, floats(-Infinity, -Infinity), { outer: 1, n: 2, inner: 1 });
      expect([lowest[0], indices[0]]).toEqual([-Infinity, 0]);
    });

    it('selectBackward puts the gradient at the index and zeros elsewhere', () => {
      const dX = blank(12);
      kernels.selectBackward(dX, floats(1, 2, 3, 4), Int32Array.of(2, 0, 1, 1), geometry);
      expect([...dX]).toEqual([0, 2, 0, 0, 1, 0, 0, 0, 3, 4, 0, 0]);
    });

    it('softmax and logSoftmax, stable at ±1000', () => {
      const logits = floats(0, Math.LN2, 1000, -1000);
      const out = blank(4);
      kernels.softmax(out, logits, { rows: 2, n: 2 });
      close(out, [1 / 3, 2 / 3, 1, 0]);
      kernels.logSoftmax(out, logits, { rows: 2, n: 2 });
      close(out, [-Math.log(3), Math.log(2 / 3), 0, -2000]);
      kernels.softmax(logits, logits, { rows: 2, n: 2 });
      close(logits, [1 / 3, 2 / 3, 1, 0]);
    });

    it('softmaxBackward and logSoftmaxBackward', () => {
      const dX = blank(4);
      kernels.softmaxBackward(dX, floats(1, 3, 1, 2), floats(0.25, 0.75, 1, 0), {
        rows: 2,
        n: 2,
      });
      // Row 0: the dot product is 2.5; row 1: 1.
      expect([...dX]).toEqual([-0.375, 0.375, 0, 0]);
      const half = Math.log(0.5);
      kernels.logSoftmaxBackward(dX, floats(1, 3, 1, -1), floats(half, half, 0, -2000), {
        rows: 2,
        n: 2,
      });
      close(dX, [-1, 1, 1, -1]);
    });

    it('softmaxBackward and logSoftmaxBackward give a row without part zeros, and no other', () => {
      const dX = blank(9);
      const out = floats(NaN, Infinity, NaN, NaN, -1, -1, -1, -1, -1);
      const geometry = { rows: 3, n: 3 };
      kernels.logSoftmaxBackward(dX, floats(0, -0, 0, 1, 0, -1, 0, 0, 0), out, geometry);
      expect([...dX]).toEqual([0, 0, 0, NaN, 0, -1, 0, 0, 0]);
      kernels.softmaxBackward(dX, floats(0, -0, 0, 1, 0, -1, 0, 0, 0), out, geometry);
      expect([...dX]).toEqual([0, 0, 0, NaN, NaN, NaN, 0, 0, 0]);
    });
  });

  describe('normalisation', () => {
    // Two channels of two images of two values: 1, 3, 5, 7 and 2, 2, 2, 2.
    const x = floats(1, 3, 2, 2, 5, 7, 2, 2);
    const geometry = { outer: 2, channels: 2, inner: 2 };
    const statistics = floats(4, 2, 5, 0, 1 / 3, 0.5);

    it('moments: mean, variance by the count, and 1/√(variance + eps)', () => {
      const found = blank(6);
      kernels.moments(found, x, { ...geometry, eps: 4 });
      close(found, statistics);
    });

    it('normalise, and the sums and gradient of it', () => {
      const given = floats(4, 2, 0, 0, 0.25, 0.5);
      const out = blank(8);
      kernels.normalise(out, x, given, floats(3, 2), floats(1, -1), geometry);
      expect([...out]).toEqual([-1.25, 0.25, -1, -1, 1.75, 3.25, -1, -1]);
      const dOut = floats(1, 0, 1, 2, 0, 3, 3, 4);
      const [dWeight, dBias, factors] = [blank(2), blank(2), blank(6)];
      kernels.normaliseSums(dWeight, dBias, factors, dOut, x, given, floats(3, 2), geometry);
      expect([...dWeight, ...dBias]).toEqual([1.5, 0, 4, 10]);
      expect([...factors]).toEqual([3, 2, 3, 5, 1.125, 0]);
      const dX = blank(8);
      // Weights 1 and 2, means of g 1 and 5, means of g·normal 0.5 and 0.
      kernels.normaliseBackward(dX, dOut, x, given, floats(1, 2, 1, 5, 0.5, 0), geometry);
      expect([...dX]).toEqual([0.09375, -0.21875, -1.5, -0.5, -0.28125, 0.40625, 0.5, 1.5]);
    });

    it('trackMoments takes the share of a batch, with the unbiased variance', () => {
      const [mean, variance] = [floats(1, 3), floats(2, Infinity)];
      const batches = Int32Array.of(2);
      const options = { channels: 2, count: 4, momentum: 0.25 };
      kernels.trackMoments(batches, mean, variance, statistics, options);
      expect([...mean, ...batches]).toEqual([1.75, 2.75, 3]);
      close(variance, [0.75 * 2 + (0.25 * 5 * 4) / 3, Infinity]);
    });

    it('trackMoments averages without momentum, and counts batches alone without channels', () => {
      const [mean, variance] = [floats(1, 3), floats(2, 0)];
      const batches = Int32Array.of(3);
      const options = { channels: 2, count: 2, momentum: null };
      kernels.trackMoments(batches, mean, variance, statistics, options);
      expect([...mean, ...variance, ...batches]).toEqual([1.75, 2.75, 4, 0, 4]);
      const none = { ...options, channels: 0 };
      kernels.trackMoments(batches, floats(), floats(), statistics, none);
      expect([...batches]).toEqual([5]);
    });

    it('layerNorm of rows, and its gradients', () => {
      const rows = { rows: 2, n: 2 };
      const [out, found] = [blank(4), blank(6)];
      const values = floats(1, 5, 3, 3);
      kernels.layerNorm(out, found, values, floats(2, 4), floats(0, 1), { ...rows, eps: 0.25 });
      close(found, [3, 3, 4, 0, 1 / Math.sqrt(4.25), 2]);
      const edge = 2 / Math.sqrt(4.25);
      close(out, [-2 * edge, 4 * edge + 1, 0, 1]);
      const given = floats(3, 3, 4, 0, 0.5, 2);
      const dX = blank(4);
      // g is 1, 3 and 2, 0; normalised are -1, 1 and 0, 0.
      kernels.layerNormBackward(dX, floats(1, 1, 2, 0), values, given, floats(1, 3), rows);
      close(dX, [0, 0, 2, -2]);
      const [dWeight, dBias] = [blank(2), blank(2)];
      kernels.layerNormSums(dWeight, dBias, floats(1, 1, 2, 0), values, given, rows);
      close(dWeight, [-1, 1]);
      close(dBias, [3, 1]);
    });

    it('reckons values again whose squares are no numbers of the type', () => {
      const huge = Float === Float32Array ? 2 ** 100 : 2 ** 700;
      const found = blank(3);
      const values = floats(-huge, huge, -huge, huge);
      kernels.moments(found, values, { outer: 1, channels: 1, inner: 4, eps: 1 });
      expect([...found]).toEqual([0, Infinity, 1 / huge]);
      const tiny = floats(-1 / huge, 1 / huge);
      kernels.moments(found, tiny, { outer: 1, channels: 1, inner: 2, eps: 0 });
      expect(found[2]).toBe(huge);
    });

    it('a NaN or an infinity makes NaN of its channel alone; no values have no mean', () => {
      for (const bad of [NaN, Infinity, -Infinity]) {
        const found = blank(6);
        kernels.moments(found, floats(1, bad, 1, 3), {
          outer: 1,
          channels: 2,
          inner: 2,
          eps: 0,
        });
        expect([found[2], found[4]]).toEqual([NaN, NaN]);
        expect([found[1], found[3], found[5]]).toEqual([2, 1, 1]);
      }
      for (const sizes of [
        { outer: 0, inner: 2 },
        { outer: 2, inner: 0 },
      ]) {
        const none = blank(3);
        kernels.moments(none, floats(), { ...sizes, channels: 1, eps: 1 });
        expect([...none]).toEqual([NaN, NaN, NaN]);
        const [dWeight, dBias, factors] = [blank(1), blank(1), blank(3)];
        const [given, weight] = [floats(0, 1, 1), floats(1)];
        const geometry = { ...sizes, channels: 1 };
        kernels.normaliseSums(dWeight, dBias, factors, floats(), floats(), given, weight, geometry);
        expect([dWeight[0], dBias[0]]).toEqual([0, 0]);
      }
    });

    it('lerp moves a share of the way', () => {
      const moved = floats(1, -2, Infinity);
      kernels.lerp(moved, floats(5, 2, 0), { weight: 0.25 });
      expect([...moved]).toEqual([2, -1, NaN]);
    });
  });

  describe('matmul', () => {
    // [[1, 2, 3], [4, 5, 6]] · [[1, 0], [2, 1], [0, -1]] = [[5, -1], [14, -1]].
    const a = floats(1, 2, 3, 4, 5, 6);
    const b = floats(1, 0, 2, 1, 0, -1);
    const aTransposed = floats(1, 4, 2, 5, 3, 6);
    const bTransposed = floats(1, 2, 0, 0, 1, -1);

    it.each([
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ])('transposeA %s, transposeB %s', (transposeA, transposeB) => {
      const left = transposeA ? aTransposed : a;
      const right = transposeB ? bTransposed : b;
      const geometry = matmulGeometry(2, 2, 3, { transposeA, transposeB });
      const out = blank(4);
      kernels.matmul(out, left, right, geometry);
      expect([...out]).toEqual([5, -1, 14, -1]);
      kernels.matmul(out, left, right, { ...geometry, accumulate: true });
      expect([...out]).toEqual([10, -2, 28, -2]);
    });

    it('over a batch that shares one operand', () => {
      const out = blank(4);
      kernels.matmul(out, floats(1, 2, 3, 4), floats(10, 1), {
        ...matmulGeometry(1, 1, 2),
        batch: 2,
        aBatchStride: 2,
      });
      expect([...out]).toEqual([12, 34, 777, 777]);
      kernels.matmul(out, floats(10, 1), floats(1, 2, 3, 4, 5, 6, 7, 8), {
        ...matmulGeometry(1, 2, 2),
        batch: 2,
        bBatchStride: 4,
      });
      expect([...out]).toEqual([13, 24, 57, 68]);
    });

    it('K = 0 gives zeros, or leaves what it adds to', () => {
      const out = blank(4);
      kernels.matmul(out, floats(), floats(), matmulGeometry(2, 2, 0, { accumulate: true }));
      expect([...out]).toEqual([777, 777, 777, 777]);
      kernels.matmul(out, floats(), floats(), matmulGeometry(2, 2, 0));
      expect([...out]).toEqual([0, 0, 0, 0]);
    });

    it('skips nothing: 0·Infinity is NaN', () => {
      const out = blank(1);
      kernels.matmul(out, floats(0), floats(Infinity), matmulGeometry(1, 1, 1));
      expect(out[0]).toBeNaN();
    });
  });

  describe('windows', () => {
    const counting = (n: number) => generate(n, (i) => i + 1);

    it('unfold orders a patch by channel, kernel row, kernel column', () => {
      // Two channels of 2×3; a pixel's number is channel, row, column (one-based).
      const x = floats(111, 112, 113, 121, 122, 123, 211, 212, 213, 221, 222, 223);
      const geometry = windowGeometry({ C: 2, image: [2, 3], kernel: [2, 2] });
      expect([geometry.OH, geometry.OW]).toEqual([1, 2]);
      const out = blank(16);
      kernels.unfold(out, x, geometry);
      expect([...out]).toEqual(
        [
          [111, 112],
          [112, 113],
          [121, 122],
          [122, 123],
          [211, 212],
          [212, 213],
          [221, 222],
          [222, 223],
        ].flat(),
      );
    });

    it('unfold with stride, padding and dilation', () => {
      // 3×3 image, kernel 1×2, dilated to columns 0 and 2; one column of padding on both sides.
      const geometry = windowGeometry({
        image: [3, 3],
        kernel: [1, 2],
        stride: [2, 1],
        padding: [0, 1],
        dilation: [1, 2],
      });
      expect([geometry.OH, geometry.OW]).toEqual([2, 3]);
      const out = blank(12);
      kernels.unfold(out, counting(9), geometry);
      expect([...out]).toEqual([0, 1, 2, 0, 7, 8, 2, 3, 0, 8, 9, 0]);
    });

    it('7×7, stride 2: the column of a patch is r mod OW', () => {
      const geometry = windowGeometry({ image: [7, 7], kernel: [2, 2], stride: [2, 2] });
      const columns = blank(4 * 9);
      kernels.unfold(columns, counting(49), geometry);
      const out = blank(9);
      kernels.matmul(out, counting(4), columns, matmulGeometry(1, 9, 4));
      expect([...out]).toEqual([65, 85, 105, 205, 225, 245, 345, 365, 385]);
    });

    it('5×5, stride 2: forward, weight gradient and input gradient', () => {
      // prettier-ignore
      const x = floats(
        5, 27, 9, -15, 12,
        2, 4, -2, -7, 8,
        -8, 16, 5, 23, -6,
        -17, 7, 9, -14, 3,
        10, -5, 13, 6, -11,
      );
      const weight = floats(8, 4, 2, 6);
      const geometry = windowGeometry({ image: [5, 5], kernel: [2, 2], stride: [2, 2] });
      const columns = blank(16);
      kernels.unfold(columns, x, geometry);
      const out = blank(4);
      kernels.matmul(out, weight, columns, matmulGeometry(1, 4, 4));
      expect([...out]).toEqual([176, -34, 8, 66]);
      const dOut = floats(1, 1, 1, 1);
      const dWeight = blank(4);
      kernels.matmul(dWeight, dOut, columns, matmulGeometry(1, 4, 4, { transposeB: true }));
      expect([...dWeight]).toEqual([11, 51, -8, -10]);
      const dColumns = blank(16);
      kernels.matmul(dColumns, weight, dOut, matmulGeometry(4, 4, 1, { transposeA: true }));
      const dX = new Float(25);
      kernels.fold(dX, dColumns, geometry);
      // The last row and column are never read.
      // prettier-ignore
      expect([...dX]).toEqual([
        8, 4, 8, 4, 0,
        2, 6, 2, 6, 0,
        8, 4, 8, 4, 0,
        2, 6, 2, 6, 0,
        0, 0, 0, 0, 0,
      ]);
    });

    it('4 → 5 channels, kernel 3×2, stride 2, 32×35: equals the definition', () => {
      const random = randomSource(35);
      const array = (n: number) => generate(n, () => random() * 2 - 1);
      const geometry = windowGeometry({ C: 4, image: [32, 35], kernel: [3, 2], stride: [2, 2] });
      expect([geometry.OH, geometry.OW]).toEqual([15, 17]);
      const [N, C, H, W, OC, OH, OW, patch] = [14, 4, 32, 35, 5, 15, 17, 24];
      const weight = array(OC * patch);
      const dWeight = new Float(OC * patch);
      const dWeightByDefinition = new Float64Array(OC * patch);
      for (let n = 0; n < N; n++) {
        const x = array(C * H * W);
        const dOut = array(OC * OH * OW);
        const columns = blank(patch * OH * OW);
        kernels.unfold(columns, x, geometry);
        const out = blank(OC * OH * OW);
        kernels.matmul(out, weight, columns, matmulGeometry(OC, OH * OW, patch));
        const adding = { transposeB: true, accumulate: true };
        kernels.matmul(dWeight, dOut, columns, matmulGeometry(OC, patch, OH * OW, adding));

        const byDefinition = new Float64Array(OC * OH * OW);
        let at = 0;
        for (let o = 0; o < OC; o++) {
          for (let i = 0; i < OH; i++) {
            for (let j = 0; j < OW; j++, at++) {
              for (let c = 0; c < C; c++) {
                for (let m = 0; m < 3; m++) {
                  for (let k = 0; k < 2; k++) {
                    const w = ((o * C + c) * 3 + m) * 2 + k;
                    const pixel = x[(c * H + 2 * i + m) * W + 2 * j + k] ?? NaN;
                    byDefinition[at] = (byDefinition[at] ?? NaN) + (weight[w] ?? NaN) * pixel;
                    dWeightByDefinition[w] =
                      (dWeightByDefinition[w] ?? NaN) + (dOut[at] ?? NaN) * pixel;
                  }
                }
              }
            }
          }
        }
        expectClose(out, byDefinition, { rtol: exact, atol: exact });
      }
      expectClose(dWeight, dWeightByDefinition, { rtol: exact, atol: 20 * exact });
    });

    it('fold adds what overlaps, and adds to what it finds', () => {
      // A 1×2 window over 1×3: the middle pixel lies under both windows.
      const geometry = windowGeometry({ image: [1, 3], kernel: [1, 2] });
      const dX = floats(100, 200, 300);
      kernels.fold(dX, floats(1, 2, 3, 4), geometry);
      expect([...dX]).toEqual([101, 205, 304]);
    });

    it('fold is the adjoint of unfold: ⟨unfold x, y⟩ = ⟨x, fold y⟩', () => {
      const pair = (min: number, max: number) =>
        fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));
      const spec = fc
        .record({
          C: fc.integer({ min: 1, max: 3 }),
          image: pair(1, 9),
          kernel: pair(1, 4),
          stride: pair(1, 3),
          padding: pair(0, 3),
          dilation: pair(1, 3),
        })
        .map(windowGeometry)
        .filter(({ OH, OW }) => OH > 0 && OW > 0);
      fc.assert(
        fc.property(spec, fc.nat(), (geometry, seed) => {
          const { C, H, W, KH, KW, OH, OW } = geometry;
          const random = randomSource(seed);
          // Small integers, so that both sums are exact in either type.
          const array = (n: number) => generate(n, () => Math.floor(random() * 33) - 16);
          const x = array(C * H * W);
          const y = array(C * KH * KW * OH * OW);
          const unfolded = blank(y.length);
          kernels.unfold(unfolded, x, geometry);
          const folded = new Float(x.length);
          kernels.fold(folded, y, geometry);
          const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
            Array.from(a).reduce((total, value, i) => total + value * (b[i] ?? NaN), 0);
          expect(dot(unfolded, y)).toBe(dot(x, folded));
        }),
        { seed: 3, numRuns: 200 },
      );
    });

    it('maxPool2d: the first at a tie, NaN the largest, padding never', () => {
      const geometry = windowGeometry({ C: 2, image: [2, 4], kernel: [2, 2], stride: [2, 2] });
      const x = floats(1, 5, 0, 0, 5, 5, 0, 0, NaN, 9, -1, -3, 1, NaN, -1, -2);
      const out = blank(4);
      const indices = new Int32Array(4).fill(-9);
      kernels.maxPool2d(out, indices, x, geometry);
      expect([...out]).toEqual([5, 0, NaN, -1]);
      expect([...indices]).toEqual([1, 2, 0, 2]);

      const padded = windowGeometry({
        image: [2, 3],
        kernel: [3, 3],
        stride: [2, 2],
        padding: [1, 1],
      });
      expect([padded.OH, padded.OW]).toEqual([1, 2]);
      kernels.maxPool2d(out.subarray(0, 2), indices, floats(-4, -3, -2, -9, -8, -7), padded);
      expect([...out.subarray(0, 2)]).toEqual([-3, -2]);
      expect([...indices.subarray(0, 2)]).toEqual([1, 2]);
      const low = new Float(6).fill(-Infinity);
      kernels.maxPool2d(out.subarray(0, 2), indices, low, padded);
      expect([...out.subarray(0, 2)]).toEqual([-Infinity, -Infinity]);
      expect([...indices.subarray(0, 2)]).toEqual([0, 1]);
    });

    it('maxPool2d with dilation', () => {
      const geometry = windowGeometry({ image: [3, 3], kernel: [2, 2], dilation: [2, 2] });
      const out = blank(1);
      const indices = new Int32Array(1);
      kernels.maxPool2d(out, indices, floats(1, 90, 3, 90, 90, 90, 7, 90, 2), geometry);
      expect([out[0], indices[0]]).toEqual([7, 6]);
    });

    it('maxPool2dBackward adds where windows share a pixel', () => {
      const geometry = windowGeometry({ C: 2, image: [1, 3], kernel: [1, 2] });
      const dX = blank(6);
      kernels.maxPool2dBackward(dX, floats(1, 2, 3, 4), Int32Array.of(1, 1, 0, 2), geometry);
      expect([...dX]).toEqual([0, 3, 0, 3, 0, 4]);
    });
  });

  describe('joined kernels', () => {
    it('matmulJoined adds the bias to each row, then applies the activation', () => {
      const geometry = { ...matmulGeometry(2, 2, 1), activation: 'leakyRelu', slope: 0.5 } as const;
      const out = blank(4);
      kernels.matmulJoined(out, floats(1, -1), floats(2, 3), floats(-4, 1), geometry);
      // 2 - 4, 3 + 1, -2 - 4 and -3 + 1.
      expect([...out]).toEqual([-1, 4, -3, -1]);
      kernels.matmulJoined(out, floats(1, -1), floats(2, NaN), null, {
        ...geometry,
        activation: 'relu',
      });
      expect([...out]).toEqual([2, NaN, 0, NaN]);
    });

    it('conv2dJoined pools what the activation gave', () => {
      const window = windowGeometry({ image: [2, 4], kernel: [1, 1] });
      const pool = windowGeometry({ image: [2, 4], kernel: [2, 2], stride: [2, 2] });
      const geometry = { N: 1, OC: 1, groups: 1, window, activation: 'relu', slope: 0 } as const;
      const x = floats(-3, -1, 1, 5, -2, -4, NaN, 6);
      const [out, pooled, indices] = [blank(8), blank(2), new Int32Array(2)];
      const joined = { ...geometry, pool };
      kernels.conv2dJoined(out, pooled, indices, x, floats(2), floats(1), joined);
      expect([...out]).toEqual([0, 0, 3, 11, 0, 0, NaN, 13]);
      // Of zeros alone the first one wins.
      expect([...pooled]).toEqual([0, NaN]);
      expect([...indices]).toEqual([0, 6]);
      pooled.fill(777);
      kernels.conv2dJoined(null, pooled, null, x, floats(2), floats(1), joined);
      expect([...pooled]).toEqual([0, NaN]);
    });

    it('conv2dBackwardInputRelu and maxPool2dReluBackward: nothing behind what relu made 0', () => {
      const window = windowGeometry({ image: [1, 3], kernel: [1, 1] });
      const dX = blank(3);
      const geometry = { N: 1, OC: 1, groups: 1, window };
      kernels.conv2dBackwardInputRelu(dX, floats(1, 2, 3), floats(2), floats(0, 1, NaN), geometry);
      expect([...dX]).toEqual([0, 4, 6]);
      const pool = windowGeometry({ C: 2, image: [1, 3], kernel: [1, 2] });
      const indices = Int32Array.of(1, 1, 0, 2);
      const dPooled = blank(6);
      kernels.maxPool2dReluBackward(
        dPooled,
        floats(1, 2, 3, 4),
        indices,
        floats(5, 5, 0, NaN),
        pool,
      );
      expect([...dPooled]).toEqual([0, 3, 0, 0, 0, 4]);
    });
  });

  describe('loss', () => {
    const labels = Int32Array.of(1, 0);

    it('crossEntropy is minus the label’s log-probability', () => {
      const logProbs = floats(-1, -2, -3, -0.5, -4, -Infinity);
      const out = blank(2);
      kernels.crossEntropy(out, logProbs, labels, { N: 2, C: 3, labelSmoothing: 0 });
      expect([...out]).toEqual([2, 0.5]);
    });

    it('crossEntropy with label smoothing', () => {
      const logProbs = floats(-1, -2, -3, -0.5, -4, -1.5);
      const out = blank(2);
      kernels.crossEntropy(out, logProbs, labels, { N: 2, C: 3, labelSmoothing: 0.3 });
      // 0.7·2 + 0.1·6 and 0.7·0.5 + 0.1·6.
      close(out, [2, 0.95]);
    });

    it('stays finite at logits of ±1000', () => {
      const logits = floats(1000, -1000, 0, -1000, 1000, 0);
      const geometry = { N: 2, C: 3, labelSmoothing: 0 };
      const logProbs = blank(6);
      kernels.logSoftmax(logProbs, logits, { rows: 2, n: 3 });
      const out = blank(2);
      kernels.crossEntropy(out, logProbs, Int32Array.of(0, 0), geometry);
      expect([...out]).toEqual([-0, 2000]);
      const dX = blank(6);
      kernels.crossEntropyBackward(dX, floats(1, 0.5), logProbs, Int32Array.of(0, 0), geometry);
      expect([...dX]).toEqual([0, 0, 0, -0.5, 0.5, 0]);
    });

    it('crossEntropyBackward is dOut·(p - target)', () => {
      const logProbs = floats(Math.log(0.25), Math.log(0.75), Math.log(0.5), Math.log(0.5));
      const dX = blank(4);
      kernels.crossEntropyBackward(dX, floats(1, -2), logProbs, labels, {
        N: 2,
        C: 2,
        labelSmoothing: 0,
      });
      close(dX, [0.25, -0.25, 1, -1]);
      // Targets with ε = 0.4: 0.8 at the label, 0.2 beside it.
      kernels.crossEntropyBackward(dX, floats(1, -2), logProbs, labels, {
        N: 2,
        C: 2,
        labelSmoothing: 0.4,
      });
      expectClose(dX, [0.05, -0.05, 0.6, -0.6], { rtol: 10 * exact, atol: 0 });
    });

    it('what has no part is not multiplied by 0', () => {
      const logProbs = floats(NaN, Infinity, -Infinity, 0);
      const dX = blank(4);
      const geometry = { N: 2, C: 2, labelSmoothing: 0 };
      kernels.crossEntropyBackward(dX, floats(0, 2), logProbs, Int32Array.of(1, 1), geometry);
      expect([...dX]).toEqual([0, 0, 0, 0]);
      const out = blank(2);
      kernels.crossEntropy(out, logProbs, Int32Array.of(0, 0), { ...geometry, labelSmoothing: 1 });
      expect([...out]).toEqual([NaN, Infinity]);
    });
  });

  it('drawMask takes a byte for each value, and another word where p divides the byte', () => {
    // The words 11520 (bytes 0, 45, 0, 0), 0 and 5927040 (the first byte 128), then 70819200.
    for (const [p, last] of [
      [0.5, 0],
      [0.5 - 1 / 512, 1],
    ] as const) {
      const [mask, state] = [new Uint8Array(9).fill(7), Int32Array.of(1, 2, 3, 4)];
      kernels.drawMask(mask, state, { p });
      expect([...mask]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, last]);
      const source = new Generator(0);
      source.setState({ words: [1, 2, 3, 4], spareNormal: null });
      for (let i = 0; i < 4; i++) source.uint32();
      expect([...new Uint32Array(state)]).toEqual(source.state().words);
    }
    const [mask, state] = [new Uint8Array(5), Int32Array.of(1, 2, 3, 4)];
    kernels.drawMask(mask, state, { p: 0.9 });
    // 45 is not below 25.
    expect([...mask]).toEqual([1, 0, 1, 1, 1]);
  });

  describe('sgdStep', () => {
    const plain: SgdOptions = {
      lr: 0.5,
      momentum: 0,
      dampening: 0,
      weightDecay: 0,
      nesterov: false,
      firstStep: false,
    };

    it('without momentum: param -= lr·(grad + weightDecay·param)', () => {
      const param = floats(1, -2);
      kernels.sgdStep(param, floats(), floats(4, 6), plain);
      expect([...param]).toEqual([-1, -5]);
      kernels.sgdStep(param, floats(), floats(4, 6), { ...plain, weightDecay: 0.5 });
      expect([...param]).toEqual([-2.75, -6.75]);
    });

    it('the first step takes the gradient as the velocity, undamped', () => {
      const param = floats(1);
      const velocity = floats(NaN);
      const options = { ...plain, momentum: 0.5, dampening: 0.75, firstStep: true };
      kernels.sgdStep(param, velocity, floats(4), options);
      expect([param[0], velocity[0]]).toEqual([-1, 4]);
    });

    it('then velocity = momentum·velocity + (1 - dampening)·g', () => {
      const param = floats(1);
      const velocity = floats(8);
      kernels.sgdStep(param, velocity, floats(4), { ...plain, momentum: 0.5, dampening: 0.75 });
      expect([param[0], velocity[0]]).toEqual([-1.5, 5]);
    });

    it('Nesterov looks ahead: param -= lr·(g + momentum·velocity)', () => {
      const param = floats(1);
      const velocity = floats(8);
      kernels.sgdStep(param, velocity, floats(4), { ...plain, momentum: 0.5, nesterov: true });
      expect([param[0], velocity[0]]).toEqual([-3, 8]);
    });
  });

  describe('adamStep', () => {
    const plain: AdamStepOptions = {
      lr: 0.5,
      beta1: 0.5,
      beta2: 0.75,
      eps: 0,
      weightDecay: 0,
      decoupled: false,
      amsgrad: false,
      step: 1,
    };

    it('the first step moves by lr, whatever the size of the gradient', () => {
      const param = floats(1, 2);
      const [first, second] = [floats(0, 0), floats(0, 0)];
      kernels.adamStep(param, first, second, floats(), floats(4, -1000), plain);
      close(param, [0.5, 2.5]);
      close(first, [2, -500]);
      close(second, [4, 250_000]);
    });

    it('later ones average, and correct for the beginning at 0', () => {
      const param = floats(1);
      const [first, second] = [floats(2), floats(4)];
      kernels.adamStep(param, first, second, floats(), floats(8), { ...plain, step: 2, eps: 0.25 });
      close(first, [5]);
      close(second, [19]);
      close(param, [1 - (0.5 * (5 / 0.75)) / (Math.sqrt(19 / (1 - 0.5625)) + 0.25)]);
    });

    it('weight decay joins the gradient, or if decoupled shrinks the parameter alone', () => {
      const options = { ...plain, weightDecay: 0.25, beta1: 0, beta2: 0 };
      const [param, first] = [floats(8), floats(0)];
      kernels.adamStep(param, first, floats(0), floats(), floats(1), options);
      expect([param[0], first[0]]).toEqual([7.5, 3]);
      param[0] = 8;
      kernels.adamStep(param, first, floats(0), floats(), floats(1), {
        ...options,
        decoupled: true,
      });
      expect([param[0], first[0]]).toEqual([8 - 1 - 0.5, 1]);
    });

    it('amsgrad divides by the largest second moment so far', () => {
      const options = { ...plain, beta1: 0, beta2: 0, amsgrad: true };
      const [param, second, largest] = [floats(1, 1), floats(0, 0), floats(16, 1)];
      kernels.adamStep(param, floats(0, 0), second, largest, floats(2, 2), options);
      expect([...second, ...largest]).toEqual([4, 4, 16, 4]);
      expect([...param]).toEqual([0.75, 0.5]);
    });
  });
});

describe('reference kernels on integers', () => {
  it('int32 arithmetic wraps, exactly', () => {
    const a = Int32Array.of(2 ** 31 - 1, -7, 123456789);
    const b = Int32Array.of(1, 3, 987654321);
    const out = new Int32Array(3);
    kernels.add(out, a, b, flat(3));
    expect([...out]).toEqual([-(2 ** 31), -4, 1111111110]);
    kernels.sub(out, a, b, flat(3));
    expect([...out]).toEqual([2 ** 31 - 2, -10, -864197532]);
    kernels.mul(out, a, b, flat(3));
    // 123456789·987654321 = 121932631112635269, of which the low 32 bits.
    expect([...out]).toEqual([2 ** 31 - 1, -21, Number(BigInt.asIntN(32, 121932631112635269n))]);
    kernels.neg(out, a);
    expect([...out]).toEqual([-(2 ** 31) + 1, 7, -123456789]);
    kernels.abs(out, a);
    expect([...out]).toEqual([2 ** 31 - 1, 7, 123456789]);
    kernels.maximum(out, a, b, flat(3));
    expect([...out]).toEqual([2 ** 31 - 1, 3, 987654321]);
    kernels.minimum(out, a, b, flat(3));
    expect([...out]).toEqual([1, -7, 123456789]);
    kernels.clamp(out, a, { min: -5, max: Infinity });
    expect([...out]).toEqual([2 ** 31 - 1, -5, 123456789]);
  });

  it('uint8 wraps at 256', () => {
    const a = Uint8Array.of(250, 3);
    const b = Uint8Array.of(10, 5);
    const out = new Uint8Array(2);
    kernels.add(out, a, b, flat(2));
    expect([...out]).toEqual([4, 8]);
    kernels.sub(out, a, b, flat(2));
    expect([...out]).toEqual([240, 254]);
    kernels.mul(out, a, b, flat(2));
    expect([...out]).toEqual([196, 15]);
    kernels.gt(out, a, b, flat(2));
    expect([...out]).toEqual([1, 0]);
    kernels.eq(out, a, a, flat(2));
    expect([...out]).toEqual([1, 1]);
    kernels.lt(out, a, b, flat(2));
    expect([...out]).toEqual([0, 1]);
  });

  it('selects, moves and reduces', () => {
    const x = Int32Array.of(5, -2, 7, 7, 0, 1);
    const geometry = { outer: 1, n: 3, inner: 2 };
    const out = new Int32Array(2);
    const indices = new Int32Array(2);
    kernels.sum(out, x, geometry);
    expect([...out]).toEqual([12, 6]);
    kernels.max(out, indices, x, geometry);
    expect([...out, ...indices]).toEqual([7, 7, 1, 1]);
    kernels.min(out, indices, x, geometry);
    expect([...out, ...indices]).toEqual([0, -2, 2, 0]);
    kernels.where(out, Uint8Array.of(1, 0), x.subarray(0, 2), x.subarray(2, 4), {
      ...flat(2),
      conditionStrides: [1],
    });
    expect([...out]).toEqual([5, 7]);
    kernels.indexSelect(out, x, Int32Array.of(4, 2), { outer: 1, n: 6, inner: 1, count: 2 });
    expect([...out]).toEqual([0, 7]);
    kernels.indexAdd(x, out, Int32Array.of(5, 5), { outer: 1, n: 6, inner: 1, count: 2 });
    expect([...x]).toEqual([5, -2, 7, 7, 0, 8]);
    kernels.copyStrided(x, x.slice(), {
      shape: [6],
      outStrides: [1],
      outOffset: 0,
      xStrides: [-1],
      xOffset: 5,
    });
    expect([...x]).toEqual([8, 0, 7, 7, -2, 5]);
    kernels.fill(x, { value: 3 });
    expect([...x]).toEqual([3, 3, 3, 3, 3, 3]);
  });
});
