import { type Augmentation, type BatchLoader, Dataset } from '@unfold/train';
import { describe, expect, it, vi } from 'vitest';
import { feedOf } from '../../packages/cli/src/digits.js';
import { parseOptions } from '../../packages/cli/src/options.js';

let cores = 2;
vi.mock('node:os', async (original) => ({
  ...(await original<object>()),
  availableParallelism: () => cores,
}));

describe('what feeds a run', () => {
  it.each([
    ['', 'tfjs'],
    ['--preset default', 'tfjs'],
    ['--preset quick', 'own'],
    ['--preset quick --model cnn', 'own'],
    ['--preset quick --loader tfjs', 'tfjs'],
    ['--loader own', 'own'],
  ])('"%s": %s', async (args, kind) => {
    const options = parseOptions(args.split(' ').filter(Boolean), '0');
    const { kind: chosen, notice } = await feedOf(options);
    expect([chosen, notice]).toEqual([kind, undefined]);
  });
});

describe('our own loader makes augmented batches ahead', () => {
  const dataset = Dataset.fromArrays({
    images: new Uint8Array(8),
    shape: [1, 2, 2],
    labels: [0, 1],
  });
  /** Refused by a loader that makes batches ahead, as no worker can make it. */
  const augment: Augmentation = { apply() {} };

  async function loader(args: string, options: object): Promise<BatchLoader> {
    const { makeLoader } = await feedOf(parseOptions(args.split(' '), '0'));
    return makeLoader(dataset, options);
  }

  it('where there are two cores, and nobody says otherwise', async () => {
    cores = 2;
    await expect(loader('--loader own', { augment })).rejects.toThrow('or leave prefetch out');
    await expect(loader('--preset quick', { augment })).rejects.toThrow('or leave prefetch out');
    expect((await loader('--loader own --no-prefetch', { augment })).length).toBe(2);
    expect((await loader('--loader tfjs', { augment })).length).toBe(2);
    cores = 1;
    expect((await loader('--loader own', { augment })).length).toBe(2);
  });
});
