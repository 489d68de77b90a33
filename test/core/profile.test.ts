import {
  add,
  configureEngine,
  matmul,
  ones,
  Parameter,
  profile,
  relu,
  Scope,
  sum,
  Tape,
  TapeError,
} from '@unfold/core';
import { conv2d } from '@unfold/nn';
import { SGD } from '@unfold/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

beforeAll(async () => {
  await configureEngine({ threads: 1 });
});
afterAll(async () => {
  await configureEngine({ threads: 1 });
});

describe('profile', () => {
  it('says what was called on which shapes, how often and on how much memory', async () => {
    const weight = new Parameter(ones([30, 20]));
    const optimizer = new SGD([weight], { lr: 0.1 });
    const { rows, milliseconds } = await profile(() => {
      for (let i = 0; i < 3; i++) {
        using tape = new Tape();
        const loss = sum(relu(matmul(ones([40, 30]), weight)));
        optimizer.zeroGrad();
        tape.backward(loss);
        optimizer.step();
      }
    });
    const found = Object.fromEntries(rows.map((row) => [`${row.op} ${row.shape}`, row]));
    expect(Object.keys(found).sort()).toEqual([
      'elsewhere ',
      'matmul [40,30] [30,20]',
      'matmul backward [40,30] [30,20]',
      'relu [40,20]',
      'relu backward [40,20]',
      'sgdStep [600] [600] [600]',
      'sum [40,20]',
      'sum backward [40,20]',
    ]);
    expect(found['matmul [40,30] [30,20]']).toMatchObject({
      calls: 3,
      bytes: 3 * 4 * (40 * 30 + 30 * 20 + 40 * 20),
    });
    // Backward computes one gradient, the weight's, by a product of the same size.
    expect(found['matmul backward [40,30] [30,20]']).toMatchObject({ calls: 3 });
    expect(found['matmul backward [40,30] [30,20]']?.gflops).toBeGreaterThan(0);
    const { gflops, milliseconds: own } = found['matmul [40,30] [30,20]'] ?? {};
    expect(gflops).toBeCloseTo((3 * 2 * 40 * 30 * 20) / (own ?? NaN) / 1e6, 9);
    expect(found['relu [40,20]']).toMatchObject({ calls: 3, gflops: null });
    // Nothing is counted twice, and nothing is lost.
    const total = rows.reduce((all, row) => all + row.milliseconds, 0);
    expect(total).toBeCloseTo(milliseconds, 9);
    expect(rows.reduce((all, row) => all + row.share, 0)).toBeCloseTo(1, 9);
    for (const row of rows) expect(row.milliseconds).toBeGreaterThanOrEqual(0);
  });

  it('counts the products of a convolution in groups, and of each of its gradients', async () => {
    const [x, weight] = [ones([2, 4, 9, 8]), ones([6, 2, 3, 2])];
    const leaves = [x, weight].map((leaf) => new Parameter(leaf));
    const { rows } = await profile(() => {
      using tape = new Tape();
      const [image = x, kernel = weight] = leaves;
      tape.backward(sum(conv2d(image, kernel, null, { groups: 2 })));
    });
    const products = 2 * 6 * (7 * 7) * (2 * 3 * 2);
    for (const [op, times] of [
      ['conv2d', 1],
      ['conv2d backward', 2],
    ] as const) {
      const row = rows.find((each) => each.op === op);
      const flops = (row?.gflops ?? NaN) * (row?.milliseconds ?? NaN) * 1e6;
      expect(flops).toBeCloseTo(2 * products * times, 3);
    }
  });

  it('is a table for people', async () => {
    const taken = await profile(() => {
      Scope.run(() => add(ones([2, 3]), 1));
    });
    expect(String(taken)).toMatch(
      /^op +shape +calls +ms +share +GFLOP\/s +memory\n(.+\n)+in all +\d+\.\d\d$/,
    );
    expect(String(taken)).toMatch(/^add +\[2,3\].* +1 +\d+\.\d\d +\d+\.\d %/m);
  });

  it('waits for asynchronous work, ends with an error, and is not nested', async () => {
    const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 20));
    const { milliseconds } = await profile(pause);
    expect(milliseconds).toBeGreaterThan(15);
    await expect(
      profile(() => {
        throw new Error('boo');
      }),
    ).rejects.toThrow('boo');
    await expect(profile(async () => void (await profile(() => {})))).rejects.toThrow(TapeError);
    // Afterwards, one can be taken again.
    expect((await profile(() => {})).rows).toHaveLength(1);
  });
});
