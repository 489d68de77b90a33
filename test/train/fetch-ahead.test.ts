import { add, type Generator, tensor, type Tensor } from '@unfold/core';
import { DataLoader } from '@unfold/train';
import { describe, expect, it } from 'vitest';

function refuse(): never {
  throw new RangeError('no such sample');
}

describe('samples that are fetched are on the way ahead', () => {
  /** Says when samples are asked for, and which fails. */
  function fetched(length: number, bad = -1) {
    const asked: number[] = [];
    const dataset = {
      length,
      async get(i: number) {
        asked.push(i);
        await Promise.resolve();
        if (i === bad) throw new RangeError(`no sample ${i}`);
        return { inputs: tensor([i, 1]), targets: i };
      },
    };
    return { asked, dataset };
  }

  const options = {
    batchSize: 2,
    shuffle: true,
    seed: 5,
    transform: ({ inputs }: { inputs: Tensor }, random: Generator) => ({
      inputs: add(inputs, random.uniform()),
    }),
  };

  it('and give the same batches, from any one on', async () => {
    const { dataset, asked } = fetched(11);
    const all = async (prefetch: number, from: number): Promise<unknown[]> => {
      const batches: unknown[] = [];
      const loader = new DataLoader(dataset, { ...options, prefetch });
      for await (const { inputs } of loader.from(from)) batches.push(inputs.toArray());
      return batches;
    };
    for (const from of [0, 3, 6]) {
      const expected = await all(0, from);
      expect(expected).toHaveLength(6 - from);
      for (const prefetch of [1, 2, 100]) expect(await all(prefetch, from)).toEqual(expected);
    }
    asked.length = 0;
    for await (const batch of new DataLoader(dataset, { ...options, prefetch: 2 })) {
      expect(batch.size).toBe(2);
      break;
    }
    expect(asked).toHaveLength(6);
  });

  it('and a loop that is left, or fails, can be begun again', async () => {
    const { dataset } = fetched(11);
    const loader = new DataLoader(dataset, { ...options, prefetch: 3 });
    for await (const batch of loader) {
      expect(batch.size).toBe(2);
      break;
    }
    for await (const batch of loader) expect(batch.size).toBeLessThan(3);
    loader.dispose();
    const { asked, dataset: broken } = fetched(11, 4);
    const given: number[] = [];
    const failing = new DataLoader(broken, { batchSize: 2, prefetch: 3 });
    const run = async (): Promise<void> => {
      for await (const { targets } of failing) given.push(...targets.toTypedArray());
    };
    await expect(run()).rejects.toThrow('no sample 4');
    expect(given).toEqual([0, 1, 2, 3]);
    expect(asked.length).toBeGreaterThan(6);
    await expect(run()).rejects.toThrow('no sample 4');
    failing.dispose();
  });

  it('and what is thrown at once comes in its place', async () => {
    const thrown = { length: 6, get: (i: number) => ({ inputs: 1 / (i < 4 ? 1 : refuse()) }) };
    const given: number[] = [];
    const loader = new DataLoader(thrown, { batchSize: 2, prefetch: 2 });
    const run = async (): Promise<void> => {
      for await (const { inputs } of loader) given.push(inputs.size);
    };
    await expect(run()).rejects.toThrow('no such sample');
    expect(given).toEqual([2, 2]);
    await expect(run()).rejects.toThrow('no such sample');
  });
});
