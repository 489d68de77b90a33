import {
  ConfigError,
  DTypeError,
  Generator,
  manualSeed,
  randn,
  Scope,
  ShapeError,
  sum,
  Tape,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import { Embedding, embedding } from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { refuse } from '../support/refuse.js';
import { gradchecks } from '../support/gradchecks.js';

const indices = (...values: number[]): Tensor => tensor(Int32Array.from(values));

onEveryEngine('embedding', ({ dtype }) => {
  const table = [
    [0, 1],
    [2, 3],
    [4, 5],
  ];

  it('picks rows, for indices of any shape, int32 or uint8', () => {
    using _scope = new Scope();
    const weight = tensor(table, undefined, { dtype });
    expect(embedding(indices(2, 0, 2), weight).toArray()).toEqual([
      [4, 5],
      [0, 1],
      [4, 5],
    ]);
    expect(embedding(tensor(Uint8Array.of(1, 2), [2, 1]), weight).toArray()).toEqual([
      [[2, 3]],
      [[4, 5]],
    ]);
    expect(embedding(tensor(Int32Array.of(1), []), weight).toArray()).toEqual([2, 3]);
    expect(embedding(tensor(new Int32Array(0)), weight).shape).toEqual([0, 2]);
  });

  it('adds up the gradients of a repeated row, and gives the padding row none', () => {
    const gradient = (paddingIdx: number | null): unknown => {
      const weight = tensor(table, undefined, { dtype, requiresGrad: true });
      using tape = new Tape();
      tape.backward(sum(embedding(indices(2, 0, 2, 2), weight, { paddingIdx })));
      return weight.grad?.toArray();
    };
    expect(gradient(null)).toEqual([
      [1, 1],
      [0, 0],
      [3, 3],
    ]);
    expect(gradient(2)).toEqual([
      [1, 1],
      [0, 0],
      [0, 0],
    ]);
    expect(gradient(-3)).toEqual([
      [0, 0],
      [0, 0],
      [3, 3],
    ]);
  });

  it('does not mind that the indices change before backward', () => {
    const weight = tensor(table, undefined, { dtype, requiresGrad: true });
    using tape = new Tape();
    const x = indices(1);
    const loss = sum(embedding(x, weight));
    x.update((data) => data.fill(0));
    tape.backward(loss);
    expect(weight.grad?.toArray()).toEqual([
      [0, 0],
      [1, 1],
      [0, 0],
    ]);
  });
});

describe('Embedding', () => {
  it('gradcheck, with repeated indices', () => {
    using _scope = new Scope();
    const random = { dtype: 'float64', generator: new Generator(1), requiresGrad: true } as const;
    const weight = randn([4, 3], random);
    const x = tensor(Int32Array.of(1, 3, 1, 0, 1, 2), [2, 3]);
    gradchecks((w) => embedding(x, w as Tensor), [weight]);
  });

  it('starts standard normal, the padding row at 0', () => {
    manualSeed(2);
    const layer = new Embedding(200, 50, { paddingIdx: -1 });
    expect([...layer.stateDict()].map(([name, { shape }]) => [name, shape])).toEqual([
      ['weight', [200, 50]],
    ]);
    const values = Array.from(layer.weight.data);
    expect(values.slice(-50)).toEqual(new Array(50).fill(0));
    const drawn = values.slice(0, -50);
    const n = drawn.length;
    const mean = drawn.reduce((a, value) => a + value, 0) / n;
    const square = drawn.reduce((a, value) => a + value * value, 0) / n;
    expect(Math.abs(mean)).toBeLessThan(6 / Math.sqrt(n));
    expect(Math.abs(square - 1)).toBeLessThan(6 * Math.sqrt(2 / n));
    using _scope = new Scope();
    expect(layer.forward(indices(0, 199)).data.subarray(0, 50)).toEqual(
      layer.weight.data.subarray(0, 50),
    );
    layer.dispose();
  });
});

describe('embedding refuses', () => {
  const weight = (): Tensor => zeros([3, 2]);
  refuse({
    'an index above the rows': [
      () => embedding(indices(0, 3), weight()),
      ShapeError,
      'embedding: index 3 at element 1 is outside 0 … 2, the rows of weight [3,2]',
    ],
    'a negative index': [
      () => embedding(indices(-1), weight()),
      ShapeError,
      'embedding: index -1 at element 0 is outside 0 … 2, the rows of weight [3,2]',
    ],
    'indices of floats': [
      () => embedding(zeros([2]), weight()),
      DTypeError,
      'embedding: expected integer indices (int32 or uint8), got float32 tensor [2]; ' +
        "cast(x, 'int32') converts",
    ],
    'bytes that a loader scaled': [
      () => embedding(tensor([0, 1 / 255]), weight()),
      DTypeError,
      'embedding: expected integer indices (int32 or uint8), got float32 tensor [2]; they are no whole ' +
        'numbers, which a cast would cut off; a DataLoader scales bytes to 0…1, but takes a ' +
        'Float32Array as given, so keep indices in one, and cast them',
    ],
    'a weight of integers': [
      () => embedding(indices(0), zeros([3, 2], { dtype: 'int32' })),
      DTypeError,
      'embedding: expected a float tensor, got int32 tensor [3,2]; cast it first',
    ],
    'a weight of three axes': [
      () => embedding(indices(0), zeros([3, 2, 1])),
      ShapeError,
      'embedding: expected weight [rows,size], got [3,2,1]',
    ],
    'a padding row that is none': [
      () => embedding(indices(0), weight(), { paddingIdx: 3 }),
      ConfigError,
      'embedding: paddingIdx must be an integer in -3 … 2, got 3',
    ],
    'half a padding row, when it is made': [
      () => new Embedding(3, 2, { paddingIdx: 0.5 }),
      ConfigError,
      'Embedding: paddingIdx must be an integer in -3 … 2, got 0.5',
    ],
    'sizes that are not positive integers': [
      () => new Embedding(3, 0),
      ConfigError,
      'Embedding: expected positive integers, got 3 and 0',
    ],
  });
});
