import {
  ConfigError,
  configureEngine,
  DTypeError,
  generator,
  manualSeed,
  ones,
  randn,
  Scope,
  ShapeError,
  sum,
  Tape,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import { Dropout, dropout, Dropout2d, dropout2d } from '@unfold/nn';
import { afterAll, describe, expect, it } from 'vitest';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { refuse } from '../support/refuse.js';
import { gradchecks } from '../support/gradchecks.js';

onEveryEngine('Dropout', ({ dtype }) => {
  it.each([0.2, 0.001, 0.75])('drops a share %d and multiplies the others by 1/(1-p)', (p) => {
    using _scope = new Scope();
    manualSeed(3);
    const n = 40_000;
    const out = new Dropout(p).forward(ones([n], { dtype })).data;
    const kept = out.filter((value) => value !== 0);
    const factor = 1 / (1 - p);
    expect(new Set(kept)).toEqual(new Set([dtype === 'float32' ? Math.fround(factor) : factor]));
    // Six standard deviations of a binomial distribution.
    expect(Math.abs(1 - kept.length / n - p)).toBeLessThan(6 * Math.sqrt((p * (1 - p)) / n));
  });

  it('draws anew at each call, and the same again from the same seed', () => {
    using _scope = new Scope();
    const x = ones([64], { dtype });
    const draw = (): number[] => Array.from(dropout(x).data);
    manualSeed(5);
    const [first, second] = [draw(), draw()];
    expect(second).not.toEqual(first);
    manualSeed(5);
    expect([draw(), draw()]).toEqual([first, second]);
    manualSeed(6);
    expect(draw()).not.toEqual(first);
  });

  it("goes on from a saved state of the stream 'dropout', and leaves the other streams alone", () => {
    using _scope = new Scope();
    const x = ones([64], { dtype });
    manualSeed(5);
    const state = generator('dropout').state();
    const first = Array.from(dropout(x).data);
    generator('dropout').setState(state);
    expect(Array.from(dropout(x).data)).toEqual(first);
    manualSeed(5);
    const expected = generator('random').uint32();
    manualSeed(5);
    dropout(x);
    expect(generator('random').uint32()).toBe(expected);
  });

  it('is x itself in evaluation, and draws nothing', () => {
    const x = ones([4], { dtype });
    const layer = new Dropout(0.9).eval();
    manualSeed(5);
    const before = generator('dropout').state();
    expect(layer.forward(x)).toBe(x);
    expect(dropout(x, { p: 0.9, training: false })).toBe(x);
    expect(dropout(x, { p: 0 })).toBe(x);
    expect(new Dropout2d().eval().forward(zeros([1, 1, 1, 1])).shape).toEqual([1, 1, 1, 1]);
    expect(generator('dropout').state()).toEqual(before);
  });

  it.each([NaN, Infinity, -Infinity])('a dropped %s is 0, and so is its gradient', (bad) => {
    for (const [drop, shape] of [
      [dropout, [64]],
      [dropout2d, [4, 8, 2, 1]],
    ] as const) {
      using tape = new Tape();
      const values = Array.from({ length: 64 }, () => bad);
      const x = tensor(values, shape, { dtype, requiresGrad: true });
      manualSeed(5);
      const out = drop(x);
      tape.backward(out, tensor(values, shape, { dtype }));
      manualSeed(5);
      const factors = drop(ones(shape, { dtype })).data;
      const expected = Array.from(factors, (factor) => (factor === 0 ? 0 : bad));
      expect(new Set(expected).size).toBe(2);
      expect(Array.from(out.data)).toEqual(expected);
      expect(Array.from(x.grad?.data ?? [])).toEqual(expected);
    }
  });

  it('with p = 1 drops everything', () => {
    expect(dropout(ones([3], { dtype }), { p: 1 }).toArray()).toEqual([0, 0, 0]);
  });

  it('passes the gradient where it passed the value', () => {
    manualSeed(1);
    const x = ones([32], { dtype, requiresGrad: true });
    using tape = new Tape();
    const out = dropout(x, { p: 0.25 });
    tape.backward(sum(out));
    expect(Array.from(x.grad?.data ?? [])).toEqual(Array.from(out.data));
  });

  it('drops whole channels in two dimensions', () => {
    using _scope = new Scope();
    manualSeed(2);
    const out = new Dropout2d(0.5).forward(ones([8, 16, 3, 5], { dtype })).data;
    const channels = Array.from(
      { length: 128 },
      (_, c) => new Set(out.subarray(c * 15, c * 15 + 15)),
    );
    expect(channels.every((values) => values.size === 1)).toBe(true);
    expect(new Set(channels.flatMap((values) => [...values]))).toEqual(new Set([0, 2]));
  });
});

describe('Dropout', () => {
  afterAll(async () => {
    await configureEngine({ threads: 1 });
  });

  it('gives the same bits on one thread and on two', async () => {
    const run = async (threads: number): Promise<number[]> => {
      await configureEngine({ threads });
      using _scope = new Scope();
      manualSeed(9);
      const x = randn([40_000]);
      return Array.from(dropout(x).data);
    };
    expect(await run(2)).toEqual(await run(1));
  });

  it.each([
    ['dropout', dropout],
    ['dropout2d', dropout2d],
  ])('gradcheck of %s', (_, drop) => {
    using _scope = new Scope();
    const x = randn([3, 4, 2, 3], { dtype: 'float64', requiresGrad: true });
    gradchecks(
      (input) => {
        manualSeed(4);
        return drop(input as Tensor, { p: 0.3 });
      },
      [x],
    );
  });
});

describe('Dropout refuses', () => {
  refuse({
    'a probability above 1': [
      () => new Dropout(1.5),
      ConfigError,
      'Dropout: p must be a probability in 0 … 1, got 1.5',
    ],
    'a probability of NaN': [
      () => new Dropout2d(NaN),
      ConfigError,
      'Dropout2d: p must be a probability in 0 … 1, got NaN',
    ],
    'a negative probability, in evaluation too': [
      () => dropout(zeros([2]), { p: -0.1, training: false }),
      ConfigError,
      'dropout: p must be a probability in 0 … 1, got -0.1',
    ],
    integers: [
      () => dropout(zeros([2], { dtype: 'int32' })),
      DTypeError,
      'dropout: expected a float tensor, got int32 tensor [2]; cast it first',
    ],
    'rows instead of images': [
      () => dropout2d(zeros([2, 3])),
      ShapeError,
      'dropout2d: expected x [N,C,H,W], got [2,3]',
    ],
  });
});
