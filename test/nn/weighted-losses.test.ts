import {
  ConfigError,
  DTypeError,
  Generator,
  logSoftmax,
  randn,
  Scope,
  ShapeError,
  softmax,
  sum,
  Tape,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import {
  bceWithLogits,
  BCEWithLogitsLoss,
  crossEntropy,
  CrossEntropyLoss,
  huber,
  HuberLoss,
  nllLoss,
  NLLLoss,
  smoothL1,
  SmoothL1Loss,
  type CrossEntropyOptions,
} from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { refuse } from '../support/refuse.js';
import { gradchecks } from '../support/gradchecks.js';

const labels = (...values: number[]): Tensor => tensor(Int32Array.from(values));

function leaf(shape: readonly number[], seed: number): Tensor {
  return randn(shape, { dtype: 'float64', generator: new Generator(seed), requiresGrad: true });
}

/** Of three classes, the last axis. */
function probabilities(shape: readonly number[], seed: number): Tensor {
  const target = softmax(leaf(shape, seed), -1);
  target.requiresGrad = true;
  return target;
}

describe('gradcheck', () => {
  const reductions = ['mean', 'sum', 'none'] as const;

  it.each(reductions)(
    'crossEntropy and nllLoss with weights and ignored labels, %s',
    (reduction) => {
      using _scope = new Scope();
      const weight = tensor([0.5, 2, 1.25], undefined, { dtype: 'float64' });
      const target = tensor(Int32Array.of(2, -100, 1, 1, 0, -100), [2, 3]);
      for (const options of [{}, { weight }, { weight, labelSmoothing: 0.3 }]) {
        gradchecks(
          (x) => crossEntropy(x as Tensor, target, { ...options, reduction }),
          [leaf([2, 3, 3], 1)],
        );
      }
      gradchecks(
        (x) => nllLoss(logSoftmax(x as Tensor, 1), target, { weight, reduction }),
        [leaf([2, 3, 3], 2)],
      );
      gradchecks(
        (...[x, y]) => crossEntropy(x as Tensor, y as Tensor, { weight, reduction }),
        [leaf([4, 3], 3), probabilities([4, 3], 4)],
      );
    },
  );

  it.each(reductions)('bceWithLogits, logits, target and posWeight, %s', (reduction) => {
    using _scope = new Scope();
    gradchecks(
      (...[x, y]) => bceWithLogits(x as Tensor, y as Tensor, { reduction }),
      [leaf([4, 3], 1), probabilities([4, 3], 2)],
    );
    gradchecks(
      (...[x, y, posWeight]) =>
        bceWithLogits(x as Tensor, y as Tensor, { reduction, posWeight: posWeight as Tensor }),
      [leaf([4, 3], 1), probabilities([4, 3], 2), leaf([3], 3)],
    );
  });

  it.each(reductions)('smoothL1 and huber, both inputs, %s', (reduction) => {
    using _scope = new Scope();
    for (const edge of [0.4, 1.7]) {
      const inputs = [leaf([3, 4], 5), leaf([3, 4], 6)];
      gradchecks(
        (...[x, y]) => smoothL1(x as Tensor, y as Tensor, { reduction, beta: edge }),
        inputs,
      );
      gradchecks(
        (...[x, y]) => huber(x as Tensor, y as Tensor, { reduction, delta: edge }),
        inputs,
      );
    }
  });
});

onEveryEngine('class weights and ignored labels', ({ dtype }) => {
  const close = dtype === 'float64' ? { rtol: 1e-12, atol: 1e-12 } : { rtol: 1e-5, atol: 1e-6 };
  const of = (data: number[] | number[][]): Tensor => tensor(data, undefined, { dtype });

  it('the mean is divided by what the labels count', () => {
    using _scope = new Scope();
    // Equal logits: every loss is log 2.
    const x = zeros([4, 2], { dtype });
    const weight = of([1, 3]);
    const loss = (options: CrossEntropyOptions): Tensor =>
      crossEntropy(x, labels(0, 1, 1, -100), options);
    expectClose(loss({ weight }).data, [Math.log(2)], close);
    expectClose(loss({ weight, reduction: 'sum' }).data, [7 * Math.log(2)], close);
    const each = [1, 3, 3, 0].map((count) => count * Math.log(2));
    expectClose(loss({ weight, reduction: 'none' }).data, each, close);
    expectClose(loss({}).data, [Math.log(2)], close);
    expectClose(loss({ reduction: 'sum' }).data, [3 * Math.log(2)], close);
  });

  it('an ignored row has loss 0 and gradient 0, however bad its logits are', () => {
    const x = tensor(
      [
        [1, 2],
        [-Infinity, 0],
        [0, 5],
      ],
      undefined,
      { dtype, requiresGrad: true },
    );
    using tape = new Tape();
    const losses = crossEntropy(x, labels(1, 7, 0), { ignoreIndex: 7, reduction: 'none' });
    expect(losses.data[1]).toBe(0);
    tape.backward(sum(losses));
    expect(Array.from(x.grad?.data.subarray(2, 4) ?? [], Math.abs)).toEqual([0, 0]);
    expect(x.grad?.data.every(Number.isFinite)).toBe(true);
  });

  it('ignores a class of uint8 labels, such as 255', () => {
    using _scope = new Scope();
    const x = of([
      [1, 2],
      [3, 0],
    ]);
    const given = tensor(Uint8Array.of(255, 0));
    const expected = crossEntropy(of([[3, 0]]), labels(0));
    expectClose(crossEntropy(x, given, { ignoreIndex: 255 }).data, expected.data, close);
  });

  it('weights of 1 change nothing', () => {
    using _scope = new Scope();
    const x = randn([5, 3], { dtype, generator: new Generator(2) });
    const target = labels(0, 2, 1, 1, 2);
    const weight = of([1, 1, 1]);
    for (const labelSmoothing of [0, 0.2]) {
      expectClose(
        crossEntropy(x, target, { weight, labelSmoothing }).data,
        crossEntropy(x, target, { labelSmoothing }).data,
        close,
      );
    }
    const probabilities = softmax(randn([5, 3], { dtype, generator: new Generator(3) }), 1);
    expectClose(
      crossEntropy(x, probabilities, { weight }).data,
      crossEntropy(x, probabilities).data,
      close,
    );
    expectClose(
      nllLoss(logSoftmax(x, 1), target, { weight }).data,
      crossEntropy(x, target).data,
      close,
    );
  });

  it('as modules have their weights in their state, under the names of PyTorch', () => {
    using _scope = new Scope();
    const [x, weight] = [of([[1, 2]]), of([1, 3])];
    const byClass = new CrossEntropyLoss({ weight, reduction: 'sum' });
    expect([...byClass.stateDict().keys()]).toEqual(['weight']);
    const expected = crossEntropy(x, labels(1), { weight, reduction: 'sum' });
    expect(byClass.forward(x, labels(1)).item()).toBe(expected.item());
    const logProbs = logSoftmax(x, 1);
    const byLabel = new NLLLoss({ weight, reduction: 'sum' });
    expect([...byLabel.stateDict().keys()]).toEqual(['weight']);
    const picked = nllLoss(logProbs, labels(1), { weight, reduction: 'sum' });
    expect(byLabel.forward(logProbs, labels(1)).item()).toBe(picked.item());
    const positive = new BCEWithLogitsLoss({ posWeight: weight, reduction: 'sum' });
    expect([...positive.stateDict().keys()]).toEqual(['pos_weight']);
    const y = of([[1, 0]]);
    const loss = bceWithLogits(x, y, { posWeight: weight, reduction: 'sum' });
    expect(positive.forward(x, y).item()).toBe(loss.item());
    weight.dispose();
  });
});

onEveryEngine('bceWithLogits', ({ dtype }) => {
  it('is exact and finite at large logits, and where it is nearly right', () => {
    using _scope = new Scope();
    const x = tensor([1000, -1000, 1000, -1000, 0, 30], undefined, { dtype });
    const y = tensor([1, 0, 0, 1, 1, 1], undefined, { dtype });
    const losses = bceWithLogits(x, y, { reduction: 'none' });
    // log(1 + e⁻³⁰) is e⁻³⁰, where 1 + e⁻³⁰ is 1 in float32.
    const expected = [0, 0, 1000, 1000, Math.log(2), Math.exp(-30)];
    expectClose(losses.data, expected, { rtol: 1e-6, atol: 0 });
  });

  it('has the derivative σ(x) - y at 0, where its parts have corners', () => {
    using tape = new Tape();
    const x = tensor([0, 0], undefined, { dtype, requiresGrad: true });
    const y = tensor([1, 0.25], undefined, { dtype });
    tape.backward(bceWithLogits(x, y, { reduction: 'sum' }));
    expect(x.grad?.toArray()).toEqual([-0.5, 0.25]);
  });
});

onEveryEngine('smoothL1 and huber', ({ dtype }) => {
  it('are squares inside and lines outside; smoothL1 is huber divided by beta', () => {
    using _scope = new Scope();
    const x = tensor([0, 0.5, -2, 4], undefined, { dtype });
    const zero = zeros([4], { dtype });
    const delta = 2;
    expect(huber(x, zero, { delta, reduction: 'none' }).toArray()).toEqual([0, 0.125, 2, 6]);
    expect(new HuberLoss({ delta, reduction: 'sum' }).forward(x, zero).item()).toBe(8.125);
    const smooth = new SmoothL1Loss({ beta: 2, reduction: 'none' });
    expect(smooth.forward(x, zero).toArray()).toEqual([0, 0.0625, 1, 3]);
    expect(smoothL1(x, zero, { beta: 0, reduction: 'none' }).toArray()).toEqual([0, 0.5, 2, 4]);
    expect(huber(x, zero).item()).toBe(smoothL1(x, zero).item());
  });
});

describe('the losses refuse', () => {
  const float = (...shape: number[]): Tensor => zeros(shape);
  const double = (...shape: number[]): Tensor => zeros(shape, { dtype: 'float64' });
  refuse({
    'a mean over ignored labels only': [
      () => crossEntropy(float(2, 3), labels(-100, -100)),
      ShapeError,
      'crossEntropy: all 2 labels are ignoreIndex, which leaves no mean; skip such a batch, or ' +
        "take reduction 'sum'",
    ],
    'a mean over labels that count nothing': [
      () => nllLoss(float(2, 3), labels(1, 1), { weight: tensor([1, 0, 1]) }),
      ConfigError,
      'nllLoss: the weights of all 2 labels are 0, which leaves no mean; give one a weight, or ' +
        "take reduction 'sum'",
    ],
    'the mean over an empty batch': [
      () => crossEntropy(float(0, 3), labels(), { weight: tensor([1, 0, 1]) }),
      ShapeError,
      'mean: float32 tensor [0] has no elements to average',
    ],
    'another number of weights': [
      () => crossEntropy(float(2, 3), labels(0, 1), { weight: float(2) }),
      ShapeError,
      'crossEntropy: scores [2,3] expect weight [3], got [2]',
    ],
    'weights of another dtype': [
      () => crossEntropy(float(2, 3), labels(0, 1), { weight: double(3) }),
      DTypeError,
      "crossEntropy: expected weight of the scores' dtype, got float64 and float32; " +
        "cast(weight, 'float32') converts",
    ],
    'a negative weight': [
      () => nllLoss(float(2, 3), labels(0, 1), { weight: tensor([1, -2, 1]) }),
      ConfigError,
      'nllLoss: weights must be numbers of at least 0, got -2',
    ],
    'a weight of NaN': [
      () => nllLoss(float(2, 3), labels(0, 1), { weight: tensor([1, NaN, 1]) }),
      ConfigError,
      'nllLoss: weights must be numbers of at least 0, got NaN',
    ],
    'half an ignored label': [
      () => crossEntropy(float(2, 3), labels(0, 1), { ignoreIndex: 0.5 }),
      ConfigError,
      'crossEntropy: ignoreIndex must be an integer, got 0.5',
    ],
    'an ignored label for probabilities': [
      () => crossEntropy(float(2, 3), float(2, 3), { ignoreIndex: 2 }),
      ConfigError,
      'crossEntropy: ignoreIndex 2 needs labels, got probabilities; leave it out, or choose ' +
        "among the losses of reduction 'none' with where",
    ],
    'bceWithLogits that would broadcast': [
      () => bceWithLogits(float(4, 1), float(4)),
      ShapeError,
      'bceWithLogits: x [4,1] and target [4] must have one shape; reshape one of them to that of the other',
    ],
    'bceWithLogits with labels': [
      () => bceWithLogits(float(4), zeros([4], { dtype: 'int32' })),
      DTypeError,
      'bceWithLogits: expected x, target and posWeight of one dtype, got float32 tensor [4] and ' +
        "int32 tensor [4]; cast(target, 'float32') converts",
    ],
    'a posWeight that does not fit': [
      () => bceWithLogits(float(4, 3), float(4, 3), { posWeight: float(4) }),
      ShapeError,
      'bceWithLogits: expected posWeight that broadcasts to x [4,3], got [4]; one value for each ' +
        'class, the last axis',
    ],
    'a posWeight larger than the logits': [
      () => bceWithLogits(float(3), float(3), { posWeight: float(2, 3) }),
      ShapeError,
      'bceWithLogits: expected posWeight that broadcasts to x [3], got [2,3]; one value for each ' +
        'class, the last axis',
    ],
    'smoothL1 that would broadcast': [
      () => smoothL1(float(4, 1), float(4)),
      ShapeError,
      'smoothL1: x [4,1] and target [4] must have one shape; reshape one of them to that of the other',
    ],
    'a negative beta': [
      () => smoothL1(float(4), float(4), { beta: -1 }),
      ConfigError,
      'smoothL1: beta must be a number of at least 0, got -1',
    ],
    'a beta of NaN, when it is made': [
      () => new SmoothL1Loss({ beta: NaN }),
      ConfigError,
      'SmoothL1Loss: beta must be a number of at least 0, got NaN',
    ],
    'huber of integers': [
      () => huber(zeros([4], { dtype: 'int32' }), zeros([4], { dtype: 'int32' })),
      DTypeError,
      'huber: expected a float tensor, got int32 tensor [4]; cast it first',
    ],
    'a delta of 0': [
      () => huber(float(4), float(4), { delta: 0 }),
      ConfigError,
      'huber: delta must be a positive number, got 0',
    ],
    'a delta of 0, when it is made': [
      () => new HuberLoss({ delta: 0 }),
      ConfigError,
      'HuberLoss: delta must be a positive number, got 0',
    ],
  });
});
