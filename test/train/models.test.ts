import { manualSeed, randn, Scope } from '@unfold/core';
import { type ModelName, MODELS } from '@unfold/train';
import { expect, it } from 'vitest';

/** By hand, layer by layer. */
const PARAMETERS: Readonly<Record<ModelName, number>> = {
  lenet: 8 * 25 + 8 + 16 * 8 * 25 + 16 + 2560 + 10,
  cnn: 32 * 9 + 32 + 64 * 32 * 9 + 64 + 128 * 9216 + 128 + 1280 + 10,
  'lenet-bn': 16 * 25 + 32 * 16 * 25 + 2 * (16 + 32) + 5120 + 10,
  'cnn-bn': 9 * (32 + 32 * 64 + 64 * 64 + 64 * 128) + 2 * (32 + 64 + 64 + 128) + 5120 + 10,
  'wide-cnn-bn':
    48 * 25 + 9 * (48 * 96 + 96 * 128 + 128 * 192) + 2 * (48 + 96 + 128 + 192) + 7680 + 10,
};

it.each(Object.entries(MODELS))('%s gives ten logits for an image of 28×28', (name, make) => {
  using _scope = new Scope();
  manualSeed(1);
  const model = make();
  expect(model.parameterCount()).toBe(PARAMETERS[name as ModelName]);
  const images = randn([3, 1, 28, 28]);
  const logits = model.eval().forward(images);
  expect(logits.shape).toEqual([3, 10]);
  expect(logits.data.every(Number.isFinite)).toBe(true);
  // Its state goes into another of the same name.
  const other = make();
  other.loadStateDict(model.stateDict());
  expect(other.eval().forward(images).toTypedArray()).toEqual(logits.toTypedArray());
});
