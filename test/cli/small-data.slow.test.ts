import { manualSeed } from '@unfold/core';
import { DataLoader, fit, normalizationOf } from '@unfold/train';
import { expect, it } from 'vitest';
import { loadDigits } from '../../packages/cli/src/digits.js';
import { planFor, planOf } from '../../packages/cli/src/plan.js';
import { prepareRun } from '../../packages/train/src/recipe/prepare.js';

const SEEDS = 30;

it(
  'one epoch of 6,000 images by the quick preset: seeds 1 to 30 are all above 85 %',
  { timeout: 1_200_000 },
  async () => {
    const digits = await loadDigits(undefined, 6000);
    const normalization = normalizationOf(digits.train);
    const accuracies: number[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) {
      const options = { preset: 'quick', epochs: 1, seed } as const;
      const { recipe } = planFor(planOf(options), options, digits.train.length);
      manualSeed(seed);
      const prepared = await prepareRun(recipe, {
        ...digits,
        normalization,
        makeLoader: (dataset, given) => new DataLoader(dataset, given),
      });
      const { history } = await fit(prepared.model, prepared.options);
      accuracies.push(history[0]?.validation?.accuracy ?? 0);
    }
    expect(accuracies).toHaveLength(SEEDS);
    expect(Math.min(...accuracies)).toBeGreaterThan(0.85);
  },
);
