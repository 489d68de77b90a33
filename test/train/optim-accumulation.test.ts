import { manualSeed, mul, randn, slice, Tape, tensor, unscoped } from '@unfold/core';
import { crossEntropy, Linear, ReLU, Sequential } from '@unfold/nn';
import { expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';

it('the gradients of two half-batches, each loss divided by two, are those of the batch', () => {
  manualSeed(3);
  const model = new Sequential(new Linear(5, 7), new ReLU(), new Linear(7, 3));
  const images = randn([8, 5]);
  const labels = tensor(Int32Array.of(0, 2, 1, 1, 0, 2, 2, 0));

  {
    using tape = new Tape();
    tape.backward(crossEntropy(model.forward(images), labels));
  }
  const whole = [...model.parameters()].map(({ grad }) => grad?.toTypedArray() ?? []);

  model.zeroGrad();
  for (const [begin, end] of [
    [0, 4],
    [4, 8],
  ] as const) {
    const [someImages, someLabels] = unscoped(() => [
      slice(images, [[begin, end]]),
      slice(labels, [[begin, end]]),
    ]);
    using tape = new Tape();
    tape.backward(mul(crossEntropy(model.forward(someImages), someLabels), 1 / 2));
  }
  [...model.parameters()].forEach(({ grad }, i) => {
    expectClose(grad?.data ?? [], whole[i] ?? [], { rtol: 1e-5, atol: 1e-7 });
    expect(grad?.data.some((value) => Math.abs(value) > 1e-3)).toBe(true);
  });
});
