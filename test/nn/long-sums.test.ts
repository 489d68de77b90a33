import { mean, mul, sum, Tape, tensor, type Tensor } from '@unfold/core';
import {
  adaptiveAvgPool2d,
  avgPool2d,
  batchNorm,
  bceWithLogits,
  conv2d,
  convTranspose2d,
  crossEntropy,
  huber,
  layerNorm,
  Linear,
  mseLoss,
  nllLoss,
  smoothL1,
} from '@unfold/nn';
import { describe, expect, it } from 'vitest';

/*
 * Sums of very many terms, as users meet them: the mean over a large batch, the gradient of what a
 * large batch shares. Equal terms all round to the same side; one by one in single precision they
 * come out hundreds of units of 2⁻²⁴ wrong.
 */

const U = 2 ** -24;
const n = 300_001;
const TENTH = Math.fround(0.1);

const filled = (shape: readonly number[], ...values: number[]): Tensor => {
  const size = shape.reduce((product, dim) => product * dim, 1);
  const data = Float32Array.from({ length: size }, (_, i) => values[i % values.length] ?? 0);
  return tensor(data, shape);
};

function expectUnits(actual: Tensor, right: number, units = 12): void {
  expect(actual.size).toBeGreaterThan(0);
  let worst = 0;
  for (const value of actual.toTypedArray()) worst = Math.max(worst, Math.abs(value / right - 1));
  expect(worst / U).toBeLessThan(units);
}

describe('sum and mean', () => {
  it.each([
    { name: 'all axes', shape: [n], axis: [0] },
    { name: 'axis 0', shape: [n, 3], axis: [0] },
    { name: 'the middle axis', shape: [2, n, 3], axis: [1] },
    { name: 'the last axis', shape: [2, n], axis: [1] },
    { name: 'two axes apart', shape: [601, 3, 500], axis: [0, 2] },
  ])('over $name', ({ shape, axis }) => {
    const x = filled(shape, TENTH);
    const count = axis.reduce((product, at) => product * (shape[at] ?? 0), 1);
    expectUnits(sum(x, { axis }), TENTH * count);
    expectUnits(mean(x, { axis }), TENTH);
  });

  it('of a million rows', () => {
    expectUnits(sum(filled([1_000_000, 2], TENTH), { axis: 0 }), 1e6 * TENTH);
  });
});

describe('gradients that a whole batch adds to', () => {
  it("Linear's bias", () => {
    const layer = new Linear(1, 2);
    using tape = new Tape();
    const out = layer.forward(filled([n, 1], 1));
    tape.backward(out, filled([n, 2], TENTH));
    expectUnits(layer.bias?.grad as Tensor, n * TENTH);
  });

  it('a factor that is broadcast', () => {
    const factor = tensor([2, 3], [2], { requiresGrad: true });
    using tape = new Tape();
    const out = mul(filled([n, 2], 1), factor);
    tape.backward(out, filled([n, 2], TENTH));
    expectUnits(factor.grad as Tensor, n * TENTH);
  });

  it.each([
    { name: 'conv2d', op: conv2d },
    { name: 'convTranspose2d', op: convTranspose2d },
  ])("$name's bias", ({ op }) => {
    for (const shape of [
      [1, 1, 601, 500],
      [n, 1, 1, 1],
    ]) {
      const bias = tensor([0], [1], { requiresGrad: true });
      using tape = new Tape();
      const out = op(filled(shape, 1), filled([1, 1, 1, 1], 1), bias);
      tape.backward(out, filled(shape, TENTH));
      expectUnits(bias.grad as Tensor, shape.reduce((a, b) => a * b) * TENTH);
    }
  });

  it("batchNorm's and layerNorm's bias", () => {
    const shape = [n, 2];
    const bias = tensor([0, 0], [2], { requiresGrad: true });
    for (const op of [
      (x: Tensor) => batchNorm(x, null, null, { bias, training: true }),
      (x: Tensor) => layerNorm(x, 2, { bias }),
    ]) {
      using tape = new Tape();
      tape.backward(op(filled(shape, -1, 1)), filled(shape, TENTH));
      expectUnits(bias.grad as Tensor, n * TENTH);
      bias.grad = null;
    }
  });

  it("batchNorm's and layerNorm's weight", () => {
    const normalise = {
      batchNorm: (x: Tensor, weight: Tensor, bias: Tensor) =>
        batchNorm(x, null, null, { weight, bias, training: true }),
      layerNorm: (x: Tensor, weight: Tensor, bias: Tensor) => layerNorm(x, 2, { weight, bias }),
    };
    const even = n - 1;
    for (const op of Object.values(normalise)) {
      const weight = tensor([1, 1], [2], { requiresGrad: true });
      const bias = tensor([0, 0], [2]);
      using tape = new Tape();
      // Rows of -1, 1 and of 1, -1: in both directions the mean is 0 and the variance 1.
      const out = op(filled([even, 2], -1, 1, 1, -1), weight, bias);
      const normalised = Math.abs(out.toTypedArray()[0] ?? 0);
      tape.backward(out, filled([even, 2], -TENTH, TENTH, TENTH, -TENTH));
      expectUnits(weight.grad as Tensor, even * TENTH * normalised);
    }
  });
});

describe('statistics of very many values', () => {
  // Half 0.1 and half 0.3: mean 0.2, variance 0.01.
  const values = [TENTH, Math.fround(0.3)];
  const [low = 0, high = 0] = values;
  const centre = (low + high) / 2;
  const variance = ((high - low) / 2) ** 2;

  it.each([
    { name: 'rows', shape: [300_000, 3] },
    { name: 'one image', shape: [1, 3, 600, 500] },
    { name: 'many images', shape: [75_000, 3, 2, 2] },
  ])('batchNorm of $name', ({ shape }) => {
    const [runningMean, runningVar] = [filled([3], 0), filled([3], 0)];
    const x = filled(shape, ...values);
    batchNorm(x, runningMean, runningVar, { training: true, momentum: 1 });
    expectUnits(runningMean, centre);
    expectUnits(runningVar, (variance * 300_000) / 299_999, 32);
  });

  it('layerNorm of a long row', () => {
    const out = layerNorm(filled([1, 300_000], ...values), 300_000, { eps: 0 });
    // ±1, in either place.
    for (const value of new Set(out.toTypedArray())) {
      expect(Math.abs(Math.abs(value) - 1) / U).toBeLessThan(32);
    }
  });

  it('pooling over a whole image', () => {
    const image = filled([1, 1, 600, 500], TENTH);
    expectUnits(avgPool2d(image, [600, 500]), TENTH);
    expectUnits(adaptiveAvgPool2d(image, 1), TENTH);
  });
});

describe('the mean loss over a large batch', () => {
  const labels = tensor(new Int32Array(n), [n], { dtype: 'int32' });
  const none = tensor(new Float32Array(n), [n]);
  const x = filled([n], TENTH);
  const logProb = Math.fround(Math.log(0.9));
  const rows = filled([n, 2], logProb, Math.fround(Math.log(0.1)));

  it.each<[string, () => Tensor, number]>([
    ['mseLoss', () => mseLoss(x, none), TENTH ** 2],
    ['huber', () => huber(x, none), TENTH ** 2 / 2],
    ['smoothL1', () => smoothL1(x, none), TENTH ** 2 / 2],
    ['bceWithLogits', () => bceWithLogits(x, none), Math.log(1 + Math.exp(TENTH))],
    ['nllLoss', () => nllLoss(rows, labels), -logProb],
    ['crossEntropy', () => crossEntropy(rows, labels), -Math.log(0.9)],
    [
      'crossEntropy with class weights',
      () => crossEntropy(rows, labels, { weight: filled([2], TENTH) }),
      -Math.log(0.9),
    ],
    [
      'crossEntropy with label smoothing',
      () => crossEntropy(rows, labels, { labelSmoothing: 0.5 }),
      -0.75 * Math.log(0.9) - 0.25 * Math.log(0.1),
    ],
  ])('%s', (_, loss, right) => {
    expectUnits(loss(), right, 24);
  });
});
