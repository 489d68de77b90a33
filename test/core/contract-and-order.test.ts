import {
  argsort,
  bmm,
  compile,
  ConfigError,
  configureEngine,
  cumprod,
  cumsum,
  dot,
  DTypeError,
  einsum,
  matmul,
  mul,
  ones,
  outer,
  Scope,
  ShapeError,
  sort,
  sum,
  takeAlongAxis,
  Tape,
  tensor,
  topk,
  zeros,
  type NestedArray,
  type Tensor,
} from '@unfold/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { VARIANTS } from '../support/fixtures/fixtures.js';
import { call, refuseMisuses } from '../support/misuse.js';

let scope: Scope;
beforeEach(() => {
  scope = new Scope();
});
afterEach(() => {
  scope.close();
});

const ENGINES = [...VARIANTS, { kernels: 'wasm', dtype: 'int32' }] as const;

describe.each(ENGINES)('$dtype on $kernels', ({ kernels, dtype }) => {
  beforeAll(() => configureEngine({ kernels }));
  afterAll(() => configureEngine({ kernels: 'wasm' }));

  const of = (data: NestedArray): Tensor => tensor(data, undefined, { dtype });
  const x = (): Tensor =>
    of([
      [3, 1, 2],
      [2, 5, 2],
    ]);

  it('scans', () => {
    expect(cumsum(x(), 1).toArray()).toEqual([
      [3, 4, 6],
      [2, 7, 9],
    ]);
    expect(cumprod(x(), 0).toArray()).toEqual([
      [3, 1, 2],
      [6, 5, 4],
    ]);
    expect(cumsum(x(), 0).dtype).toBe(dtype);
    expect(cumsum(zeros([0, 2], { dtype }), 0).shape).toEqual([0, 2]);
  });

  it('puts in order, equals as they stood', () => {
    const [values, indices] = sort(x());
    expect(values.toArray()).toEqual([
      [1, 2, 3],
      [2, 2, 5],
    ]);
    expect(indices.toArray()).toEqual([
      [1, 2, 0],
      [0, 2, 1],
    ]);
    expect([values.dtype, indices.dtype]).toEqual([dtype, 'int32']);
    expect(argsort(x(), -1, { descending: true }).toArray()).toEqual([
      [0, 2, 1],
      [1, 0, 2],
    ]);
    expect(argsort(x(), 0).toArray()).toEqual([
      [1, 0, 0],
      [0, 1, 1],
    ]);
    expect(takeAlongAxis(x(), argsort(x()), 1).toArray()).toEqual(values.toArray());
    expect(topk(x(), 2).map((part) => part.toArray())).toEqual([
      [
        [3, 2],
        [5, 2],
      ],
      [
        [0, 2],
        [1, 0],
      ],
    ]);
    expect(topk(x(), 1, 0, { largest: false }).map((part) => part.toArray())).toEqual([
      [[2, 1, 2]],
      [[1, 0, 0]],
    ]);
    expect(sort(zeros([2, 0], { dtype }))[1].shape).toEqual([2, 0]);
    expect(sort(zeros([0, 2], { dtype }), 0)[0].shape).toEqual([0, 2]);
    expect(topk(x(), 0)[0].shape).toEqual([2, 0]);
  });
});

it('bools and bytes are put in order; bools are counted', () => {
  const bools = tensor([true, false, true]);
  expect(sort(bools)[0].toArray()).toEqual([false, true, true]);
  expect(cumsum(bools, 0)).toMatchObject({ dtype: 'int32' });
  expect(cumsum(bools, 0).toArray()).toEqual([1, 1, 2]);
  expect(cumprod(bools, 0).toArray()).toEqual([1, 0, 0]);
  const bytes = tensor(Uint8Array.of(200, 3, 250));
  expect(topk(bytes, 2)[0].toArray()).toEqual([250, 200]);
});

it('int32 wraps round', () => {
  const large = tensor([2 ** 31 - 1, 1], undefined, { dtype: 'int32' });
  expect(cumsum(large, 0).toArray()).toEqual([2 ** 31 - 1, -(2 ** 31)]);
});

it('NaN is carried on by a scan, and is the largest in order', () => {
  expect(cumsum(tensor([1, NaN, 2]), 0).toArray()).toEqual([1, NaN, NaN]);
  expect(cumprod(tensor([0, NaN]), 0).toArray()).toEqual([0, NaN]);
  expect(sort(tensor([NaN, -Infinity, Infinity]))[0].toArray()).toEqual([-Infinity, Infinity, NaN]);
  expect(topk(tensor([1, NaN, 3]), 2)[1].toArray()).toEqual([1, 2]);
});

it('the gradient of cumprod is exact beside zeros', () => {
  const x = tensor([2, 0, 3, 0], undefined, { requiresGrad: true });
  using tape = new Tape();
  tape.backward(sum(mul(cumprod(x, 0), tensor([1, 10, 100, 1000]))));
  // x₀(1 + 10x₁ + 100x₁x₂ + 1000x₁x₂x₃)
  expect(x.grad?.toArray()).toEqual([1, 2 * (10 + 300), 0, 0]);
});

it('a long scan is as good as the sum', () => {
  const n = 100_000;
  const x = mul(ones([n]), 0.1);
  const last = cumsum(x, 0).data[n - 1] ?? NaN;
  expect(Math.abs(last - n * Math.fround(0.1))).toBeLessThan(1e-3);
});

it('einsum of one operand is never the operand itself', () => {
  const x = tensor([1, 2]);
  const same = einsum('i->i', x);
  x.update((data) => data.fill(9));
  expect(same.toArray()).toEqual([1, 2]);
});

it('einsum takes spaces, upper case and operands that are the same', () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  expect(einsum('Ab , bC -> AC', x, x).toArray()).toEqual(matmul(x, x).toArray());
  // Upper case comes first in the alphabet, as of NumPy.
  expect(einsum('aB', x).toArray()).toEqual([
    [1, 3],
    [2, 4],
  ]);
  expect(einsum('ii', x).item()).toBe(5);
});

it('vectors are multiplied as of torch.matmul', () => {
  const a = tensor([1, 2, 3]);
  expect(dot(a, a).shape).toEqual([]);
  expect(dot(a, a).item()).toBe(14);
  expect(matmul(a, ones([3, 2])).toArray()).toEqual([6, 6]);
  expect(matmul(ones([4, 2, 3]), a).shape).toEqual([4, 2]);
  expect(outer(a, tensor([1, -1])).toArray()).toEqual([
    [1, -1],
    [2, -2],
    [3, -3],
  ]);
});

it('a program gives the same', () => {
  const run = (x: Tensor): Tensor[] => [
    ...sort(x, 0),
    ...topk(x, 2),
    cumsum(x, 1),
    cumprod(x, 0),
    einsum('ij,kj->ki', x, x),
  ];
  const fast = compile(run);
  for (const factor of [1, -1, 0.5]) {
    const x = tensor([
      [3 * factor, 1, 2],
      [2, 5 * factor, 2],
    ]);
    expect(fast(x).map((part) => part.toArray())).toEqual(run(x).map((part) => part.toArray()));
  }
  expect(fast.stats).not.toBeNull();
});

describe('a call that is wrong is an error that names the right one', () => {
  const x = (): Tensor => zeros([2, 3]);
  refuseMisuses([
    [
      'cumsum(x)',
      () => call(cumsum, x()),
      ConfigError,
      'cumsum: expected an axis, a number, got undefined; the axis is the second argument',
    ],
    [
      'cumsum of bytes',
      () => cumsum(zeros([2], { dtype: 'uint8' }), 0),
      DTypeError,
      "cumsum: uint8 overflows at 256, got uint8 tensor [2]; cast(x, 'int32') first",
    ],
    [
      'cumprod beyond the axes',
      () => cumprod(x(), 2),
      ShapeError,
      'cumprod: axis 2 is out of range for a tensor of 2 dimensions',
    ],
    [
      'sort(x, true)',
      () => call(sort, x(), true),
      ConfigError,
      'sort: expected an axis, a number, got true; the axis is the second argument',
    ],
    [
      'sort(x, 0, true)',
      () => call(sort, x(), 0, true),
      ConfigError,
      'sort: expected options as an object, such as { descending: true }, got true',
    ],
    [
      'argsort(x, 0, { descend })',
      () => call(argsort, x(), 0, { descend: true }),
      ConfigError,
      "argsort: unknown option 'descend'; the options are descending",
    ],
    [
      'sort of a scalar',
      () => sort(tensor(1)),
      ShapeError,
      'sort: axis -1 is out of range for a tensor of 0 dimensions',
    ],
    [
      'topk(x)',
      () => call(topk, x()),
      ConfigError,
      'topk: k must be an integer from 0, got undefined',
    ],
    [
      'topk of too many',
      () => topk(x(), 4),
      ShapeError,
      'topk: expected k of at most 3, axis 1 of float32 tensor [2,3], got 4',
    ],
    [
      'topk(x, 1, { axis })',
      () => call(topk, x(), 1, { axis: 0 }),
      ConfigError,
      'topk: expected an axis, a number, got { axis: 0 }; the axis is the third argument',
    ],
    [
      'dot of matrices',
      () => dot(x(), x()),
      ShapeError,
      'dot: expected two tensors of 1 dimension, got [2,3] and [2,3]; matmul(a, b) takes others',
    ],
    [
      'dot of two lengths',
      () => dot(zeros([2]), zeros([3])),
      ShapeError,
      'dot: expected vectors of one length, got [2] and [3]',
    ],
    [
      'outer of an array',
      () => call(outer, zeros([2]), [1, 2]),
      DTypeError,
      'outer: expected a tensor for b, got [1, 2]; tensor(data) makes one',
    ],
    [
      'bmm of matrices',
      () => bmm(x(), x()),
      ShapeError,
      'bmm: expected two tensors of 3 dimensions, got [2,3] and [2,3]; matmul(a, b) takes others',
    ],
    [
      'bmm of integers',
      () => bmm(zeros([1, 1, 1], { dtype: 'int32' }), zeros([1, 1, 1], { dtype: 'int32' })),
      DTypeError,
      'bmm: expected a float tensor, got int32 tensor [1,1,1]; cast it first',
    ],
    [
      'einsum(x, equation)',
      () => call(einsum, x(), 'ij'),
      ConfigError,
      "einsum: expected an equation, such as 'ij,jk->ik', got a float32 tensor [2,3]",
    ],
    [
      'einsum of a list',
      () => call(einsum, 'ij,jk', [x(), x()]),
      DTypeError,
      'einsum: expected a tensor for operand 0, got [a float32 tensor [2,3], a float32 tensor [2,3]]; tensor(data) makes one',
    ],
    [
      'einsum of no equation',
      () => einsum('i1,j', x(), x()),
      ConfigError,
      "einsum: expected letters, '...', commas and one '->', such as 'ij,jk->ik', got 'i1,j'",
    ],
    [
      'einsum of another number of operands',
      () => einsum('ij,jk', x()),
      ShapeError,
      "einsum: 'ij,jk': 2 operands are described, and 1 were given",
    ],
    [
      'einsum of another number of axes',
      () => einsum('ijk', x()),
      ShapeError,
      "einsum: 'ijk': 'ijk' does not fit operand 0, whose shape is [2,3]",
    ],
    [
      'einsum of sizes that differ',
      () => einsum('ij,jk', x(), x()),
      ShapeError,
      "einsum: 'ij,jk': 'j' is 3 and, in operand 1, 2",
    ],
    [
      'einsum of an ellipsis that does not broadcast',
      () => einsum('...i,...i', x(), zeros([4, 3])),
      ShapeError,
      "einsum: '...i,...i': an axis of the ellipsis is 2 and, in operand 1, 4",
    ],
    [
      'einsum to a letter that is nowhere',
      () => einsum('ij->ik', x()),
      ShapeError,
      "einsum: 'ij->ik': 'k' of the result is in no operand",
    ],
    [
      'einsum to a letter twice',
      () => einsum('ij->ii', x()),
      ShapeError,
      "einsum: 'ij->ii': the result names an axis twice",
    ],
    [
      'einsum of two dtypes',
      () => einsum('i,i', zeros([2]), zeros([2], { dtype: 'float64' })),
      DTypeError,
      'einsum: expected operands of one dtype, got float32 and float64; cast(x, dtype) converts',
    ],
  ]);
});
