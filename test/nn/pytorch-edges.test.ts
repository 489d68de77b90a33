import * as core from '@unfold/core';
import { configureEngine, Tape, type Tensor } from '@unfold/core';
import { bceWithLogits, crossEntropy, huber, mseLoss, smoothL1 } from '@unfold/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectTensor,
  loadFixture,
  tensorOf,
  VARIANTS,
  type FixtureArray,
  type LayerCase,
} from '../support/fixtures/fixtures.js';

const { cases } = loadFixture('edges');

type Operation = (given: readonly Tensor[], options: LayerCase['options']) => Tensor;

const first = ([x]: readonly Tensor[]): Tensor => {
  if (!x) throw new Error('the fixture lacks an input');
  return x;
};

const unary =
  (fn: (x: Tensor) => Tensor): Operation =>
  (given) =>
    fn(first(given));

const binary =
  (fn: (a: Tensor, b: Tensor, options: LayerCase['options']) => Tensor): Operation =>
  ([a, b], options) =>
    fn(first(a ? [a] : []), first(b ? [b] : []), options);

const OPERATIONS: Readonly<Record<string, Operation>> = {
  neg: unary(core.neg),
  exp: unary(core.exp),
  log: unary(core.log),
  sqrt: unary(core.sqrt),
  abs: unary(core.abs),
  relu: unary(core.relu),
  leakyRelu: unary(core.leakyRelu),
  sigmoid: unary(core.sigmoid),
  tanh: unary(core.tanh),
  silu: unary(core.silu),
  gelu: (given, options) => core.gelu(first(given), options),
  clamp: (given, options) => core.clamp(first(given), options),
  softmax: unary(core.softmax),
  logSoftmax: unary(core.logSoftmax),
  add: binary(core.add),
  sub: binary(core.sub),
  mul: binary(core.mul),
  div: binary(core.div),
  pow: binary(core.pow),
  maximum: binary(core.maximum),
  minimum: binary(core.minimum),
  mseLoss: binary(mseLoss),
  huber: binary(huber),
  smoothL1: binary(smoothL1),
  crossEntropy: binary(crossEntropy),
  bceWithLogits: ([x, target, posWeight], options) =>
    binary((a, b) => bceWithLogits(a, b, posWeight ? { ...options, posWeight } : options))(
      [x, target].filter((given) => given !== undefined),
      options,
    ),
};

/** What `dtype` holds of a float64 result: an infinity for what is too large. */
function rounded(array: FixtureArray, dtype: 'float32' | 'float64'): FixtureArray {
  return dtype === 'float64' ? array : { ...array, data: array.data.map(Math.fround) };
}

describe.each(VARIANTS)('at the edges of floats, $dtype on $kernels', ({ kernels, dtype }) => {
  // A result is right to the last digits wherever it lies; below the normal numbers its factors have
  // a rounding of their own, hence the share of the smallest number. A gradient that is made of
  // the result, such as out·(1 - out), and a logarithm of a sum near 1 lose what lies below 1.
  const [rtol, smallest, lost] = dtype === 'float64' ? [1e-13, 1e-320, 1e-15] : [4e-6, 2e-43, 1e-6];
  const logarithms = new Set(['logSoftmax', 'crossEntropy']);

  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  const held = cases.filter(({ name }) => dtype === 'float64' || !name.endsWith('float64'));

  it.each(held)('$name', (given) => {
    using tape = new Tape();
    const inputs = Object.entries(given.inputs).map(
      ([name, array]) => [name, tensorOf(array, dtype, { requiresGrad: true })] as const,
    );
    const constants = Object.entries(given.constants).map(([name, array]) =>
      tensorOf(array, name === 'target' ? 'int32' : dtype),
    );
    const operation = OPERATIONS[given.op];
    if (!operation) throw new Error(`the test does not know ${given.op}`);
    const tensors = inputs.map(([, x]) => x);
    const out = operation([...tensors, ...constants], given.options);
    tape.backward(out, tensorOf(given.dOut, dtype));

    const atol = logarithms.has(given.op) ? lost : smallest;
    expectTensor('out', out, rounded(given.out, dtype), { rtol, atol });
    for (const [name, x] of inputs) {
      const expected = given.gradients[name];
      const gradient = expected && rounded(expected, dtype);
      expectTensor(`gradient by ${name}`, x.grad, gradient, { rtol, atol: lost });
    }
  });

  it('has cases of every operation', () => {
    expect(new Set(cases.map(({ op }) => op))).toEqual(new Set(Object.keys(OPERATIONS)));
  });
});
