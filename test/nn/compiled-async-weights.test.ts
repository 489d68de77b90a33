import { afterEach, expect, it, vi } from 'vitest';
import {
  bufferOf,
  compile,
  moreKernelsFor,
  mul,
  randn,
  relu,
  Scope,
  type Tensor,
} from '@unfold/core';
import { conv2d } from '@unfold/nn';

afterEach(() => {
  vi.restoreAllMocks();
});

it('keeps nothing of a weight that a call of runAsync changes after somebody else has used it', async () => {
  let clock = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => (clock += 1000));
  using _scope = new Scope();
  const weight = randn([16, 8, 3, 3]);
  const image = randn([1, 8, 12, 12]);
  // As an optimiser's step: the weight is the last to change.
  const fast = compile((x: Tensor) => {
    const late = relu(relu(relu(relu(mul(x, 2)))));
    weight.updateBuffer((own) => {
      moreKernelsFor('float32').clamp(own, bufferOf(late), { min: -1, max: 1 });
    });
  });
  fast(randn([16, 8, 3, 3]));
  const run = fast.runAsync(randn([16, 8, 3, 3]));
  // More turns than the program has launches.
  for (let i = 0; i < 12; i++) {
    Scope.run(() => void conv2d(image, weight));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await run;
  const used = conv2d(image, weight);
  expect(used.toArray()).toEqual(conv2d(image, mul(weight, 1)).toArray());
});
