import * as core from '@unfold/core';
import {
  add,
  argmax,
  clamp,
  concat,
  ConfigError,
  DTypeError,
  leakyRelu,
  logSoftmax,
  matmul,
  max,
  mean,
  min,
  ones,
  pad,
  Parameter,
  permute,
  reshape,
  Scope,
  slice,
  softmax,
  sum,
  Tape,
  tensor,
  UnfoldError,
  where,
  zeros,
  ShapeError,
} from '@unfold/core';
import { describe, expect, it } from 'vitest';
import { call, type Misuse, refuseMisuses, strangeErrors } from '../support/misuse.js';

/*
 * What a plain JavaScript program may call: no type checker has seen it. Nothing that it says is
 * passed over, and what is thrown names the right call.
 */

/** No padding for a matrix. */
const NONE = [
  [0, 0],
  [0, 0],
];
const x = (): core.Tensor =>
  tensor([
    [1, 2],
    [3, 4],
  ]);

describe('a call that is wrong is an error that names the right one', () => {
  const cases: readonly Misuse[] = [
    [
      'add(x, [1, 2])',
      () => call(add, x(), [1, 2]),
      DTypeError,
      'add: expected a tensor or a number for b, got [1, 2]; tensor(data) makes one',
    ],
    [
      "add(x, '1')",
      () => call(add, x(), '1'),
      DTypeError,
      "add: expected a tensor or a number for b, got '1'",
    ],
    [
      'ge(x, [1])',
      () => call(core.ge, x(), [1]),
      DTypeError,
      'ge: expected a tensor or a number for b, got [1]; tensor(data) makes one',
    ],
    [
      'le(true, x)',
      () => call(core.le, true, x()),
      DTypeError,
      'le: expected a tensor or a number for a, got true; tensor(data) makes one',
    ],
    [
      'logicalAnd(x, true)',
      () => call(core.logicalAnd, x(), true),
      DTypeError,
      'logicalAnd: expected a tensor or a number for b, got true; tensor(data) makes one',
    ],
    [
      'logicalNot(true)',
      () => call(core.logicalNot, true),
      DTypeError,
      'logicalNot: expected a tensor for x, got true; tensor(data) makes one',
    ],
    [
      'isNaN(NaN)',
      () => call(core.isNaN, NaN),
      DTypeError,
      'isNaN: expected a tensor for x, got NaN; tensor(data) makes one',
    ],
    [
      'any(x, { dim: 1 })',
      () => call(core.any, x(), { dim: 1 }),
      ConfigError,
      "any: unknown option 'dim'; did you mean axis? The options are axis, keepdim",
    ],
    [
      'countNonzero(x, 1, true)',
      () => call(core.countNonzero, x(), 1, true),
      ConfigError,
      'countNonzero: expected options as an object, such as { keepdim: true }, got true',
    ],
    [
      'argmin over two axes',
      () => call(core.argmin, zeros([2, 2, 2]), [0, 1]),
      ConfigError,
      'argmin: expected one axis, or none for all, got [0, 1]',
    ],
    [
      'sin(1)',
      () => call(core.sin, 1),
      DTypeError,
      'sin: expected a tensor for x, got 1; tensor(data) makes one',
    ],
    [
      'floor([1.5])',
      () => call(core.floor, [1.5]),
      DTypeError,
      'floor: expected a tensor for x, got [1.5]; tensor(data) makes one',
    ],
    [
      'square of bool',
      () => core.square(tensor([true])),
      DTypeError,
      'square: bool has no arithmetic, got bool tensor [1]; cast it first',
    ],
    [
      "atan2(x, '1')",
      () => call(core.atan2, x(), '1'),
      DTypeError,
      "atan2: expected a tensor or a number for b, got '1'",
    ],
    [
      'remainder(null, x)',
      () => call(core.remainder, null, x()),
      DTypeError,
      'remainder: expected a tensor or a number for a, got null',
    ],
    [
      'floorDivide of integers by 0',
      () => core.floorDivide(tensor([7, 8], [2], { dtype: 'int32' }), 0),
      DTypeError,
      "floorDivide: int32 holds no quotient by 0, got 0 at element 0 of b; cast(x, 'float64') has NaN and infinities",
    ],
    [
      'clip(x, 0, 1)',
      () => call(core.clip, x(), 0, 1),
      ConfigError,
      'clamp: expected { min, max }, or one of them, got 0; clamp(x, { min: 0, max: 1 })',
    ],
    [
      'prod(x, { dim: 1 })',
      () => call(core.prod, x(), { dim: 1 }),
      ConfigError,
      "prod: unknown option 'dim'; did you mean axis? The options are axis, keepdim",
    ],
    [
      'variance(x, 0, { unbiased })',
      () => call(core.variance, x(), 0, { unbiased: false }),
      ConfigError,
      "variance: unknown option 'unbiased'; the options are keepdim, correction",
    ],
    [
      'std(x, { correction: true })',
      () => call(core.std, x(), { correction: true }),
      ConfigError,
      'std: correction must be a finite number of at least 0, got true',
    ],
    [
      'norm(x, 1, 2)',
      () => call(core.norm, x(), 1, 2),
      ConfigError,
      'norm: expected options as an object, such as { keepdim: … }, got 2; the options are keepdim, p',
    ],
    [
      "norm(x, { p: 'fro' })",
      () => call(core.norm, x(), { p: 'fro' }),
      ConfigError,
      "norm: p must be a number that is not NaN, got 'fro'",
    ],
    [
      'logSumExp of integers',
      () => core.logSumExp(tensor([1, 2], [2], { dtype: 'int32' })),
      DTypeError,
      'logSumExp: expected a float tensor, got int32 tensor [2]; cast it first',
    ],
    [
      'relu of an array',
      () => call(core.relu, new Float32Array(2)),
      DTypeError,
      'relu: expected a tensor for x, got a Float32Array; tensor(data, shape) makes one',
    ],
    [
      'tape.backward(3)',
      () => Tape.run((tape) => call(tape.backward.bind(tape), 3)),
      DTypeError,
      'backward: expected a tensor for the loss, got 3; tensor(data) makes one',
    ],
    [
      'new Parameter([1])',
      () => Reflect.construct(Parameter, [[1]]) as unknown,
      DTypeError,
      'Parameter: expected a tensor for initial, got [1]; tensor(data) makes one',
    ],
    [
      'reshape(x, 4, 1)',
      () => call(reshape, x(), 4, 1),
      ConfigError,
      'reshape: expected a shape, such as [2, -1], got 4',
    ],
    [
      'permute(x, 1, 0)',
      () => call(permute, x(), 1, 0),
      ConfigError,
      'permute: expected a list of axes, such as [1, 0], got 1',
    ],
    [
      'pad(x, 1)',
      () => call(pad, x(), 1),
      ConfigError,
      'pad: expected a pair for each axis, such as [[1, 1], [0, 0]], got 1',
    ],
    [
      "pad(x, padding, 'reflect')",
      () => call(pad, x(), NONE, 'reflect'),
      ConfigError,
      "pad: expected options as an object, such as { mode: … }, got 'reflect'; the options are mode, value",
    ],
    [
      "pad(x, padding, { mode: 'zeros' })",
      () => call(pad, x(), NONE, { mode: 'zeros' }),
      ConfigError,
      "pad: mode must be 'constant', 'reflect', 'replicate' or 'circular', got 'zeros'",
    ],
    [
      "pad(x, padding, { value: '1' })",
      () => call(pad, x(), NONE, { value: '1' }),
      ConfigError,
      "pad: value must be a number, got '1'",
    ],
    [
      "pad(x, padding, { mode: 'reflect', value: 0 })",
      () => call(pad, x(), NONE, { mode: 'reflect', value: 0 }),
      ConfigError,
      "pad: mode 'reflect' takes no value, got 0; leave it out",
    ],
    [
      'concat(a, b)',
      () => call(concat, x(), x()),
      ConfigError,
      'concat: expected a list of tensors, such as [a, b], got a float32 tensor [2,2]',
    ],
    [
      'concat([a, 1])',
      () => call(concat, [x(), 1]),
      DTypeError,
      'concat: expected a tensor for tensors[1], got 1; tensor(data) makes one',
    ],
    [
      'slice(x, [1])',
      () => call(slice, x(), [1]),
      ConfigError,
      'slice: expected [start, end], [start, end, step] or null for axis 0, got 1',
    ],
    [
      'slice(x, 1)',
      () => call(slice, x(), 1),
      ConfigError,
      'slice: expected a list with a range for each axis, such as [[0, 2], null], got 1',
    ],
    [
      'tensor(tensor)',
      () => call(tensor, x()),
      DTypeError,
      'tensor: expected numbers, got a float32 tensor [2,2]; it is one already, clone(x) copies it',
    ],
    [
      "tensor(['1'])",
      () => call(tensor, ['1']),
      DTypeError,
      "tensor: expected numbers or booleans, got '1'",
    ],
    [
      'tensor([1n])',
      () => call(tensor, [1n]),
      DTypeError,
      'tensor: expected numbers or booleans, got 1n',
    ],
    [
      "ones([2], 'int32')",
      () => call(ones, [2], 'int32'),
      ConfigError,
      "ones: expected options as an object, such as { dtype: … }, got 'int32'; the options are dtype, requiresGrad",
    ],
    [
      'tensor(…, { dType })',
      () => call(tensor, [1], [1], { dType: 'int32' }),
      ConfigError,
      "tensor: unknown option 'dType'; did you mean dtype? The options are dtype, requiresGrad",
    ],
    [
      'sum(x, { dim: 1 })',
      () => call(sum, x(), { dim: 1 }),
      ConfigError,
      "sum: unknown option 'dim'; did you mean axis? The options are axis, keepdim",
    ],
    [
      'sum(x, 1, { keepDims })',
      () => call(sum, x(), 1, { keepDims: true }),
      ConfigError,
      "sum: unknown option 'keepDims'; did you mean keepdim? The options are keepdim",
    ],
    [
      'sum(x, 1, true)',
      () => call(sum, x(), 1, true),
      ConfigError,
      'sum: expected options as an object, such as { keepdim: true }, got true',
    ],
    [
      'mean with options twice',
      () => call(mean, x(), { axis: 1 }, { keepdim: true }),
      ConfigError,
      'mean: expected options once, got { axis: 1 } and { keepdim: true }; mean(x, axis, { keepdim })',
    ],
    [
      'max(a, b)',
      () => call(max, x(), x()),
      ConfigError,
      'max: expected an axis or axes, got a float32 tensor [2,2]; maximum(a, b) compares two tensors',
    ],
    [
      "min(x, '1')",
      () => call(min, x(), '1'),
      ConfigError,
      "min: expected options as an object, such as { axis: … }, got '1'; the options are axis, keepdim",
    ],
    [
      'argmax over two axes',
      () => call(argmax, zeros([2, 2, 2]), [0, 1]),
      ConfigError,
      'argmax: expected one axis, or none for all, got [0, 1]',
    ],
    [
      'softmax(x, { axis: 1 })',
      () => call(softmax, x(), { axis: 1 }),
      ConfigError,
      'softmax: expected an axis, a number, got { axis: 1 }; the axis is the second argument',
    ],
    [
      'leakyRelu(x, 0.3)',
      () => call(leakyRelu, x(), 0.3),
      ConfigError,
      'leakyRelu: expected options as an object, such as { slope: 0.3 }, got 0.3',
    ],
    [
      'leakyRelu(x, { negative_slope })',
      () => call(leakyRelu, x(), { negative_slope: 0.3 }),
      ConfigError,
      "leakyRelu: unknown option 'negative_slope'; did you mean slope? The options are slope",
    ],
    [
      'clamp(x, 0, 1)',
      () => call(clamp, x(), 0, 1),
      ConfigError,
      'clamp: expected { min, max }, or one of them, got 0; clamp(x, { min: 0, max: 1 })',
    ],
    [
      "an option by the name of every object's method",
      () => call(leakyRelu, x(), { toString: 0.3 }),
      ConfigError,
      "leakyRelu: unknown option 'toString'; the options are slope",
    ],
    [
      'matmul(x, w, true)',
      () => call(matmul, x(), x(), true),
      ConfigError,
      'matmul: expected options as an object, such as { transposeA: … }, got true; the options are transposeA, transposeB',
    ],
    [
      'where(true, …)',
      () => call(where, true, x(), x()),
      DTypeError,
      'where: expected a tensor for condition, got true; tensor(data) makes one',
    ],
    [
      'zeros(2)',
      () => call(zeros, 2),
      ShapeError,
      'zeros: expected a shape, a list of dimensions, got 2; write [2]',
    ],
    [
      'Scope.run without a function',
      () => call(Scope.run.bind(Scope), 3),
      ConfigError,
      'Scope.run: expected a function, got 3',
    ],
  ];

  refuseMisuses(cases);
});

describe('the axis is the second argument everywhere', () => {
  const cube = (): core.Tensor => reshape(core.arange(8), [2, 2, 2]);

  it.each([
    ['sum', sum],
    ['mean', mean],
    ['max', max],
    ['min', min],
    ['any', core.any],
    ['all', core.all],
    ['countNonzero', core.countNonzero],
    ['prod', core.prod],
    ['variance', core.variance],
    ['std', core.std],
    ['norm', core.norm],
    ['logSumExp', core.logSumExp],
  ])('%s', (_name, reduce) => {
    using _scope = new Scope();
    expect(reduce(cube(), 1).toArray()).toEqual(reduce(cube(), { axis: 1 }).toArray());
    expect(reduce(cube(), [0, -1]).toArray()).toEqual(reduce(cube(), { axis: [0, 2] }).toArray());
    expect(reduce(cube(), 1, { keepdim: true }).shape).toEqual([2, 1, 2]);
    expect(reduce(cube(), undefined, { keepdim: true }).shape).toEqual([1, 1, 1]);
  });

  it('argmax, argmin, softmax and logSoftmax', () => {
    using _scope = new Scope();
    expect(argmax(cube(), 1).toArray()).toEqual(argmax(cube(), { axis: 1 }).toArray());
    expect(core.argmin(cube(), 1).toArray()).toEqual(core.argmin(cube(), { axis: 1 }).toArray());
    expect(argmax(cube(), -1, { keepdim: true }).shape).toEqual([2, 2, 1]);
    for (const total of sum(softmax(cube(), 1), 1).toTypedArray()) expect(total).toBeCloseTo(1, 6);
    expect(logSoftmax(cube(), 1).shape).toEqual([2, 2, 2]);
  });
});

describe('whatever the arguments are', () => {
  const functions = Object.entries(core).filter(
    ([name, value]) =>
      typeof value === 'function' &&
      !/^[A-Z]/.test(name) &&
      // These change the process, or wait; the last is for shapes that were checked.
      !['configureEngine', 'profile', 'findLeaks', 'manualSeed', 'setRngState', 'sizeOf'].includes(
        name,
      ),
  );

  it.each(functions)('%s throws errors of ours only', { timeout: 60_000 }, (_name, fn) => {
    expect(strangeErrors((...args) => call(fn as Function, ...args), 3)).toEqual([]);
    expect(strangeErrors((...args) => call(fn as Function, args), 3)).toEqual([]);
  });

  it('the functions that wait do so, too', async () => {
    for (const value of [3, null, 'x', [], {}]) {
      await expect(call(core.profile, value)).rejects.toBeInstanceOf(UnfoldError);
      await expect(call(core.findLeaks, value)).rejects.toBeInstanceOf(UnfoldError);
      expect(() => call(core.manualSeed, value === 3 ? -1 : value)).toThrow(UnfoldError);
      expect(() => call(core.setRngState, value)).toThrow(UnfoldError);
    }
    for (const value of [3, null, 'x', [], { thread: 2 }]) {
      await expect(call(core.configureEngine, value)).rejects.toBeInstanceOf(ConfigError);
    }
  });
});
