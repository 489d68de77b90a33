import {
  DTypeError,
  Generator,
  heapStats,
  randn,
  Scope,
  Tape,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import {
  Hardsigmoid,
  hardsigmoid,
  Hardswish,
  hardswish,
  ReLU6,
  relu6,
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
};

const units = Object.entries(UNITS).map(([name, unit]) => ({ name, ...unit }));

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
      units.map(({ name, fn }) => [
        `integers for ${name}`,
        [
          () => fn(zeros([2], { dtype: 'int32' })),
          DTypeError,
          `${name}: expected a float tensor, got int32 tensor [2]; cast it first`,
        ],
      ]),
    ),
  );
});
