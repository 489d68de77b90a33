import {
  add,
  argmax,
  cast,
  compile,
  ConfigError,
  configureEngine,
  DTypeError,
  gather,
  nonzero,
  oneHot,
  Scope,
  scatter,
  scatterAdd,
  ShapeError,
  sum,
  Tape,
  takeAlongAxis,
  TapeError,
  tensor,
  trace,
  unique,
  zeros,
  mul,
  type DType,
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

const int32 = (data: NestedArray): Tensor => tensor(data, undefined, { dtype: 'int32' });

const ENGINES = [
  ...VARIANTS,
  { kernels: 'wasm', dtype: 'int32' },
  { kernels: 'wasm', dtype: 'uint8' },
] as const;

describe.each(ENGINES)('$dtype on $kernels', ({ kernels, dtype }) => {
  beforeAll(() => configureEngine({ kernels }));
  afterAll(() => configureEngine({ kernels: 'wasm' }));

  const of = (data: NestedArray): Tensor => tensor(data, undefined, { dtype });
  const x = (): Tensor =>
    of([
      [1, 2, 3],
      [4, 5, 6],
    ]);

  it('picks, puts and adds up by positions', () => {
    const index = int32([
      [2, 0, 2, 2],
      [0, 0, 1, 0],
    ]);
    expect(gather(x(), 1, index).toArray()).toEqual([
      [3, 1, 3, 3],
      [4, 4, 5, 4],
    ]);
    const src = of([
      [10, 20, 30, 40],
      [50, 60, 70, 80],
    ]);
    expect(scatter(x(), 1, index, src).toArray()).toEqual([
      [20, 2, 40],
      [80, 70, 6],
    ]);
    // 50 + 60 + 80 + 4 fits into a byte.
    expect(scatterAdd(x(), 1, index, src).toArray()).toEqual([
      [21, 2, 83],
      [194, 75, 6],
    ]);
    expect(scatter(x(), 0, int32([[1]]), 9).toArray()).toEqual([
      [1, 2, 3],
      [9, 5, 6],
    ]);
    expect(takeAlongAxis(x(), int32([[1]]), 1).toArray()).toEqual([[2], [5]]);
    expect(gather(x(), 0, int32([[1]])).dtype).toBe(dtype);
  });

  it('finds what is not 0, and what is different', () => {
    expect(
      nonzero(
        of([
          [0, 2, 0],
          [1, 0, 3],
        ]),
      ).toArray(),
    ).toEqual([
      [0, 1],
      [1, 0],
      [1, 2],
    ]);
    expect(nonzero(of([0, 0])).shape).toEqual([0, 1]);
    expect(nonzero(zeros([0, 3], { dtype })).shape).toEqual([0, 2]);
    expect(unique(of([[3, 1, 3, 0, 1]])).toArray()).toEqual([0, 1, 3]);
    expect(unique(of([3, 1])).dtype).toBe(dtype);
    expect(unique(zeros([0], { dtype })).shape).toEqual([0]);
  });
});

it('bools are picked and put, but not added', () => {
  const x = tensor([true, false]);
  expect(gather(x, 0, int32([1, 0, 0])).toArray()).toEqual([false, true, true]);
  expect(scatter(x, 0, int32([1]), 1).toArray()).toEqual([true, true]);
  expect(nonzero(x).toArray()).toEqual([[0]]);
  expect(unique(x).toArray()).toEqual([false, true]);
});

it('NaN is not 0, and differs from itself; -0 is 0', () => {
  expect(nonzero(tensor([NaN, -0, 0])).toArray()).toEqual([[0]]);
  expect(
    unique(tensor([NaN, 0, Infinity, -0, NaN, -Infinity]))
      .toTypedArray()
      .map(Number),
  ).toEqual(Float32Array.of(-Infinity, -0, Infinity, NaN, NaN));
});

it('of several for one place, the last gets the gradient', () => {
  const x = tensor([1, 2, 3], undefined, { requiresGrad: true });
  const src = tensor([4, 5, 6], undefined, { requiresGrad: true });
  using tape = new Tape();
  const out = scatter(x, 0, int32([1, 1, 0]), src);
  expect(out.toArray()).toEqual([6, 5, 3]);
  tape.backward(sum(mul(out, tensor([10, 20, 30]))));
  expect(x.grad?.toArray()).toEqual([0, 0, 30]);
  expect(src.grad?.toArray()).toEqual([0, 20, 10]);
});

it('oneHot is the identity row by row, in any dtype', () => {
  const labels = int32([2, 0]);
  expect(oneHot(labels).toArray()).toEqual([
    [0, 0, 1],
    [1, 0, 0],
  ]);
  for (const dtype of ['float32', 'float64', 'uint8', 'bool'] as const satisfies DType[]) {
    const hot = oneHot(labels, 4, { dtype });
    expect(hot).toMatchObject({ shape: [2, 4], dtype });
    expect(argmax(cast(hot, 'float32'), 1).toArray()).toEqual([2, 0]);
  }
  expect(oneHot(int32([]), 3).shape).toEqual([0, 3]);
});

it('a program is for one count of what it finds, and looks at positions', () => {
  const fast = compile((x: Tensor) => nonzero(x));
  expect(fast(tensor([0, 1, 2])).toArray()).toEqual([[1], [2]]);
  expect(fast(tensor([3, 0, 2])).toArray()).toEqual([[0], [2]]);
  expect(fast(tensor([3, 0, 0])).toArray()).toEqual([[0]]);
  const hot = compile((x: Tensor, index: Tensor) =>
    add(gather(x, 0, index), scatterAdd(x, 0, index, x)),
  );
  const x = tensor([1, 2, 3]);
  expect(hot(x, int32([2, 0, 0])).toArray()).toEqual([9, 3, 5]);
  expect(hot(x, int32([0, 1, 2])).toArray()).toEqual([3, 6, 9]);
  expect(() => hot(x, int32([0, 1, 3]))).toThrow(ShapeError);
});

it('a graph has no shape that follows from numbers', () => {
  for (const fn of [nonzero, unique]) {
    expect(() => trace(fn, tensor([1, 2]))).toThrow(TapeError);
  }
  expect(() => trace((x: Tensor) => oneHot(x), int32([1]))).toThrow(
    'oneHot: expected operations on tensors while a graph is traced, got a result whose shape follows from numbers',
  );
});

describe('a call that is wrong is an error that names the right one', () => {
  const x = (): Tensor => zeros([2, 3]);
  refuseMisuses([
    [
      'gather(x, index, 1)',
      () => call(gather, x(), int32([[0]]), 1),
      ConfigError,
      'gather: expected an axis, a number, got an int32 tensor [1,1]; the axis is the second argument',
    ],
    [
      'gather by floats',
      () => gather(x(), 0, zeros([1, 1])),
      DTypeError,
      'gather: expected an int32 tensor, got float32 tensor [1,1]; cast it first',
    ],
    [
      'gather by an array',
      () => call(gather, x(), 0, [0]),
      DTypeError,
      'gather: expected a tensor for index, got [0]; tensor(data) makes one',
    ],
    [
      'gather by another number of dimensions',
      () => gather(x(), 1, int32([0])),
      ShapeError,
      'gather: expected an index that fits into [2,3] but along axis 1, got int32 tensor [1]',
    ],
    [
      'gather by more rows than there are',
      () => gather(x(), 1, int32([[0], [0], [0]])),
      ShapeError,
      'gather: expected an index that fits into [2,3] but along axis 1, got int32 tensor [3,1]',
    ],
    [
      'gather outside',
      () => gather(x(), 1, int32([[0, 3]])),
      ShapeError,
      'gather: index 3 at element 1 is outside 0 … 2, axis 1 of float32 tensor [2,3]',
    ],
    [
      'takeAlongAxis from the back',
      () => takeAlongAxis(x(), int32([[-1]]), 1),
      ShapeError,
      'takeAlongAxis: index -1 at element 0 is outside 0 … 2, axis 1 of float32 tensor [2,3]',
    ],
    [
      'takeAlongAxis of shapes that do not broadcast',
      () => takeAlongAxis(x(), int32([[0], [0], [0]]), 1),
      ShapeError,
      'takeAlongAxis: shapes [2,1] and [3,1] do not broadcast: axis -2 has 2 and 3; equal sizes, or a 1, would do',
    ],
    [
      'takeAlongAxis(x, index, { axis })',
      () => call(takeAlongAxis, x(), int32([[0]]), { axis: 1 }),
      ConfigError,
      'takeAlongAxis: expected an axis, a number, got { axis: 1 }; the axis is the third argument',
    ],
    [
      'scatter without a source',
      () => call(scatter, x(), 1, int32([[0]])),
      DTypeError,
      'scatter: expected a tensor or a number for src, got undefined',
    ],
    [
      'scatter of another dtype',
      () => scatter(x(), 1, int32([[0]]), int32([[0]])),
      DTypeError,
      'scatter: expected operands of one dtype, got float32 and int32; cast(x, dtype) converts',
    ],
    [
      'scatter of a small source',
      () => scatter(x(), 1, int32([[0, 1]]), zeros([1, 1])),
      ShapeError,
      'scatter: expected a source at least as large as the index [1,2], got float32 tensor [1,1]',
    ],
    [
      'scatter of a fraction among integers',
      () => scatter(int32([1]), 0, int32([0]), 0.5),
      DTypeError,
      'full: int32 holds integers from -2147483648 to 2147483647, got 0.5',
    ],
    [
      'scatterAdd of a number',
      () => call(scatterAdd, x(), 1, int32([[0]]), 1),
      DTypeError,
      'scatterAdd: expected a tensor for src, got 1; tensor(data) makes one',
    ],
    [
      'scatterAdd of bools',
      () => scatterAdd(tensor([true]), 0, int32([0]), tensor([true])),
      DTypeError,
      'scatterAdd: bool has no arithmetic, got bool tensor [1]; cast it first',
    ],
    [
      'oneHot of floats',
      () => oneHot(x()),
      DTypeError,
      'oneHot: expected an int32 tensor, got float32 tensor [2,3]; cast it first',
    ],
    [
      'oneHot of too few classes',
      () => oneHot(int32([0, 3]), 3),
      ShapeError,
      'oneHot: position 3 at element 1 is outside 0 … 2',
    ],
    [
      'oneHot of a negative position',
      () => oneHot(int32([-1])),
      ShapeError,
      'oneHot: position -1 at element 0 is outside 0 … 0',
    ],
    [
      'oneHot of nothing',
      () => oneHot(int32([])),
      ShapeError,
      'oneHot: expected a number of classes for int32 tensor [0], which has no positions; oneHot(index, numClasses)',
    ],
    [
      "oneHot(index, 3, 'float32')",
      () => call(oneHot, int32([0]), 3, 'float32'),
      ConfigError,
      "oneHot: expected options as an object, such as { dtype: 'float32' }, got 'float32'",
    ],
    [
      'nonzero([1])',
      () => call(nonzero, [1]),
      DTypeError,
      'nonzero: expected a tensor for x, got [1]; tensor(data) makes one',
    ],
    [
      'unique(3)',
      () => call(unique, 3),
      DTypeError,
      'unique: expected a tensor for x, got 3; tensor(data) makes one',
    ],
  ]);
});
