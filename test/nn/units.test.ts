import {
  DTypeError,
  Generator,
  grad,
  heapStats,
  logSoftmax,
  randn,
  Scope,
  ShapeError,
  sum,
  Tape,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import {
  ELU,
  elu,
  Hardsigmoid,
  hardsigmoid,
  Hardswish,
  hardswish,
  LogSoftmax,
  Mish,
  mish,
  PReLU,
  prelu,
  ReLU6,
  relu6,
  SELU,
  selu,
  Softplus,
  softplus,
  type Layer,
} from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { gradchecks } from '../support/gradchecks.js';
import { refuse } from '../support/refuse.js';

interface Unit {
  readonly fn: (x: Tensor) => Tensor;
  readonly layer: () => Layer;
  /** Inputs, and what the function and its derivative are there. */
  readonly answers: readonly (readonly [x: number, out: number, slope: number])[];
}

const [oo, nan] = [Infinity, NaN];

const UNITS: Readonly<Record<string, Unit>> = {
  relu6: {
    fn: relu6,
    layer: () => new ReLU6(),
    answers: [
      [-oo, 0, 0],
      [0, 0, 0],
      [2, 2, 1],
      [6, 6, 0],
      [oo, 6, 0],
      [nan, nan, 0],
    ],
  },
  hardsigmoid: {
    fn: hardsigmoid,
    layer: () => new Hardsigmoid(),
    answers: [
      [-oo, 0, 0],
      [-3, 0, 0],
      [0, 0.5, 1 / 6],
      [3, 1, 0],
      [oo, 1, 0],
      [nan, nan, 0],
    ],
  },
  hardswish: {
    fn: hardswish,
    layer: () => new Hardswish(),
    answers: [
      [-oo, 0, 0],
      [-3, 0, 0],
      [0, 0, 0.5],
      [1.5, 1.125, 1],
      [3, 3, 1],
      [1e38, 1e38, 1],
      [oo, oo, 1],
    ],
  },
  elu: {
    fn: elu,
    layer: () => new ELU(),
    answers: [
      [-oo, -1, 0],
      [-1, 1 / Math.E - 1, 1 / Math.E],
      [-1e-6, Math.expm1(-1e-6), Math.exp(-1e-6)],
      [0, 0, 1],
      [1000, 1000, 1],
      [oo, oo, 1],
    ],
  },
  'elu with alpha 2': {
    fn: (x) => elu(x, { alpha: 2 }),
    layer: () => new ELU({ alpha: 2 }),
    answers: [
      [-1, 2 / Math.E - 2, 2 / Math.E],
      [0, 0, 2],
      [3, 3, 1],
    ],
  },
  selu: {
    fn: selu,
    layer: () => new SELU(),
    answers: [
      [-oo, -1.7580993408473766, 0],
      [0, 0, 1.7580993408473766],
      [2, 2.1014019747109609, 1.0507009873554805],
      [oo, oo, 1.0507009873554805],
    ],
  },
  mish: {
    fn: mish,
    layer: () => new Mish(),
    answers: [
      [-oo, 0, 0],
      [-1000, 0, 0],
      // So small that tanh(u) is u and ln(1 + u) is u.
      [-40, -40 * Math.exp(-40), -39 * Math.exp(-40)],
      [0, 0, 0.6],
      [50, 50, 1],
      [1e38, 1e38, 1],
      [oo, oo, 1],
    ],
  },
  softplus: {
    fn: softplus,
    layer: () => new Softplus(),
    answers: [
      [-oo, 0, 0],
      [-30, Math.log1p(Math.exp(-30)), 1 / (1 + Math.exp(30))],
      [0, Math.LN2, 0.5],
      [20, Math.log1p(Math.exp(20)), 1 / (1 + Math.exp(-20))],
      [21, 21, 1],
      [oo, oo, 1],
      [nan, nan, nan],
    ],
  },
  'softplus with beta 4 and a threshold of 1000': {
    fn: (x) => softplus(x, { beta: 4, threshold: 1000 }),
    layer: () => new Softplus({ beta: 4, threshold: 1000 }),
    answers: [
      [-1, Math.log1p(Math.exp(-4)) / 4, 1 / (1 + Math.exp(4))],
      [0, Math.LN2 / 4, 0.5],
      [30, 30, 1],
      [1e38, 1e38, 1],
    ],
  },
};

const units = Object.entries(UNITS).map(([name, unit]) => ({ name, ...unit }));

/** Those whose slope is not constant in pieces, so that it has a gradient. */
const curved = units.filter(({ name }) => name !== 'relu6' && name !== 'hardsigmoid');

describe('gradcheck', () => {
  it.each(units)('$name', ({ fn }) => {
    using _scope = new Scope();
    const random = { dtype: 'float64', generator: new Generator(6), requiresGrad: true } as const;
    gradchecks((x) => fn(x as Tensor), [randn([4, 7], random)]);
  });
});

onEveryEngine('a unit', ({ dtype }) => {
  it.each(units)('$name has known answers at kinks and limits', ({ fn, answers }) => {
    using tape = new Tape();
    const x = tensor(
      answers.map(([at]) => at),
      undefined,
      { dtype, requiresGrad: true },
    );
    const out = fn(x);
    tape.backward(out, tensor(new Array(answers.length).fill(1), undefined, { dtype }));
    const tolerance = dtype === 'float32' ? { rtol: 4e-7, atol: 1e-30 } : { rtol: 1e-14, atol: 0 };
    expectClose(
      out.data,
      answers.map(([, value]) => value),
      tolerance,
    );
    expectClose(
      x.grad?.data ?? [],
      answers.map(([, , slope]) => slope),
      tolerance,
    );
  });

  it.each(curved)('$name is straight far from 0: the second derivative is 0 there', ({ fn }) => {
    using _tape = new Tape();
    const far = [-oo, -1e38, -1000, -200, 200, 1000, 1e38, oo];
    const x = tensor(far, undefined, { dtype, requiresGrad: true });
    const slope = grad(sum(fn(x)), x, { createGraph: true });
    const bend = grad(sum(slope), x);
    expectClose(bend.data, new Array(far.length).fill(0), { rtol: 0, atol: 1e-30 });
  });

  it.each(units)('$name as a layer does what the function does', ({ fn, layer }) => {
    using _scope = new Scope();
    const x = randn([2, 3, 5], { dtype, generator: new Generator(8) });
    expect(layer().forward(x).data).toEqual(fn(x).data);
    expect(fn(zeros([2, 0], { dtype })).shape).toEqual([2, 0]);
  });
});

describe('a unit', () => {
  it.each(units)('$name leaves nothing on the heap but its result', ({ fn }) => {
    const x = randn([5]);
    const before = heapStats().liveTensors;
    const out = fn(x);
    expect(heapStats().liveTensors).toBe(before + 1);
    out.dispose();
    x.dispose();
  });

  refuse(
    Object.fromEntries(
      Object.entries({ relu6, hardsigmoid, hardswish, elu, selu, mish, softplus }).map(
        ([name, fn]) => [
          `integers for ${name}`,
          [
            () => fn(zeros([2], { dtype: 'int32' })),
            DTypeError,
            `${name}: expected a float tensor, got int32 tensor [2]; cast it first`,
          ],
        ],
      ),
    ),
  );
});

describe('prelu', () => {
  it('gives x without axes its shape', () => {
    expect(prelu(tensor(-2), tensor([0.25])).toArray()).toBe(-0.5);
  });

  it.each([
    ['a factor for each channel', [3, 4, 2], [4]],
    ['one factor', [3, 4, 2], [1]],
    ['one factor of rows', [5, 3], [1]],
    ['one factor of a scalar', [], [1]],
    ['a factor for each column', [5, 3], [3]],
  ])('gradcheck with %s', (_, shape, places) => {
    using _scope = new Scope();
    const random = { dtype: 'float64', generator: new Generator(6), requiresGrad: true } as const;
    gradchecks(
      (x, weight) => prelu(x as Tensor, weight as Tensor),
      [randn(shape, random), randn(places, random)],
    );
  });

  it('gives each channel its factor, and the factor the sum of what is below 0', () => {
    using tape = new Tape();
    const x = tensor([-2, 0, -oo, oo, nan, -1], [1, 3, 2], { requiresGrad: true });
    const layer = new PReLU({ numParameters: 3 });
    layer.weight.update((data) => data.set([0.25, 0.5, -1]));
    const out = layer.forward(x);
    tape.backward(out, tensor([1, 1, 1, 1, 1, 1], [1, 3, 2]));
    expect([...out.data]).toEqual([-0.5, 0, -oo, oo, nan, 1]);
    expect(x.grad?.toArray()).toEqual([
      [
        [0.25, 0.25],
        [0.5, 1],
        [-1, -1],
      ],
    ]);
    expect(layer.weight.grad?.toArray()).toEqual([-2, -oo, nan]);
    layer.dispose();
  });

  refuse({
    'factors of another number of channels': [
      () => prelu(zeros([2, 3]), zeros([2])),
      ShapeError,
      'prelu: x [2,3] expects weight [1] or [3], got [2]',
    ],
    'several factors of a vector': [
      () => prelu(zeros([3]), zeros([3])),
      ShapeError,
      'prelu: x [3] expects weight [1], got [3]',
    ],
  });
});

describe('LogSoftmax', () => {
  it('does what logSoftmax does, along the last axis or another', () => {
    using _scope = new Scope();
    const x = randn([2, 3, 4]);
    expect(new LogSoftmax().forward(x).data).toEqual(logSoftmax(x, 2).data);
    expect(new LogSoftmax(1).forward(x).data).toEqual(logSoftmax(x, 1).data);
    expect(String(new LogSoftmax(1))).toBe('LogSoftmax(axis=1)');
  });
});
