import {
  compile,
  configureEngine,
  manualSeed,
  randn,
  rand,
  Scope,
  type Tensor,
} from '@unfold/core';
import { BatchNorm2d, Conv2d, MaxPool2d, ReLU, Sequential, type Layer } from '@unfold/nn';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';

/** A batch norm that has seen something. */
function norm(channels: number, affine = true): BatchNorm2d {
  const layer = new BatchNorm2d(channels, { affine });
  for (const tensor of [layer.weight, layer.bias, layer.runningMean, layer.runningVar]) {
    tensor?.update((data) =>
      data.set(
        rand([channels])
          .toTypedArray()
          .map((v) => v + 0.3),
      ),
    );
  }
  return layer;
}

function close(fast: (x: Tensor) => Tensor, model: Layer, shape: readonly number[]): void {
  using _scope = new Scope();
  const x = randn(shape);
  const [given, expected] = [fast(x).toTypedArray(), model.forward(x).toTypedArray()];
  expectClose(given, expected, { rtol: 1e-5, atol: 1e-5 });
}

describe.each([
  ['WebAssembly', { threads: 1 }],
  ['the reference', { kernels: 'reference' }],
] as const)('compile(model, { foldBatchNorm: true }) on %s', (_name, options) => {
  beforeAll(async () => {
    await configureEngine(options);
    manualSeed(1);
  });
  afterAll(async () => {
    await configureEngine({ threads: 1 });
  });

  it.each([
    ['with a bias', { bias: true }, true],
    ['without', { bias: false }, true],
    ['in groups', { bias: true, groups: 2 }, true],
    ['without factors', { bias: false }, false],
  ] as const)('folds it into a convolution %s', (_about, conv, affine) => {
    const model = new Sequential(new Conv2d(4, 6, 3, conv), norm(6, affine)).eval();
    const fast = compile(model, { foldBatchNorm: true });
    for (let i = 0; i < 3; i++) close(fast, model, [2, 4, 9, 8]);
    fast.dispose();
  });

  it('follows weights and statistics that change', () => {
    const conv = new Conv2d(2, 5, 3);
    const bn = norm(5);
    const model = new Sequential(conv, bn, new ReLU(), new MaxPool2d(2)).eval();
    const fast = compile(model, { foldBatchNorm: true });
    const shape = [3, 2, 10, 10];
    close(fast, model, shape);
    for (const tensor of [
      conv.weight,
      conv.bias,
      bn.weight,
      bn.bias,
      bn.runningMean,
      bn.runningVar,
    ]) {
      tensor?.update((data) => data.forEach((value, i) => (data[i] = value * 1.5 + 0.1)));
      close(fast, model, shape);
      close(fast, model, shape);
    }
    fast.dispose();
  });

  it('leaves batch norm in training as it is, with the same bits', () => {
    const make = (): Layer => {
      manualSeed(3);
      return new Sequential(new Conv2d(2, 5, 3), new BatchNorm2d(5), new ReLU());
    };
    const [model, other] = [make(), make()];
    const fast = compile(other, { foldBatchNorm: true });
    for (let i = 0; i < 3; i++) {
      using _scope = new Scope();
      const x = randn([3, 2, 8, 8]);
      expect(fast(x).toTypedArray()).toEqual(model.forward(x).toTypedArray());
    }
    fast.dispose();
  });
});

it('is one launch with activation and pooling', () => {
  using _scope = new Scope();
  const model = new Sequential(new Conv2d(1, 4, 3), norm(4), new ReLU(), new MaxPool2d(2)).eval();
  const fast = compile(model, { foldBatchNorm: true });
  fast(randn([2, 1, 12, 12]));
  expect(fast.stats).toMatchObject({
    launches: 1,
    hostCalls: 0,
    joined: ['conv2d + batchNorm + relu + maxPool2d'],
  });
});
