import {
  arange,
  broadcastTo,
  cast,
  chunk,
  compile,
  ConfigError,
  configureEngine,
  DTypeError,
  expand,
  flip,
  maskedFill,
  mul,
  repeat,
  reshape,
  roll,
  Scope,
  select,
  ShapeError,
  slice,
  split,
  squeeze,
  stack,
  sum,
  Tape,
  tensor,
  tile,
  tril,
  triu,
  unbind,
  unsqueeze,
  zeros,
  type DType,
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

const matrix = (dtype: DType = 'float32'): Tensor => cast(reshape(arange(6), [2, 3]), dtype);

const ENGINES = [
  ...VARIANTS,
  { kernels: 'wasm', dtype: 'int32' },
  { kernels: 'wasm', dtype: 'uint8' },
] as const;

describe.each(ENGINES)('$dtype on $kernels', ({ kernels, dtype }) => {
  beforeAll(() => configureEngine({ kernels }));
  afterAll(() => configureEngine({ kernels: 'wasm' }));

  it('repeats, stacks and takes apart', () => {
    const x = matrix(dtype);
    expect(expand(x, [2, -1, 3]).toArray()).toEqual([x.toArray(), x.toArray()]);
    expect(repeat(x, [1, 2]).toArray()).toEqual([
      [0, 1, 2, 0, 1, 2],
      [3, 4, 5, 3, 4, 5],
    ]);
    expect(tile(select(x, 0, 1), [2, 1]).toArray()).toEqual([
      [3, 4, 5],
      [3, 4, 5],
    ]);
    expect(stack([x, x], 2).shape).toEqual([2, 3, 2]);
    expect(split(x, 2, 1).map((part) => part.toArray())).toEqual([
      [
        [0, 1],
        [3, 4],
      ],
      [[2], [5]],
    ]);
    expect(chunk(x, 9, 1).map(({ shape }) => shape)).toEqual([
      [2, 1],
      [2, 1],
      [2, 1],
    ]);
    expect(unbind(x, 1).map((part) => part.toArray())).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    expect(x.dtype).toBe(dtype);
    for (const part of [...unbind(x), expand(x, [2, 3]), stack([x])]) {
      expect(part.dtype).toBe(dtype);
    }
  });

  it('turns round, moves on and masks', () => {
    const x = matrix(dtype);
    expect(flip(x).toArray()).toEqual([
      [5, 4, 3],
      [2, 1, 0],
    ]);
    expect(slice(x, [null, [null, null, -2]]).toArray()).toEqual([
      [2, 0],
      [5, 3],
    ]);
    expect(slice(x, [null, [-9, null, -1]]).shape).toEqual([2, 0]);
    expect(roll(x, 1).toArray()).toEqual([
      [5, 0, 1],
      [2, 3, 4],
    ]);
    expect(roll(x, -4, 1).toArray()).toEqual([
      [1, 2, 0],
      [4, 5, 3],
    ]);
    expect(tril(x).toArray()).toEqual([
      [0, 0, 0],
      [3, 4, 0],
    ]);
    expect(triu(x, 1).toArray()).toEqual([
      [0, 1, 2],
      [0, 0, 5],
    ]);
    expect(tril(x, -(2 ** 25)).toArray()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(triu(x, -(2 ** 25)).toArray()).toEqual(x.toArray());
    const mask = tensor([true, false, true]);
    expect(maskedFill(x, mask, 9).toArray()).toEqual([
      [9, 1, 9],
      [9, 4, 9],
    ]);
  });
});

it('bools move as numbers do', () => {
  const x = tensor([[true, false]]);
  expect(flip(x).toArray()).toEqual([[false, true]]);
  expect(tril(x, 0).toArray()).toEqual([[true, false]]);
  expect(maskedFill(x, x, 0).toArray()).toEqual([[false, false]]);
  expect(repeat(x, [1, 2]).toArray()).toEqual([[true, false, true, false]]);
});

it('what a mask or a triangle leaves out has no part in the result, and the gradient 0', () => {
  const x = tensor(
    [
      [1, NaN],
      [Infinity, 2],
    ],
    undefined,
    { requiresGrad: true },
  );
  using tape = new Tape();
  const kept = maskedFill(triu(tril(x)), tensor([false, true]), -1);
  expect(kept.toArray()).toEqual([
    [1, -1],
    [0, -1],
  ]);
  tape.backward(sum(mul(kept, 5)));
  expect(x.grad?.toArray()).toEqual([
    [5, 0],
    [0, 0],
  ]);
});

it('squeeze and unsqueeze share the memory, the others copy', () => {
  const x = tensor([[1, 2]]);
  const shared = [squeeze(x), unsqueeze(x, 0)];
  const copies = [expand(x, [1, 2]), flip(x, 0), roll(x, 2, 1), tile(x, [1]), tril(x), stack([x])];
  x.update((data) => data.fill(7));
  for (const one of shared) expect(one.data[0]).toBe(7);
  for (const one of copies) expect(one.data[0], one.origin).toBe(1);
});

it('of several pieces, those that nobody uses have the gradient 0', () => {
  const x = tensor([1, 2, 3, 4, 5], undefined, { requiresGrad: true });
  using tape = new Tape();
  const [, second] = split(x, 2);
  tape.backward(sum(mul(second ?? x, 3)));
  expect(x.grad?.toArray()).toEqual([0, 0, 3, 3, 0]);
});

it('a program gives the same pieces', () => {
  const fast = compile((x: Tensor) => [...unbind(roll(x, 1, 0)), tril(x), flip(x, 0)]);
  for (const factor of [1, 2, 3]) {
    const x = mul(matrix(), factor);
    const expected = [...unbind(roll(x, 1, 0)), tril(x), flip(x, 0)].map((one) => one.toArray());
    expect(fast(x).map((one) => one.toArray())).toEqual(expected);
  }
  expect(fast.stats).not.toBeNull();
});

describe('sizes 0 and 1', () => {
  it('nothing stays nothing', () => {
    expect(split(zeros([0, 3]), 2).map(({ shape }) => shape)).toEqual([[0, 3]]);
    expect(chunk(zeros([0, 3]), 2).map(({ shape }) => shape)).toEqual([
      [0, 3],
      [0, 3],
    ]);
    expect(unbind(zeros([0, 3]))).toEqual([]);
    expect(flip(zeros([2, 0])).shape).toEqual([2, 0]);
    expect(repeat(zeros([2, 0]), [2, 3]).shape).toEqual([4, 0]);
    expect(expand(zeros([0, 1]), [-1, 2]).shape).toEqual([0, 2]);
    expect(stack([zeros([0])]).shape).toEqual([1, 0]);
    expect(squeeze(zeros([0, 1])).shape).toEqual([0]);
  });
});

describe('a call that is wrong is an error that names the right one', () => {
  const x = (): Tensor => zeros([2, 3]);
  refuseMisuses([
    [
      'stack(a, b)',
      () => call(stack, x(), x()),
      ConfigError,
      'stack: expected a list of tensors, such as [a, b], got a float32 tensor [2,3]',
    ],
    [
      'stack([a, 1])',
      () => call(stack, [x(), 1]),
      DTypeError,
      'stack: expected a tensor for tensors[1], got 1; tensor(data) makes one',
    ],
    [
      'stack([])',
      () => stack([]),
      ShapeError,
      'stack: expected at least one tensor, got an empty list',
    ],
    [
      'stack of two shapes',
      () => stack([x(), zeros([2, 2])]),
      ShapeError,
      'stack: expected tensors of one shape, got [2,3] and [2,2]; concat joins along an axis that is there',
    ],
    [
      'stack of two dtypes',
      () => stack([x(), matrix('int32')]),
      DTypeError,
      'stack: expected operands of one dtype, got float32 and int32; cast(x, dtype) converts',
    ],
    [
      'split(x, 0)',
      () => split(x(), 0),
      ConfigError,
      'split: the size must be an integer from 1, got 0',
    ],
    [
      "split(x, '2')",
      () => call(split, x(), '2'),
      ConfigError,
      "split: expected a size or a list of sizes, such as 2 or [2, 3], got '2'",
    ],
    [
      'split by sizes that leave a rest',
      () => split(x(), [1, 1], 1),
      ShapeError,
      'split: expected sizes from 0 that add up to 3, axis 1 of float32 tensor [2,3], got [1, 1]',
    ],
    [
      'split by a negative size',
      () => split(x(), [4, -1], 1),
      ShapeError,
      'split: expected sizes from 0 that add up to 3, axis 1 of float32 tensor [2,3], got [4, -1]',
    ],
    [
      'split(x, 1, { axis: 1 })',
      () => call(split, x(), 1, { axis: 1 }),
      ConfigError,
      'split: expected an axis, a number, got { axis: 1 }; the axis is the third argument',
    ],
    [
      'chunk(x)',
      () => call(chunk, x()),
      ConfigError,
      'chunk: the number of chunks must be an integer from 1 to 2147483647, got undefined',
    ],
    [
      'unbind of a scalar',
      () => unbind(tensor(1)),
      ShapeError,
      'unbind: axis 0 is out of range for a tensor of 0 dimensions',
    ],
    [
      'select outside',
      () => select(x(), 1, 3),
      ShapeError,
      'select: position 3 is outside -3 … 2, axis 1 of float32 tensor [2,3]',
    ],
    [
      'select by a tensor',
      () => call(select, x(), 1, tensor([1])),
      ConfigError,
      'select: expected a position, an integer, got a float32 tensor [1]; indexSelect(x, axis, index) takes a tensor of them',
    ],
    [
      "squeeze(x, '0')",
      () => call(squeeze, x(), '0'),
      ConfigError,
      "squeeze: expected an axis or a list of axes, such as [0, 1], got '0'",
    ],
    [
      'unsqueeze(x)',
      () => call(unsqueeze, x()),
      ConfigError,
      'unsqueeze: expected an axis, a number, got undefined; the axis is the second argument',
    ],
    [
      'unsqueeze too far',
      () => unsqueeze(x(), 3 + 1),
      ShapeError,
      'unsqueeze: axis 4 is out of range for a tensor of 3 dimensions',
    ],
    [
      'expand(x, 2, 3)',
      () => call(expand, x(), 2, 3),
      ConfigError,
      'expand: expected a shape, such as [2, -1], got 2',
    ],
    [
      'expand of an axis that is no 1',
      () => expand(x(), [4, 3]),
      ShapeError,
      'expand: shape [2,3] does not broadcast to [4,3]: aligned at the last axis, only a 1 is stretched',
    ],
    [
      'expand of a new axis by -1',
      () => expand(x(), [-1, 2, 3]),
      ShapeError,
      'expand: shape [-1,2,3] must hold integers of at least 0',
    ],
    [
      'broadcastTo fewer axes',
      () => broadcastTo(x(), [3]),
      ShapeError,
      'broadcastTo: shape [2,3] does not broadcast to [3]: aligned at the last axis, only a 1 is stretched',
    ],
    [
      'broadcastTo(x, 3)',
      () => call(broadcastTo, x(), 3),
      ShapeError,
      'broadcastTo: expected a shape, a list of dimensions, got 3; write [3]',
    ],
    [
      'repeat(x, 2)',
      () => call(repeat, x(), 2),
      ConfigError,
      'repeat: expected a list of repeats, such as [2, 1], got 2',
    ],
    [
      'repeat by fewer numbers',
      () => repeat(x(), [2]),
      ShapeError,
      'repeat: expected a number for each of the 2 axes, or more, got [2]; tile(x, repeats) takes fewer',
    ],
    [
      'tile by a fraction',
      () => tile(x(), [1.5]),
      ShapeError,
      'tile: shape [1,1.5] must hold integers of at least 0',
    ],
    [
      'tile beyond what a tensor holds',
      () => tile(x(), [2 ** 30, 1]),
      ShapeError,
      'tile: shape [2147483648,3] has 6442450944 elements; the limit is 2^31 - 1',
    ],
    ['flip twice', () => flip(x(), [0, -2]), ShapeError, 'flip: axes [0,-2] name an axis twice'],
    [
      'roll(x)',
      () => call(roll, x()),
      ConfigError,
      'roll: expected integers, as many as axes, got undefined for no axes, which is one',
    ],
    [
      'roll by one shift along two axes',
      () => roll(x(), 1, [0, 1]),
      ConfigError,
      'roll: expected integers, as many as axes, got 1 for [0, 1]',
    ],
    [
      'tril of a vector',
      () => tril(zeros([3])),
      ShapeError,
      'tril: expected a matrix or a batch of them, got float32 tensor [3]',
    ],
    [
      'triu(x, 0.5)',
      () => triu(x(), 0.5),
      ConfigError,
      'triu: the diagonal must be an integer from -2147483648 to 2147483648, got 0.5',
    ],
    [
      'maskedFill by floats',
      () => maskedFill(x(), x(), 1),
      DTypeError,
      'maskedFill: expected a bool mask, got float32 tensor [2,3]',
    ],
    [
      'maskedFill without a value',
      () => call(maskedFill, x(), tensor([true])),
      DTypeError,
      'maskedFill: expected a tensor or a number for value, got undefined',
    ],
    [
      'maskedFill with a vector',
      () => maskedFill(x(), tensor([true]), tensor([1, 2, 3])),
      ShapeError,
      'maskedFill: expected a number or a tensor of shape [] as the value, got float32 tensor [3]; where(mask, value, x) takes any',
    ],
    [
      'maskedFill by a mask of another shape',
      () => maskedFill(x(), tensor([true, false]), 1),
      ShapeError,
      'maskedFill: shapes [2] and [2,3] do not broadcast: axis -1 has 2 and 3; equal sizes, or a 1, would do',
    ],
    [
      'maskedFill of integers by a fraction',
      () => maskedFill(matrix('int32'), tensor([true]), 0.5),
      DTypeError,
      "maskedFill: int32 holds integers from -2147483648 to 2147483647, got 0.5; cast the tensor first, as cast(x, 'float64')",
    ],
  ]);
});
