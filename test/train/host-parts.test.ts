import {
  compile,
  manualSeed,
  rand,
  relu,
  Scope,
  Tape,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import {
  BatchNorm2d,
  batchNorm,
  Conv2d,
  crossEntropy,
  Dropout,
  Dropout2d,
  Flatten,
  Linear,
  Sequential,
} from '@unfold/nn';
import { SGD } from '@unfold/train';
import { describe, expect, it } from 'vitest';

/** A step of training, compiled and run often enough that a program of it runs. */
function statsOfStep(labels: Tensor, options: { ignoreIndex?: number } = {}) {
  manualSeed(4);
  const model = new Sequential(
    new Conv2d(1, 3, 3),
    new BatchNorm2d(3),
    new Dropout2d(0.2),
    new Flatten(),
    new Dropout(0.3),
    new Linear(48, 5),
  );
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const step = (x: Tensor, target: Tensor): Tensor => {
    optimizer.zeroGrad();
    const loss = Tape.run((tape) => {
      const value = crossEntropy(relu(model.forward(x)), target, options);
      tape.backward(value);
      return value;
    });
    optimizer.step();
    return loss;
  };
  const fast = compile(step, { modules: [model] });
  const images = rand([labels.size, 1, 6, 6]);
  for (let i = 0; i < 4; i++) Scope.run(() => fast(images, labels).item());
  return fast.stats;
}

describe('JavaScript has no part', () => {
  it('in a step with batch norm, dropout, cross entropy and momentum', () => {
    const labels = tensor([0, 4, 2, 1], [4], { dtype: 'int32' });
    expect(statsOfStep(labels)).toMatchObject({ hostCalls: 0 });
  });

  it('but for labels that are bytes, or ignored', () => {
    const bytes = tensor([0, 4, 2, 1], [4], { dtype: 'uint8' });
    expect(statsOfStep(bytes)?.hostCalls).toBeGreaterThan(0);
    const some = tensor([0, 4, 2, 1], [4], { dtype: 'int32' });
    expect(statsOfStep(some, { ignoreIndex: 2 })?.hostCalls).toBeGreaterThan(0);
  });
});

it('batches are counted also where no statistics run, eager and compiled', () => {
  using _scope = new Scope();
  const numBatchesTracked = zeros([], { dtype: 'int32' });
  const normalise = (x: Tensor): Tensor =>
    batchNorm(x, null, null, { training: true, numBatchesTracked });
  const x = rand([4, 3, 2]);
  normalise(x);
  expect(numBatchesTracked.item()).toBe(1);
  const fast = compile(normalise);
  for (let i = 0; i < 3; i++) fast(x);
  expect(numBatchesTracked.item()).toBe(4);
});
