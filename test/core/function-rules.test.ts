import * as u from '@unfold/core';
import { Tape, tensor, type Tensor } from '@unfold/core';
import { describe, expect, it } from 'vitest';

/* What functions of elements and reductions do beside what the fixtures hold: integers, sizes 0 and 1,
 * and gradients that are 0. */

const of = (...values: number[]): Tensor => tensor(values, [values.length]);
const int32 = (...values: number[]): Tensor => tensor(values, undefined, { dtype: 'int32' });
const uint8 = (...values: number[]): Tensor => tensor(values, undefined, { dtype: 'uint8' });

/** The gradients of Σ fn(…) by each input. */
function gradients(fn: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]): unknown[] {
  for (const input of inputs) input.requiresGrad = true;
  using tape = new Tape();
  tape.backward(u.sum(fn(...inputs)));
  return inputs.map(({ grad }) => grad?.toArray());
}

describe('functions of elements', () => {
  it('logarithms of powers of the base are whole', () => {
    const twos = Array.from({ length: 277 }, (_, i) => i - 149);
    expect([...u.log2(of(...twos.map((n) => 2 ** n))).data]).toEqual(twos);
    const tens = Array.from({ length: 11 }, (_, i) => i);
    expect([...u.log10(of(...tens.map((n) => 10 ** n))).data]).toEqual(tens);
  });

  it('roundings have the gradient 0, infinities and NaN included', () => {
    for (const fn of [u.floor, u.ceil, u.round, u.trunc, u.sign]) {
      expect(gradients(fn, of(0.3, 1, -2.5, Infinity, NaN))).toEqual([[0, 0, 0, 0, 0]]);
    }
    expect(gradients((a, b) => u.floorDivide(a ?? 0, b ?? 0), of(7, -7), of(2, 2))).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('clip is clamp', () => {
    expect(u.clip).toBe(u.clamp);
    expect(u.clip(of(-2, 0.5, 3), { min: 0, max: 1 }).toArray()).toEqual([0, 0.5, 1]);
  });

  it('integers are rounded to themselves, as copies', () => {
    const x = int32(-3, 4);
    for (const fn of [u.floor, u.ceil, u.round, u.trunc]) {
      const out = fn(x);
      expect(out.toArray()).toEqual([-3, 4]);
      expect(out.dtype).toBe('int32');
      out.update((data) => data.fill(0));
      expect(x.toArray()).toEqual([-3, 4]);
    }
    expect(u.sign(int32(-3, 0, 4)).toArray()).toEqual([-1, 0, 1]);
    expect(u.square(int32(-3, 65536)).toArray()).toEqual([9, 0]);
  });
});

describe('quotients of integers', () => {
  it('are rounded down, and what is left has the sign of the divisor', () => {
    const [a, b] = [int32(7, -7, 7, -7, 6), int32(2, 2, -2, -2, 3)];
    expect(u.floorDivide(a, b).toArray()).toEqual([3, -4, -4, 3, 2]);
    expect(u.remainder(a, b).toArray()).toEqual([1, 1, -1, -1, 0]);
    expect(u.floorDivide(uint8(200, 7), uint8(7, 200)).toArray()).toEqual([28, 0]);
    expect(u.remainder(uint8(200, 7), 9).toArray()).toEqual([2, 7]);
  });

  it('of the smallest by -1 wrap', () => {
    expect(u.floorDivide(int32(-(2 ** 31)), -1).item()).toBe(-(2 ** 31));
    expect(u.remainder(int32(-(2 ** 31)), -1).item()).toBe(0);
  });

  it('of large floats are exact, whatever the quotient', () => {
    expect(u.remainder(of(16777216, 1e30, -1e30, 3e38), of(3, 7, 7, 1e-30)).toArray()).toEqual(
      [
        [16777216, 3],
        [1e30, 7],
        [-1e30, 7],
        [3e38, 1e-30],
      ].map(([a = 0, b = 0]) => {
        const [dividend, divisor] = [Math.fround(a), Math.fround(b)];
        const rest = dividend % divisor;
        return Math.fround(rest < 0 ? rest + divisor : rest);
      }),
    );
  });
});

describe('reductions', () => {
  it('prod of integers and bool is int32, and wraps', () => {
    expect(u.prod(int32(65536, 65536, 3)).item()).toBe(0);
    expect(u.prod(int32(123456789, 987654321)).item()).toBe(Math.imul(123456789, 987654321));
    expect(u.prod(uint8(200, 200)).item()).toBe(40000);
    expect(u.prod(tensor([true, false])).dtype).toBe('int32');
    expect(u.prod(tensor([true, true])).item()).toBe(1);
    expect(u.prod(of()).item()).toBe(1);
  });

  it('prod: the gradient beside no zero, one and two', () => {
    expect(gradients((x) => u.prod(x), of(2, 3, 4))).toEqual([[12, 8, 6]]);
    expect(gradients((x) => u.prod(x), of(2, 0, 4))).toEqual([[0, 8, 0]]);
    expect(gradients((x) => u.prod(x), of(2, 0, 0))).toEqual([[0, 0, 0]]);
    expect(gradients((x) => u.prod(x), of(5))).toEqual([[1]]);
    expect(gradients((x) => u.prod(x, 1), u.zeros([2, 0]))).toEqual([[[], []]]);
  });

  it('prod does not overflow on the way', () => {
    expect(u.prod(of(1e30, 1e30, 1e-30)).item()).toBeCloseTo(1e30, -26);
  });

  it('variance and std of one element and of equals', () => {
    const [one, equal] = [of(3), of(2, 2, 2)];
    expect([u.variance(one).item(), u.std(one).item()]).toEqual([NaN, NaN]);
    expect(u.std(one, { correction: 0 }).item()).toBe(0);
    expect(gradients((x) => u.std(x), one)).toEqual([[NaN]]);
    expect(gradients((x) => u.std(x, { correction: 0 }), of(3))).toEqual([[0]]);
    expect(gradients((x) => u.std(x), equal)).toEqual([[0, 0, 0]]);
    expect(u.variance(of()).item()).toBeNaN();
    expect(u.variance(u.zeros([0, 2]), 1).toArray()).toEqual([]);
    expect(u.var).toBe(u.variance);
  });

  it('norm: 0 has the gradient 0, whatever the order', () => {
    for (const p of [0.5, 1, 1.5, 2, 3, Infinity, -Infinity, -1]) {
      expect(
        gradients((x) => u.norm(x, 0, { p }), of(0, 0)),
        `p ${p}`,
      ).toEqual([[0, 0]]);
    }
    expect(u.norm(of(3, 0, -4)).item()).toBe(5);
    expect(u.norm(of(3, 0, -4), { p: 0 }).item()).toBe(2);
    expect(u.norm(of(3, NaN)).item()).toBeNaN();
    expect(u.norm(of()).item()).toBe(0);
    expect(() => u.norm(of(), { p: Infinity })).toThrow(u.ShapeError);
  });

  it('norm: of equals the first has the gradient of the largest', () => {
    expect(gradients((x) => u.norm(x, 0, { p: Infinity }), of(-3, 3, 1))).toEqual([[-1, 0, 0]]);
  });

  it('logSumExp of infinities', () => {
    expect(u.logSumExp(of(-Infinity, -Infinity)).item()).toBe(-Infinity);
    expect(u.logSumExp(of(Infinity, 1)).item()).toBe(Infinity);
    expect(u.logSumExp(of(1, NaN)).item()).toBeNaN();
    expect(gradients((x) => u.logSumExp(x), of(-Infinity, -Infinity))).toEqual([[0, 0]]);
    expect(gradients((x) => u.logSumExp(x), of(-Infinity, 2))).toEqual([[0, 1]]);
  });
});

it('a program makes the gradients that are 0 again', () => {
  for (const fn of [u.floor, u.sign, (x: Tensor) => u.floorDivide(x, 2)]) {
    const x = tensor([1.5, -2.5], undefined, { requiresGrad: true }).keep();
    const step = u.compile(() => {
      x.zeroGrad();
      using tape = new Tape();
      tape.backward(u.sum(fn(x)));
    });
    for (let call = 0; call < 3; call++) {
      step();
      expect(x.grad?.toArray()).toEqual([0, 0]);
    }
    step.dispose();
  }
});
