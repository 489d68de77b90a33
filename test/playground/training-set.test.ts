import { manualSeed, Scope } from '@unfold/core';
import { compose, DataLoader, Dataset, elastic, randomAffine } from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { NORMALIZATION } from '../../playground/src/spec/digits.js';
import { TrainingSet } from '../../playground/src/lab/training-set.js';
import { firstDigits } from './lab-under-test.js';

const { train } = await firstDigits(70, 1);

describe('the batches that a run learns from', () => {
  const augment = compose([elastic(), randomAffine({ degrees: 10, translate: 0.1 })]);
  it.each([
    ['as they are', null],
    ['changed at random', augment],
  ])('are those of a DataLoader, bit for bit, over several epochs: %s', (_, augment) => {
    const common = { batchSize: 16, normalization: NORMALIZATION };
    manualSeed(3);
    const dataset = Dataset.fromArrays({ ...train, shape: [1, 28, 28] });
    const loader = new DataLoader(dataset, {
      ...common,
      shuffle: true,
      ...(augment ? { augment } : {}),
    });
    const expected = [1, 2].flatMap(() =>
      Array.from(loader, ({ images, labels }) => [images.toTypedArray(), labels.toTypedArray()]),
    );
    loader.dispose();
    manualSeed(3);
    const set = new TrainingSet(train, { ...common, augment });
    const got = expected.map(() =>
      Scope.run(() => {
        const { images, labels } = set.next();
        return [images.toTypedArray(), labels.toTypedArray()];
      }),
    );
    expect(got).toEqual(expected);
    expect(set.position).toBe(2);
  });
});
