import { manualSeed } from '@unfold/core';
import { accuracy, DataLoader, Dataset, fit, LeNet, SGD } from '@unfold/train';
import { AtChance } from '../../packages/cli/src/at-chance.js';
import { planFor, planOf } from '../../packages/cli/src/plan.js';
import { plainRecipe, PRESETS, rateFor } from '../../packages/train/src/recipe/recipe.js';
import { describe, expect, it } from 'vitest';

/** Digits of two classes that anything can tell apart: a bright upper or lower half. */
function halves(count: number): Dataset {
  const labels = Array.from({ length: count }, (_, i) => i % 2);
  return Dataset.fromArrays({
    images: Uint8Array.from({ length: count * 784 }, (_, i) => {
      const isLower = i % 784 >= 392;
      return isLower === (Math.floor(i / 784) % 2 === 1) ? 255 : 0;
    }),
    shape: [1, 28, 28],
    labels,
  });
}

/** Warnings of runs of `steps` steps an epoch. */
async function train(model: LeNet, steps: number, epochs = 1) {
  const texts: string[] = [];
  const validation = halves(100);
  const chance = new AtChance(validation, (text) => texts.push(text));
  await fit(model, {
    train: new DataLoader(halves(steps * 2), { batchSize: 2, shuffle: true, seed: 1 }),
    validation: new DataLoader(validation, { batchSize: 100 }),
    epochs,
    optimizer: new SGD(model.parameters(), { lr: 0.01 }),
    metrics: { accuracy },
    callbacks: [chance],
  });
  return { warnings: chance.warnings, texts };
}

/** A network whose first ReLUs give 0 for every image. */
function dead(): LeNet {
  manualSeed(1);
  const model = new LeNet();
  const { bias } = model.conv1;
  if (!bias) throw new Error('expected a bias');
  bias.update((data) => data.fill(-1e3));
  return model;
}

describe('a run at chance', () => {
  it('is warned of once, with what has no gradient', async () => {
    const { warnings, texts } = await train(dead(), 50, 2);
    expect(warnings).toEqual(['at-chance']);
    // All of both convolutions: the second one's input is zero.
    expect(texts).toEqual([
      'the network is right about 50.00 % of the validation images, which is chance. 24 of its 34 ' +
        'units have no gradient: their ReLUs are dead, as a learning rate that is too high leaves ' +
        'them; try a smaller --lr',
    ]);
  });

  it('is not, where it learns, or had few steps so far', async () => {
    manualSeed(1);
    expect(await train(new LeNet(), 50)).toEqual({ warnings: [], texts: [] });
    expect(await train(dead(), 49)).toEqual({ warnings: [], texts: [] });
  });
});

describe('the rate of a short run', () => {
  it.each(Object.entries(PRESETS))('is the usual one of %s for all of MNIST', (_, recipe) => {
    expect(rateFor(recipe, 55_000 * recipe.epochs)).toBe(recipe.lr);
    expect(rateFor(recipe, 55_000)).toBe(recipe.lr);
  });

  it('falls with the root of the images that are seen, to a third, in one cycle only', () => {
    expect(rateFor(PRESETS.quick, 6000)).toBe(0.033);
    expect(rateFor(PRESETS.quick, 13_750)).toBe(0.05);
    expect(rateFor(PRESETS.quick, 100)).toBe(0.033);
    expect(rateFor(plainRecipe('lenet'), 6000)).toBe(plainRecipe('lenet').lr);
  });

  it('is what was asked for by --lr', () => {
    const options = { preset: 'quick' } as const;
    const plan = planOf(options);
    expect(planFor(plan, options, 6000).recipe).toEqual({ ...PRESETS.quick, lr: 0.033 });
    expect(planFor(plan, options, 55_000)).toEqual(plan);
    const asked = { ...options, lr: 0.1 };
    expect(planFor(planOf(asked), asked, 6000).recipe.lr).toBe(0.1);
  });
});
