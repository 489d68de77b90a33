import {
  abs,
  add,
  all,
  any,
  argmax,
  argmin,
  cast,
  clamp,
  concat,
  ConfigError,
  configureEngine,
  countNonzero,
  div,
  DTypeError,
  eq,
  exp,
  ge,
  gelu,
  Generator,
  gt,
  indexSelect,
  isFinite,
  isInf,
  isNaN,
  le,
  leakyRelu,
  log,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  logSoftmax,
  lt,
  matmul,
  max,
  maximum,
  mean,
  min,
  minimum,
  mul,
  ne,
  neg,
  ones,
  pad,
  permute,
  pow,
  relu,
  reshape,
  Scope,
  ShapeError,
  sigmoid,
  slice,
  softmax,
  sqrt,
  sub,
  sum,
  tanh,
  Tape,
  tensor,
  transpose,
  where,
  zeros,
  type DType,
  type NestedArray,
  type Padding,
  type PadMode,
  type Tensor,
} from '@unfold/core';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { VARIANTS } from '../support/fixtures/fixtures.js';
import { expectClose } from '../support/compare.js';

let scope: Scope;
beforeEach(() => {
  scope = new Scope();
});
afterEach(() => {
  scope.close();
});

/** The gradients of Σ cotangent·fn(…) by each input. */
function gradients(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  cotangent?: number[],
): NestedArray[] {
  for (const input of inputs) input.requiresGrad = true;
  using tape = new Tape();
  const out = fn(...inputs);
  const { dtype } = out;
  tape.backward(
    out,
    cotangent ? tensor(cotangent, out.shape, { dtype }) : ones(out.shape, { dtype }),
  );
  return inputs.map(({ grad }) => grad?.toArray() ?? 'none') as NestedArray[];
}

const uint8 = (...values: number[]): Tensor => tensor(values, undefined, { dtype: 'uint8' });
const int32 = (...values: number[]): Tensor => tensor(values, undefined, { dtype: 'int32' });

describe.each(VARIANTS)('ties, kinks and edges: $dtype on $kernels', ({ kernels, dtype }) => {
  beforeAll(() => configureEngine({ kernels }));
  afterAll(() => configureEngine({ kernels: 'wasm' }));

  const of = (...values: number[]): Tensor => tensor(values, undefined, { dtype });
  const tiny = dtype === 'float32' ? 2 ** -149 : 2 ** -1074;

  it('relu: the derivative at 0 and -0 is 0, just above it is 1', () => {
    const x = of(-1, -0, 0, tiny, 2);
    // -0 is as good as 0, and `+ 0` says so.
    expect(Array.from(relu(x).data, (value) => value + 0)).toEqual([0, 0, 0, tiny, 2]);
    expect(gradients((x) => relu(x), [x])).toEqual([[0, 0, 0, 1, 1]]);
  });

  it('leakyRelu: the derivative at 0 is the slope', () => {
    const x = of(-2, 0, 3);
    const fn = (x: Tensor): Tensor => leakyRelu(x, { slope: 0.25 });
    expect(fn(x).toArray()).toEqual([-0.5, 0, 3]);
    expect(gradients(fn, [x])).toEqual([[0.25, 0.25, 1]]);
  });

  it('abs: the derivative at 0 is 0', () => {
    expect(gradients((x) => abs(x), [of(-2, 0, 3)])).toEqual([[-1, 0, 1]]);
  });

  it('clamp: the bounds pass the gradient; crossed bounds give max and no gradient', () => {
    const x = of(-2, -1, 0, 1, 2);
    const fn = (x: Tensor): Tensor => clamp(x, { min: -1, max: 1 });
    expect(fn(x).toArray()).toEqual([-1, -1, 0, 1, 1]);
    expect(gradients(fn, [x])).toEqual([[0, 1, 1, 1, 0]]);
    const crossed = (x: Tensor): Tensor => clamp(x, { min: 1, max: -1 });
    expect(crossed(x).toArray()).toEqual([-1, -1, -1, -1, -1]);
    expect(gradients(crossed, [of(-2, 0, 2)])).toEqual([[0, 0, 0]]);
  });

  it('maximum and minimum: ties go to a', () => {
    const pair = (): Tensor[] => [of(1, 2, 3), of(3, 2, 1)];
    const d = [5, 7, 9];
    expect(gradients((a, b) => maximum(a, b), pair(), d)).toEqual([
      [0, 7, 9],
      [5, 0, 0],
    ]);
    expect(gradients((a, b) => minimum(a, b), pair(), d)).toEqual([
      [5, 7, 0],
      [0, 0, 9],
    ]);
    const [x] = pair() as [Tensor];
    expect(gradients((a) => maximum(a, a), [x], d)).toEqual([[5, 7, 9]]);
  });

  it('max and min: the gradient goes to the first of equals', () => {
    const x = (): Tensor =>
      tensor(
        [
          [3, 1, 3],
          [1, 3, 1],
        ],
        undefined,
        { dtype },
      );
    const of = (fn: (x: Tensor) => Tensor, d: number[]): NestedArray | undefined =>
      gradients((x) => fn(x), [x()], d)[0];
    expect(of((x) => max(x), [2])).toEqual([
      [2, 0, 0],
      [0, 0, 0],
    ]);
    expect(of((x) => max(x, { axis: 1 }), [2, 5])).toEqual([
      [2, 0, 0],
      [0, 5, 0],
    ]);
    expect(of((x) => min(x, { axis: 1 }), [2, 5])).toEqual([
      [0, 2, 0],
      [5, 0, 0],
    ]);
    expect(of((x) => min(x), [2])).toEqual([
      [0, 2, 0],
      [0, 0, 0],
    ]);
    // Axes that are no neighbours: still the first in row-major order.
    const cube = tensor(
      [
        [
          [0, 5],
          [5, 5],
        ],
        [
          [5, 0],
          [5, 5],
        ],
      ],
      undefined,
      { dtype },
    );
    expect(gradients((x) => max(x, { axis: [0, 2] }), [cube], [1, 2])[0]).toEqual([
      [
        [0, 1],
        [2, 0],
      ],
      [
        [0, 0],
        [0, 0],
      ],
    ]);
  });

  it('NaN is the extreme: its gradient goes to both operands, or to the first NaN of an axis', () => {
    const pair = (): Tensor[] => [of(1, NaN, NaN, 2), of(NaN, 1, NaN, 1)];
    const d = [1, 2, 3, 4];
    expect(gradients((x, y) => maximum(x, y), pair(), d)).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 0],
    ]);
    expect(gradients((x, y) => minimum(x, y), pair(), d)).toEqual([
      [1, 2, 3, 0],
      [1, 2, 3, 4],
    ]);
    for (const fn of [max, min]) {
      expect(
        gradients((x) => fn(x), [of(7, NaN, -7, NaN)], [5]),
        fn.name,
      ).toEqual([[0, 5, 0, 0]]);
    }
  });

  it('argmax: the first of equals, along an axis or in the flattened tensor', () => {
    const x = tensor(
      [
        [1, 5, 5],
        [5, 2, 0],
      ],
      undefined,
      { dtype },
    );
    expect(argmax(x).item()).toBe(1);
    expect(argmax(x, { axis: 1 }).toArray()).toEqual([1, 0]);
    expect(argmax(x, { axis: 0, keepdim: true }).toArray()).toEqual([[1, 0, 0]]);
    expect(argmax(x).dtype).toBe('int32');
  });

  it('argmin: the first of equals; NaN is the smallest', () => {
    expect(argmin(of(3, 1, 1, 2)).item()).toBe(1);
    expect(argmin(of(3, 1, NaN, NaN)).item()).toBe(2);
    expect(argmin(of(-0, 0)).item()).toBe(0);
  });

  it('comparisons and logic at NaN, zeros and infinities', () => {
    const x = of(NaN, -0, 0, Infinity, -Infinity, tiny);
    expect(ne(x, x).toArray()).toEqual([true, false, false, false, false, false]);
    expect(ge(x, 0).toArray()).toEqual([false, true, true, true, false, true]);
    expect(le(x, 0).toArray()).toEqual([false, true, true, false, true, false]);
    expect(le(0, x).toArray()).toEqual(ge(x, 0).toArray());
    expect(isNaN(x).toArray()).toEqual([true, false, false, false, false, false]);
    expect(isInf(x).toArray()).toEqual([false, false, false, true, true, false]);
    expect(isFinite(x).toArray()).toEqual([false, true, true, false, false, true]);
    expect(logicalNot(x).toArray()).toEqual([false, true, true, false, false, false]);
    expect(logicalAnd(x, 1).toArray()).toEqual([true, false, false, true, true, true]);
    expect(logicalOr(x, 0).toArray()).toEqual([true, false, false, true, true, true]);
    expect(logicalXor(x, NaN).toArray()).toEqual([false, true, true, false, false, false]);
  });

  it('any, all and countNonzero: NaN is not 0, and nothing is neither', () => {
    const x = of(0, -0, NaN, 3);
    expect([any(x).item(), all(x).item(), countNonzero(x).item()]).toEqual([1, 0, 2]);
    expect([any(of(0, -0)).item(), all(of(NaN)).item()]).toEqual([0, 1]);
    expect([any(of()).item(), all(of()).item(), countNonzero(of()).item()]).toEqual([0, 1, 0]);
    expect([any(x).dtype, all(x).dtype, countNonzero(x).dtype]).toEqual(['bool', 'bool', 'int32']);
  });

  it('NaN is passed on, never lost', () => {
    const x = of(1, NaN, -1);
    for (const fn of [relu, abs, neg, exp, log, sqrt, sigmoid, tanh, gelu]) {
      expect(fn(x).toArray(), fn.name).toHaveProperty('1', NaN);
    }
    for (const fn of [maximum, minimum, add, mul, pow]) {
      expect(fn(x, 2).toArray(), fn.name).toHaveProperty('1', NaN);
      expect(fn(2, x).toArray(), fn.name).toHaveProperty('1', NaN);
    }
    expect(leakyRelu(x).toArray()).toHaveProperty('1', NaN);
    expect(clamp(x, { min: 0, max: 1 }).toArray()).toEqual([1, NaN, 0]);
    for (const fn of [sum, mean, max, min]) expect(fn(x).item(), fn.name).toBeNaN();
    expect(argmax(x).item()).toBe(1);
    expect(softmax(x).toArray()).toEqual([NaN, NaN, NaN]);
    expect(eq(x, x).toArray()).toEqual([true, false, true]);
    expect(lt(x, 0).toArray()).toEqual([false, false, true]);
    expect(gt(x, 0).toArray()).toEqual([true, false, false]);
    // The other branch's NaN is not.
    expect(where(tensor([true, false, true]), x, 0).toArray()).toEqual([1, 0, -1]);
  });

  it('softmax and logSoftmax are finite at ±1000, and so are their gradients', () => {
    const x = (): Tensor => tensor([[1000, -1000, 0]], undefined, { dtype });
    expect(softmax(x()).toArray()).toEqual([[1, 0, 0]]);
    expect(logSoftmax(x()).toArray()).toEqual([[0, -2000, -1000]]);
    expect(gradients((x) => logSoftmax(x), [x()], [1, 2, 4])).toEqual([[[-6, 2, 4]]]);
    expect(gradients((x) => softmax(x), [x()], [1, 2, 4])).toEqual([[[0, 0, 0]]]);
    // A masked class has probability 0, and its gradient is no NaN.
    const masked = of(1, -Infinity, 1);
    expect(softmax(masked).toArray()).toEqual([0.5, 0, 0.5]);
    expect(gradients((x) => softmax(x), [masked], [2, 9, 0])).toEqual([[0.5, 0, -0.5]]);
  });

  it('pow: as C has it, and its gradients at the edges', () => {
    const [a, b] = [of(0, 0, NaN, 1, -8, 2), of(0, 2, 0, NaN, 2, -1)];
    expect(pow(a, b).toArray()).toEqual([1, 0, 1, 1, 64, 0.5]);
    expect(pow(of(-8), 1 / 3).item()).toBeNaN();
    // d(aᵇ)/da: 0 at b = 0; 1 at a = 0, b = 1; 0 at a = 0, b = 2.
    expect(gradients((x) => pow(x, 0), [of(0, -3, 2)])).toEqual([[0, 0, 0]]);
    expect(gradients((x) => pow(x, 1), [of(0, -3, 2)])).toEqual([[1, 1, 1]]);
    expect(gradients((x) => pow(x, 2), [of(0, -3, 2)])).toEqual([[0, -6, 4]]);
    expect(gradients((x) => pow(x, 3), [of(0, -1, 2)])).toEqual([[0, 3, 12]]);
    // d(aᵇ)/db at a = 0: 0 for b ≥ 0.
    expect(gradients((x) => pow(0, x), [of(0, 1, 2.5)])).toEqual([[0, 0, 0]]);
  });

  it('roots, quotients and logarithms at the edge of their range', () => {
    expect(sqrt(of(0, -1, 4)).toArray()).toEqual([0, NaN, 2]);
    expect(gradients((x) => sqrt(x), [of(0, 4)])).toEqual([[Infinity, 0.25]]);
    expect(log(of(0, -1, 1)).toArray()).toEqual([-Infinity, NaN, 0]);
    expect(div(of(1, -1, 0), 0).toArray()).toEqual([Infinity, -Infinity, NaN]);
    expect(exp(of(1000, -1000)).toArray()).toEqual([Infinity, 0]);
    expect(sigmoid(of(1000, -1000, 0)).toArray()).toEqual([1, 0, 0.5]);
    expect(tanh(of(1000, -1000, 0)).toArray()).toEqual([1, -1, 0]);
    expect(
      gelu(of(100, -100, 0))
        .toArray()
        .toString(),
    ).toBe('100,0,0');
  });

  it('a sum of many terms keeps its precision', () => {
    const n = 100_000;
    const source = new Generator(1);
    const x = zeros([n], { dtype });
    x.update((data) => data.forEach((_, i) => (data[i] = source.uniform())));
    const exact = (x.toTypedArray() as Float64Array).reduce((total, value) => total + value, 0);
    expectClose([sum(x).item(), mean(x).item()], [exact, exact / n], { rtol: 1e-5, atol: 0 });
  });
});

describe('values by definition', () => {
  /** The element of `x` at an index, as NumPy broadcasts it. */
  function at(x: Tensor, index: readonly number[]): number {
    const lead = index.length - x.ndim;
    let offset = 0;
    x.shape.forEach((dim, axis) => {
      offset = offset * dim + (dim === 1 ? 0 : (index[axis + lead] ?? 0));
    });
    return x.data[offset] as number;
  }

  /** Every index of a shape, in row-major order. */
  function indices(shape: readonly number[]): number[][] {
    return shape.reduce<number[][]>(
      (all, dim) => all.flatMap((index) => Array.from({ length: dim }, (_, i) => [...index, i])),
      [[]],
    );
  }

  function expectElements(out: Tensor, element: (index: number[]) => number): void {
    const all = indices(out.shape);
    expect(out.size).toBe(all.length);
    expect([...out.data]).toEqual(all.map(element));
  }

  /** Small integers, so that every result is exact; negative ones and zeros among them. */
  function make(shape: readonly number[], seed: number, dtype: DType = 'float32'): Tensor {
    const source = new Generator(seed);
    const x = zeros(shape, { dtype });
    x.update((data) => data.forEach((_, i) => (data[i] = source.integer(15) - 7)));
    return x;
  }

  const dim = fc.integer({ min: 0, max: 4 });
  const seed = fc.nat(1e6);
  /** Two shapes that broadcast: one target, some leading axes gone, some axes 1. */
  const pairs = fc
    .tuple(
      fc.array(dim, { maxLength: 4 }),
      fc.nat(4),
      fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    )
    .map(([target, cut, flatA, flatB]) => ({
      a: target.map((n, axis) => (flatA[axis] ? 1 : n)),
      b: target.map((n, axis) => (flatB[axis] && !flatA[axis] ? 1 : n)).slice(cut),
    }));
  const check = { numRuns: 60 };

  it.each(['float32', 'int32'] as const)('arithmetic broadcasts in %s', (dtype) => {
    const operations: [(a: Tensor, b: Tensor) => Tensor, (x: number, y: number) => number][] = [
      [add, (x, y) => x + y],
      [sub, (x, y) => x - y],
      [mul, (x, y) => x * y + 0],
      [maximum, Math.max],
      [minimum, Math.min],
      [eq, (x, y) => Number(x === y)],
      [lt, (x, y) => Number(x < y)],
      [gt, (x, y) => Number(x > y)],
    ];
    fc.assert(
      fc.property(pairs, seed, ({ a, b }, s) => {
        using _scope = new Scope();
        const [x, y] = [make(a, s, dtype), make(b, s + 1, dtype)];
        for (const [fn, element] of operations) {
          for (const [p, q] of [
            [x, y],
            [y, x],
          ] as const) {
            expectElements(add(cast(fn(p, q), dtype), 0), (i) => element(at(p, i), at(q, i)));
          }
        }
      }),
      check,
    );
  });

  it('where broadcasts all three', () => {
    fc.assert(
      fc.property(pairs, seed, ({ a, b }, s) => {
        using _scope = new Scope();
        const [x, y] = [make(a, s), make(b, s + 1)];
        const condition = gt(make(a, s + 2), 0);
        expectElements(where(condition, y, x), (i) => (at(condition, i) ? at(y, i) : at(x, i)));
      }),
      check,
    );
  });

  it('reductions over any axes', () => {
    const inputs = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });
    fc.assert(
      fc.property(inputs, fc.subarray([0, 1, 2, 3]), seed, (shape, chosen, s) => {
        using _scope = new Scope();
        const x = make(shape, s);
        const axis = chosen.filter((a) => a < shape.length);
        const inner = indices(axis.map((a) => shape[a] ?? 1));
        const terms = (index: number[]): number[] =>
          inner.map((part) => {
            const full = [...index];
            axis.forEach((a, k) => (full[a] = part[k] ?? 0));
            return at(x, full);
          });
        const options = { axis, keepdim: true };
        const total = (index: number[]): number => terms(index).reduce((t, v) => t + v, 0);
        expectElements(sum(x, options), total);
        expectElements(max(x, options), (i) => Math.max(...terms(i)));
        expectElements(min(x, options), (i) => Math.min(...terms(i)));
        const averages = mean(x, options);
        const count = inner.length;
        expectClose(
          averages.data,
          indices(averages.shape).map((i) => total(i) / count),
          { rtol: 1e-6, atol: 1e-6 },
        );
        const shorter = sum(x, { axis });
        expect(shorter.shape).toEqual(shape.filter((_, a) => !axis.includes(a)));
        expect([...shorter.data]).toEqual([...sum(x, options).data]);
      }),
      check,
    );
  });

  it('functions of one element', () => {
    const x = tensor([0.3, 1, 2.5, -0.7, -2]);
    const functions: [(x: Tensor) => Tensor, (x: number) => number][] = [
      [neg, (v) => -v],
      [exp, Math.exp],
      [log, Math.log],
      [sqrt, Math.sqrt],
      [abs, Math.abs],
      [relu, (v) => Math.max(v, 0)],
      [leakyRelu, (v) => (v > 0 ? v : 0.01 * v)],
      [sigmoid, (v) => 1 / (1 + Math.exp(-v))],
      [tanh, Math.tanh],
      [(x) => clamp(x, { min: -1, max: 2 }), (v) => Math.min(Math.max(v, -1), 2)],
      [(x) => pow(x, 3), (v) => v ** 3],
      [(x) => div(3, x), (v) => 3 / v],
    ];
    for (const [fn, expected] of functions) {
      const values = Array.from(x.data, expected);
      expectClose(fn(x).data, values, { rtol: 1e-6, atol: 0 });
    }
    // x·Φ(x), from a table of the normal distribution.
    expectClose(gelu(tensor([1, -1, 2])).data, [0.8413447, -0.1586553, 1.9544997], {
      rtol: 1e-6,
      atol: 0,
    });
  });

  it.each([0, 1, 2, -1, -2])('softmax and logSoftmax along axis %i', (axis) => {
    const x = mul(make([3, 4, 5], 9), 0.25);
    const line = axis < 0 ? axis + 3 : axis;
    const total = (index: number[]): number =>
      Array.from({ length: x.shape[line] ?? 0 }, (_, i) => {
        const place = [...index];
        place[line] = i;
        return Math.exp(at(x, place));
      }).reduce((a, b) => a + b);
    const shares = indices(x.shape).map((index) => Math.exp(at(x, index)) / total(index));
    expectClose(softmax(x, axis).data, shares, { rtol: 2e-6, atol: 0 });
    expectClose(logSoftmax(x, axis).data, shares.map(Math.log), { rtol: 2e-6, atol: 1e-6 });
  });

  it.each([0, 1, 2, -3])('argmax along axis %i', (axis) => {
    const x = make([3, 4, 5], 10);
    const line = axis < 0 ? axis + 3 : axis;
    expectElements(argmax(x, { axis, keepdim: true }), (index) => {
      const values = Array.from({ length: x.shape[line] ?? 0 }, (_, i) => {
        const place = [...index];
        place[line] = i;
        return at(x, place);
      });
      return values.indexOf(Math.max(...values));
    });
  });

  it('matmul, batches and transposes included', () => {
    const batch = fc.constantFrom(
      [[], []],
      [[2], [2]],
      [[2], []],
      [[], [3]],
      [
        [2, 1],
        [1, 3],
      ],
      [[1, 3], [3]],
    );
    fc.assert(
      fc.property(
        fc.tuple(dim, dim, dim),
        batch,
        fc.boolean(),
        fc.boolean(),
        seed,
        ([M, N, K], [aBatch = [], bBatch = []], transposeA, transposeB, s) => {
          using _scope = new Scope();
          const a = make([...aBatch, ...(transposeA ? [K, M] : [M, K])], s);
          const b = make([...bBatch, ...(transposeB ? [N, K] : [K, N])], s + 1);
          const out = matmul(a, b, { transposeA, transposeB });
          expectElements(out, (index) => {
            const [m = 0, n = 0] = index.slice(-2);
            const lead = index.slice(0, -2);
            let total = 0;
            for (let k = 0; k < K; k++) {
              total +=
                at(a, [...lead, ...(transposeA ? [k, m] : [m, k])]) *
                at(b, [...lead, ...(transposeB ? [n, k] : [k, n])]);
            }
            return total;
          });
        },
      ),
      check,
    );
  });

  it.each(['float32', 'float64', 'int32'] as const)('moving elements of %s', (dtype) => {
    const x = make([3, 4, 5], 1, dtype);
    expectElements(permute(x, [2, 0, 1]), ([i = 0, j = 0, k = 0]) => at(x, [j, k, i]));
    expectElements(permute(x, [1, 0, 2]), ([i = 0, j = 0, k = 0]) => at(x, [j, i, k]));
    const blocks = make([4, 2, 3], 2, dtype);
    expectElements(permute(blocks, [1, 0, 2]), ([i = 0, j = 0, k = 0]) => at(blocks, [j, i, k]));
    expectElements(transpose(x, 0, -1), ([i = 0, j = 0, k = 0]) => at(x, [k, j, i]));
    expectElements(transpose(x), ([i = 0, j = 0, k = 0]) => at(x, [i, k, j]));
    expectElements(slice(x, [[1, 3], null, [-4, 99, 2]]), ([i = 0, j = 0, k = 0]) =>
      at(x, [i + 1, j, 1 + 2 * k]),
    );
    expectElements(reshape(x, [5, -1]), ([i = 0, j = 0]) => x.data[i * 12 + j] as number);
    expectElements(
      pad(
        x,
        [
          [1, 0],
          [0, 2],
          [3, 1],
        ],
        -2,
      ),
      ([i = 0, j = 0, k = 0]) => (i < 1 || j > 3 || k < 3 || k > 7 ? -2 : at(x, [i - 1, j, k - 3])),
    );
    const rows = tensor([0, 1, 2, 10, 11, 12], [2, 3], { dtype });
    const around = (mode: PadMode, rowPadding: Padding, columnPadding: Padding): NestedArray =>
      pad(rows, [rowPadding, columnPadding], { mode }).toArray();
    expect(around('reflect', [0, 1], [2, 1])).toEqual([
      [2, 1, 0, 1, 2, 1],
      [12, 11, 10, 11, 12, 11],
      [2, 1, 0, 1, 2, 1],
    ]);
    expect(around('replicate', [1, 0], [1, 4])).toEqual([
      [0, 0, 1, 2, 2, 2, 2, 2],
      [0, 0, 1, 2, 2, 2, 2, 2],
      [10, 10, 11, 12, 12, 12, 12, 12],
    ]);
    expect(around('circular', [1, 0], [3, 1])).toEqual([
      [10, 11, 12, 10, 11, 12, 10],
      [0, 1, 2, 0, 1, 2, 0],
      [10, 11, 12, 10, 11, 12, 10],
    ]);
    const y = make([3, 2, 5], 2, dtype);
    expectElements(concat([x, y, x], 1), ([i = 0, j = 0, k = 0]) =>
      j < 4 ? at(x, [i, j, k]) : j < 6 ? at(y, [i, j - 4, k]) : at(x, [i, j - 6, k]),
    );
    const chosen = [3, 0, 3, 1];
    expectElements(indexSelect(x, 1, int32(...chosen)), ([i = 0, j = 0, k = 0]) =>
      at(x, [i, chosen[j] ?? 0, k]),
    );
  });

  it('moving bytes and booleans', () => {
    const bytes = reshape(uint8(1, 2, 3, 4, 5, 6), [2, 3]);
    expect(transpose(bytes).toArray()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    const bools = tensor([[true, false, false]]);
    expect(concat([bools, tensor([[true, true, false]])]).toArray()).toEqual([
      [true, false, false],
      [true, true, false],
    ]);
    expect(
      pad(bools, [
        [0, 0],
        [1, 0],
      ]).toArray(),
    ).toEqual([[false, true, false, false]]);
    expect(indexSelect(bools, 1, int32(2, 0)).toArray()).toEqual([[false, true]]);
    expect(where(bools, tensor([false]), tensor([true])).toArray()).toEqual([[false, true, true]]);
    expect(eq(bools, 1).toArray()).toEqual([[true, false, false]]);
  });
});

describe('dtypes', () => {
  it('integers compute in their own type, a number takes it', () => {
    expect(add(int32(1, 2), 3).toArray()).toEqual([4, 5]);
    expect(add(int32(1), 3).dtype).toBe('int32');
    expect(mul(int32(-3, 4), int32(5)).toArray()).toEqual([-15, 20]);
    expect(abs(int32(-3, 4)).toArray()).toEqual([3, 4]);
    expect(neg(int32(-3, 4)).toArray()).toEqual([3, -4]);
    expect(sum(int32(1, 2, 3)).item()).toBe(6);
    expect(sum(uint8(200, 100)).item()).toBe(300);
    expect(sum(uint8(200, 100)).dtype).toBe('int32');
    expect(mean(uint8(200, 101)).item()).toBe(150.5);
    expect(max(uint8(7, 200, 3)).item()).toBe(200);
    expect(argmax(int32(7, 200, 3)).item()).toBe(1);
    expect(argmin(uint8(7, 200, 3)).item()).toBe(2);
    expect(clamp(uint8(7, 200), { max: 100 }).toArray()).toEqual([7, 100]);
    expect(gt(uint8(7, 200), 100).toArray()).toEqual([false, true]);
    expect(add(1, 2).dtype).toBe('float32');
  });

  it('integers wrap, as their memory does', () => {
    const largest = 2 ** 31 - 1;
    expect(add(int32(largest), 1).item()).toBe(-(2 ** 31));
    expect(sub(uint8(0), 1).item()).toBe(255);
    expect(mul(int32(123456789), 987654321).item()).toBe(Math.imul(123456789, 987654321));
    expect(neg(int32(-(2 ** 31))).item()).toBe(-(2 ** 31));
    expect(sum(int32(largest, largest, 2)).item()).toBe(0);
  });

  it('bool is summed, and its mean is a share', () => {
    const x = tensor([
      [true, false, true],
      [true, true, true],
    ]);
    expect(sum(x).item()).toBe(5);
    expect(sum(x).dtype).toBe('int32');
    expect(sum(x, 1, { keepdim: true }).toArray()).toEqual([[2], [3]]);
    expect(sum(x, [0, 1]).item()).toBe(5);
    expect(sum(zeros([0], { dtype: 'bool' })).item()).toBe(0);
    expect(mean(x, 0).toArray()).toEqual([1, 0.5, 1]);
    expect(mean(x).dtype).toBe('float32');
  });

  it.each([
    [
      'mixed',
      () => add(int32(1), tensor([1])),
      'add: expected operands of one dtype, got int32 and float32; cast(x, dtype) converts',
    ],
    [
      'mixed floats',
      () => mul(zeros([1]), zeros([1], { dtype: 'float64' })),
      'mul: expected operands of one dtype, got float32 and float64; cast(x, dtype) converts',
    ],
    [
      'mixed in matmul',
      () => matmul(zeros([1, 1]), zeros([1, 1], { dtype: 'float64' })),
      'matmul: expected operands of one dtype, got float32 and float64; cast(x, dtype) converts',
    ],
    [
      'mixed in concat',
      () => concat([zeros([1]), int32(1)]),
      'concat: expected operands of one dtype, got float32 and int32; cast(x, dtype) converts',
    ],
    [
      'mixed in where',
      () => where(tensor([true]), zeros([1]), int32(1)),
      'where: expected operands of one dtype, got float32 and int32; cast(x, dtype) converts',
    ],
    [
      'mixed in eq',
      () => eq(zeros([1]), int32(1)),
      'eq: expected operands of one dtype, got float32 and int32; cast(x, dtype) converts',
    ],
    [
      'a fraction for integers',
      () => add(int32(1), 0.5),
      "add: int32 holds integers from -2147483648 to 2147483647, got 0.5; cast the tensor first, as cast(x, 'float64')",
    ],
    [
      'a fraction compared with integers',
      () => gt(int32(1), 0.5),
      "gt: int32 holds integers from -2147483648 to 2147483647, got 0.5; cast the tensor first, as cast(x, 'float64')",
    ],
    [
      'too large for bytes',
      () => maximum(uint8(1), 300),
      "maximum: uint8 holds integers from 0 to 255, got 300; cast the tensor first, as cast(x, 'float64')",
    ],
    [
      'bool arithmetic',
      () => add(tensor([true]), tensor([true])),
      'add: bool has no arithmetic, got bool tensor [1]; cast it first',
    ],
    [
      'a mean of integers',
      () => mean(int32(1, 2)),
      'mean: expected a float tensor, got int32 tensor [2]; cast it first',
    ],
    [
      'a quotient of integers',
      () => div(int32(1), 2),
      'div: expected a float tensor, got int32 tensor [1]; cast it first',
    ],
    [
      'a product of integer matrices',
      () => matmul(zeros([1, 1], { dtype: 'int32' }), zeros([1, 1], { dtype: 'int32' })),
      'matmul: expected a float tensor, got int32 tensor [1,1]; cast it first',
    ],
    [
      'relu of integers',
      () => relu(int32(1)),
      'relu: expected a float tensor, got int32 tensor [1]; cast it first',
    ],
    [
      'softmax of integers',
      () => softmax(int32(1)),
      'softmax: expected a float tensor, got int32 tensor [1]; cast it first',
    ],
    [
      'a condition of integers',
      () => where(int32(1), 1, 2),
      'where: expected a bool condition, got int32 tensor [1]',
    ],
    [
      'a fraction as padding',
      () => pad(int32(1), [[1, 0]], 0.5),
      'pad: int32 holds integers from -2147483648 to 2147483647, got 0.5',
    ],
    [
      'a bound that bytes cannot hold',
      () => clamp(uint8(1), { min: 300 }),
      'clamp: uint8 holds integers from 0 to 255, got 300',
    ],
    [
      'a fractional bound',
      () => clamp(int32(1), { min: 0, max: 1.5 }),
      'clamp: int32 holds integers from -2147483648 to 2147483647, got 1.5 at element 1',
    ],
    [
      'an index of floats',
      () => indexSelect(zeros([2]), 0, zeros([1])),
      'indexSelect: expected an int32 tensor, got float32 tensor [1]; cast it first',
    ],
    [
      'NaN to an integer',
      () => cast(tensor([1, NaN]), 'int32'),
      'cast: int32 holds integers from -2147483648 to 2147483647, got NaN at element 1',
    ],
    [
      '300 to a byte',
      () => cast(tensor([300.5]), 'uint8'),
      'cast: uint8 holds integers from 0 to 255, got 300',
    ],
  ])('refuses %s', (_, call, text) => {
    expect(call).toThrow(new DTypeError(text));
  });

  it('cast truncates, widens, and takes all but 0 for true', () => {
    expect(cast(tensor([-1.9, -0.9, 0.9, 1.9]), 'int32').toArray()).toEqual([-1, 0, 0, 1]);
    expect(cast(tensor([0, -0, 0.5, NaN]), 'bool').toArray()).toEqual([false, false, true, true]);
    expect(cast(uint8(0, 200), 'float64').toArray()).toEqual([0, 200]);
    expect(cast(tensor([true, false]), 'float32').toArray()).toEqual([1, 0]);
    expect(cast(tensor([0.1], [1], { dtype: 'float64' }), 'float32').item()).toBe(Math.fround(0.1));
  });

  it('cast passes the gradient between the float types', () => {
    const x = tensor([1, 2], [2], { requiresGrad: true });
    using tape = new Tape();
    const wide = cast(x, 'float64');
    expect(wide.dtype).toBe('float64');
    tape.backward(sum(mul(wide, 3)));
    expect(x.grad?.dtype).toBe('float32');
    expect(x.grad?.toArray()).toEqual([3, 3]);
    expect(cast(x, 'int32').requiresGrad).toBe(false);
  });
});

describe('shapes that do not fit', () => {
  const x = (): Tensor => zeros([2, 3]);
  it.each([
    [
      'add',
      () => add(x(), zeros([2])),
      'add: shapes [2,3] and [2] do not broadcast: axis -1 has 3 and 2; equal sizes, or a 1, would do',
    ],
    [
      'where',
      () => where(tensor([true, false]), x(), x()),
      'where: shapes [2] and [2,3] do not broadcast: axis -1 has 2 and 3; equal sizes, or a 1, would do',
    ],
    [
      'matmul of vectors',
      () => matmul(zeros([3]), x()),
      'matmul: the inner dimensions of [3] and [2,3] are 3 and 2; they must agree',
    ],
    [
      'matmul of a matrix and a vector',
      () => matmul(x(), zeros([2])),
      'matmul: the inner dimensions of [2,3] and [2] are 3 and 2; they must agree',
    ],
    [
      'matmul of a transposed vector',
      () => matmul(zeros([3]), x(), { transposeA: true }),
      'matmul: expected operands with dimensions, and of two at least to transpose, got [3]ᵀ and [2,3]; mul(a, b) multiplies by a scalar',
    ],
    [
      'matmul of a scalar',
      () => matmul(tensor(2), x()),
      'matmul: expected operands with dimensions, and of two at least to transpose, got [] and [2,3]; mul(a, b) multiplies by a scalar',
    ],
    [
      'matmul inside',
      () => matmul(x(), x()),
      'matmul: the inner dimensions of [2,3] and [2,3] are 3 and 2; they must agree',
    ],
    [
      'matmul inside, transposed',
      () => matmul(x(), x(), { transposeA: true, transposeB: true }),
      'matmul: the inner dimensions of [2,3]ᵀ and [2,3]ᵀ are 2 and 3; they must agree',
    ],
    [
      'matmul of a batch',
      () => matmul(zeros([4, 2, 3]), zeros([5, 6])),
      'matmul: the inner dimensions of [4,2,3] and [5,6] are 3 and 5; they must agree',
    ],
    [
      'matmul over batches',
      () => matmul(zeros([4, 2, 3]), zeros([5, 3, 2])),
      'matmul: shapes [4] and [5] do not broadcast: axis -1 has 4 and 5; equal sizes, or a 1, would do',
    ],
    [
      'reshape',
      () => reshape(x(), [4]),
      'reshape: float32 tensor [2,3] has 6 elements, which do not fill [4]',
    ],
    [
      'reshape with a rest',
      () => reshape(x(), [-1, 4]),
      'reshape: float32 tensor [2,3] has 6 elements, which do not fill [-1,4]',
    ],
    [
      'reshape with two unknowns',
      () => reshape(x(), [-1, -1]),
      'reshape: float32 tensor [2,3] has 6 elements, which do not fill [-1,-1]',
    ],
    [
      'reshape of nothing',
      () => reshape(zeros([0, 3]), [0, -1]),
      'reshape: float32 tensor [0,3] to [0,-1]: beside a 0, -1 could be anything; give the dimension',
    ],
    ['permute', () => permute(x(), [0]), 'permute: expected each of the 2 axes once, got [0]'],
    [
      'permute twice',
      () => permute(x(), [1, -1]),
      'permute: expected each of the 2 axes once, got [1,-1]',
    ],
    [
      'transpose of a vector',
      () => transpose(zeros([3])),
      'transpose: axis -2 is out of range for a tensor of 1 dimensions',
    ],
    ['slice', () => slice(x(), [null, null, [0, 1]]), 'slice: 3 ranges for float32 tensor [2,3]'],
    [
      'slice by a step of 0',
      () => slice(x(), [[2, 0, 0]]),
      'slice: expected integers and a step that is not 0 for axis 0, got [2, 0, 0]',
    ],
    [
      'concat',
      () => concat([x(), zeros([2, 2])]),
      'concat: shapes [2,3] and [2,2] must agree but for axis 0',
    ],
    [
      'concat of two ranks',
      () => concat([x(), zeros([3])]),
      'concat: shapes [2,3] and [3] must agree but for axis 0',
    ],
    [
      'concat of nothing',
      () => concat([]),
      'concat: expected at least one tensor, got an empty list',
    ],
    [
      'concat of scalars',
      () => concat([tensor(1), tensor(2)]),
      'concat: axis 0 is out of range for a tensor of 0 dimensions',
    ],
    [
      'pad',
      () => pad(x(), [[1, 1]]),
      'pad: expected a pair of integers of at least 0 for each of the 2 axes, got [[1, 1]]',
    ],
    [
      'pad by less than nothing',
      () =>
        pad(x(), [
          [0, 0],
          [0, -1],
        ]),
      'pad: expected a pair of integers of at least 0 for each of the 2 axes, got [[0, 0], [0, -1]]',
    ],
    [
      'pad by as much as there is, mirrored',
      () =>
        pad(
          x(),
          [
            [0, 0],
            [3, 1],
          ],
          { mode: 'reflect' },
        ),
      "pad: mode 'reflect' finds at most 2 elements for a side of axis 1 of float32 tensor [2,3], got [3, 1]; use less padding",
    ],
    [
      'pad by more than there is, from the other end',
      () =>
        pad(
          x(),
          [
            [0, 3],
            [0, 0],
          ],
          { mode: 'circular' },
        ),
      "pad: mode 'circular' finds at most 2 elements for a side of axis 0 of float32 tensor [2,3], got [0, 3]; use less padding",
    ],
    [
      'pad by the last element of nothing',
      () => pad(zeros([0]), [[0, 1]], { mode: 'replicate' }),
      "pad: mode 'replicate' finds at most 0 elements for a side of axis 0 of float32 tensor [0], got [0, 1]; use less padding",
    ],
    [
      'indexSelect',
      () => indexSelect(x(), 1, int32(0, 3)),
      'indexSelect: index 3 at element 1 is outside 0 … 2, axis 1 of float32 tensor [2,3]',
    ],
    [
      'indexSelect from the back',
      () => indexSelect(x(), 1, int32(-1)),
      'indexSelect: index -1 at element 0 is outside 0 … 2, axis 1 of float32 tensor [2,3]',
    ],
    [
      'indexSelect by a matrix',
      () => indexSelect(x(), 0, zeros([1, 1], { dtype: 'int32' })),
      'indexSelect: expected an index of one dimension, got int32 tensor [1,1]',
    ],
    [
      'sum',
      () => sum(x(), { axis: 2 }),
      'sum: axis 2 is out of range for a tensor of 2 dimensions',
    ],
    ['sum twice', () => sum(x(), { axis: [1, -1] }), 'sum: axes [1,-1] name an axis twice'],
    [
      'mean of nothing',
      () => mean(zeros([0])),
      'mean: float32 tensor [0] has no elements to average',
    ],
    [
      'mean of nothing along an axis',
      () => mean(zeros([2, 0]), { axis: 1 }),
      'mean: float32 tensor [2,0] has no elements to average',
    ],
    [
      'max of nothing',
      () => max(zeros([2, 0]), { axis: 1 }),
      'max: float32 tensor [2,0] has no elements along the reduced axes',
    ],
    [
      'min of nothing',
      () => min(zeros([0])),
      'min: float32 tensor [0] has no elements along the reduced axes',
    ],
    [
      'argmax of nothing',
      () => argmax(zeros([0])),
      'argmax: float32 tensor [0] has no elements along the reduced axes',
    ],
    [
      'softmax of a scalar',
      () => softmax(tensor(1)),
      'softmax: axis -1 is out of range for a tensor of 0 dimensions',
    ],
  ])('%s', (_, call, text) => {
    expect(call).toThrow(new ShapeError(text));
  });

  it('clamp wants a bound that is a number', () => {
    expect(() => clamp(x(), {})).toThrow(
      new ConfigError('clamp: expected numbers for min, max or both, got neither'),
    );
    expect(() => clamp(x(), { min: NaN })).toThrow(
      new ConfigError('clamp: min must be a number that is not NaN, got NaN'),
    );
    expect(clamp(tensor([1, -1]), { min: -Infinity }).toArray()).toEqual([1, -1]);
  });
});

describe('sizes 0 and 1', () => {
  it('sums over nothing are 0, and nothing stays nothing', () => {
    expect(sum(zeros([0])).item()).toBe(0);
    expect(sum(zeros([2, 0]), { axis: 1 }).toArray()).toEqual([0, 0]);
    expect(sum(zeros([0, 2])).item()).toBe(0);
    expect(mean(zeros([0, 3]), { axis: 1 }).toArray()).toEqual([]);
    expect(max(zeros([0, 3]), { axis: 1 }).toArray()).toEqual([]);
    expect(relu(zeros([0])).toArray()).toEqual([]);
    expect(add(zeros([0, 3]), ones([1, 3])).shape).toEqual([0, 3]);
    expect(matmul(zeros([2, 0]), zeros([0, 2])).toArray()).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(softmax(zeros([2, 0])).toArray()).toEqual([[], []]);
    expect(softmax(zeros([2, 1]), 1).toArray()).toEqual([[1], [1]]);
    expect(concat([zeros([0, 2]), ones([1, 2])]).toArray()).toEqual([[1, 1]]);
    expect(indexSelect(ones([2, 2]), 0, int32()).shape).toEqual([0, 2]);
  });

  it('their gradients are zeros of the right shape', () => {
    const x = zeros([0, 3], { requiresGrad: true });
    const y = tensor([[1, 2, 3]], undefined, { requiresGrad: true });
    using tape = new Tape();
    tape.backward(sum(mul(x, y)));
    expect(x.grad?.shape).toEqual([0, 3]);
    expect(y.grad?.toArray()).toEqual([[0, 0, 0]]);
  });
});
