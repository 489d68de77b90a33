import {
  bernoulli,
  compile,
  ConfigError,
  DTypeError,
  eye,
  full,
  fullLike,
  generator,
  Generator,
  linspace,
  manualSeed,
  multinomial,
  ones,
  onesLike,
  randint,
  randLike,
  randnLike,
  randperm,
  Scope,
  ShapeError,
  TapeError,
  tensor,
  trace,
  zeros,
  zerosLike,
  type Tensor,
} from '@unfold/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { call, refuseMisuses } from '../support/misuse.js';

let scope: Scope;
beforeEach(() => {
  scope = new Scope();
});
afterEach(() => {
  scope.close();
});

describe('tensors of known numbers', () => {
  it('linspace takes both ends, exactly', () => {
    expect(linspace(0, 1, 5).toArray()).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(linspace(3, -3, 4, { dtype: 'int32' }).toArray()).toEqual([3, 1, -1, -3]);
    expect(linspace(2, 9, 1).toArray()).toEqual([2]);
    expect(linspace(2, 9, 0).toArray()).toEqual([]);
    const range = linspace(-0.3, 0.3, 7, { dtype: 'float64' });
    expect(range.toArray()).toEqual([...range.data].reverse().map((value) => 0 - value));
    expect(linspace(0, 0.7, 8, { dtype: 'float64' }).data[7]).toBe(0.7);
  });

  it('eye has ones where row and column are the same', () => {
    expect(eye(2).toArray()).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(eye(2, 3, { dtype: 'bool' }).toArray()).toEqual([
      [true, false, false],
      [false, true, false],
    ]);
    expect(eye(3, 1).toArray()).toEqual([[1], [0], [0]]);
    expect(eye(0).shape).toEqual([0, 0]);
  });

  it('those like another have its shape, and its dtype unless it is said', () => {
    const x = tensor([[1, 2]], undefined, { dtype: 'int32' });
    expect(zerosLike(x)).toMatchObject({ shape: [1, 2], dtype: 'int32' });
    expect(onesLike(x).toArray()).toEqual([[1, 1]]);
    expect(fullLike(x, 7, { dtype: 'float64' }).toArray()).toEqual([[7, 7]]);
    expect(zerosLike(x, { dtype: 'float32', requiresGrad: true }).requiresGrad).toBe(true);
    expect(randLike(zeros([3], { dtype: 'float64' })).dtype).toBe('float64');
    expect(randnLike(x, { dtype: 'float32' }).shape).toEqual([1, 2]);
  });
});

describe('random tensors', () => {
  it('a seed gives the same numbers, by the global stream or by a generator', () => {
    const draws: readonly (() => Tensor)[] = [
      () => randint(9, [5]),
      () => randperm(9),
      () => bernoulli(full([9], 0.5)),
      () => multinomial(ones([9]), 5),
      () => multinomial(ones([9]), 5, { replacement: true }),
      () => randLike(zeros([5])),
      () => randnLike(zeros([5])),
    ];
    for (const draw of draws) {
      manualSeed(3);
      const first = draw().toArray();
      const next = draw().toArray();
      expect(next, String(draw)).not.toEqual(first);
      manualSeed(3);
      expect(draw().toArray()).toEqual(first);
    }
    const own = (): Generator => new Generator(3, 'random');
    manualSeed(3);
    expect(randint(9, [5], { generator: own() }).toArray()).toEqual(randint(9, [5]).toArray());
    expect(randperm(5, { generator: own() }).toArray()).toEqual(
      randperm(5, { generator: own() }).toArray(),
    );
  });

  it('randint holds integers from low to below high, all of them', () => {
    const drawn = randint(-2, 3, [200]);
    expect(drawn.dtype).toBe('int32');
    expect([...new Set(drawn.toTypedArray())].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
    expect(randint(7, 8, [2, 3], { dtype: 'float32' }).toArray()).toEqual([
      [7, 7, 7],
      [7, 7, 7],
    ]);
  });

  it('randperm holds each number once', () => {
    const order = randperm(50, { dtype: 'uint8' });
    expect([...order.toTypedArray()].sort((a, b) => a - b)).toEqual([...Array(50).keys()]);
    expect(randperm(0).shape).toEqual([0]);
  });

  it('bernoulli follows its probabilities, 0 and 1 always', () => {
    const p = tensor([0, 1, 0.25], undefined, { dtype: 'float64' });
    const sums = [0, 0, 0];
    for (let i = 0; i < 4000; i++) {
      using _scope = new Scope();
      const drawn = bernoulli(p);
      expect(drawn.dtype).toBe('float64');
      drawn.toTypedArray().forEach((value, at) => (sums[at] = (sums[at] ?? 0) + value));
    }
    expect(sums.slice(0, 2)).toEqual([0, 4000]);
    // Within five standard deviations.
    expect(Math.abs((sums[2] ?? 0) - 1000)).toBeLessThan(5 * Math.sqrt(4000 * 0.25 * 0.75));
  });

  it('multinomial follows its weights, row by row', () => {
    const weights = tensor([
      [0, 3, 1, 0],
      [2, 0, 2, 4],
    ]);
    const drawn = multinomial(weights, 8000, { replacement: true });
    expect(drawn).toMatchObject({ shape: [2, 8000], dtype: 'int32' });
    const counts = [new Array<number>(4).fill(0), new Array<number>(4).fill(0)];
    drawn.toTypedArray().forEach((position, i) => {
      const own = counts[Math.floor(i / 8000)] ?? [];
      own[position] = (own[position] ?? 0) + 1;
    });
    const expected = [
      [0, 0.75, 0.25, 0],
      [0.25, 0, 0.25, 0.5],
    ];
    counts.forEach((own, row) =>
      own.forEach((count, i) => {
        const p = expected[row]?.[i] ?? NaN;
        expect(Math.abs(count - 8000 * p)).toBeLessThanOrEqual(5 * Math.sqrt(8000 * p * (1 - p)));
      }),
    );
  });

  it('multinomial without replacement draws each once, the heavier ones sooner', () => {
    // The first is 0 by 2/3; the second then follows from what is left: P(0, 1) = 2/3·1/2.
    const weights = tensor([4, 1, 1, 0]);
    const pairs = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      using _scope = new Scope();
      const pair = multinomial(weights, 2).toTypedArray().join();
      pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
    }
    const expected = { '0,1': 1 / 3, '0,2': 1 / 3, '1,0': 2 / 15, '2,0': 2 / 15 };
    for (const [pair, p] of Object.entries(expected)) {
      const away = Math.abs((pairs.get(pair) ?? 0) - 6000 * p);
      expect(away, pair).toBeLessThan(5 * Math.sqrt(6000 * p * (1 - p)));
    }
    expect([...pairs.keys()].sort()).toEqual(['0,1', '0,2', '1,0', '1,2', '2,0', '2,1']);
    const extreme = tensor([1e308, 1e308, 1e-320], undefined, { dtype: 'float64' });
    expect([...multinomial(extreme, 3).toTypedArray()].sort()).toEqual([0, 1, 2]);
    expect(multinomial(extreme, 50, { replacement: true }).toTypedArray()).not.toContain(2);
  });

  it('a graph refuses them, and so does a program', () => {
    const draws: Readonly<Record<string, (x: Tensor) => Tensor>> = {
      randint: () => randint(4, [2]),
      randperm: () => randperm(4),
      bernoulli: (x) => bernoulli(x),
      multinomial: (x) => multinomial(x, 1),
      rand: (x) => randLike(x),
      randn: (x) => randnLike(x),
    };
    const x = full([3], 0.5);
    for (const [name, draw] of Object.entries(draws)) {
      expect(() => trace(draw, x)).toThrow(TapeError);
      expect(() => trace(draw, x)).toThrow(`${name}: expected operations on tensors`);
      expect(() => compile(draw)(x), name).toThrow(TapeError);
    }
  });

  it('a draw from a stream that a call names leaves the global one alone', () => {
    manualSeed(5);
    const untouched = generator('random').state();
    multinomial(ones([4]), 2, { generator: new Generator(1) });
    bernoulli(full([4], 0.5), { generator: new Generator(1) });
    expect(generator('random').state()).toEqual(untouched);
  });
});

describe('a call that is wrong is an error that names the right one', () => {
  refuseMisuses([
    [
      'linspace(0, 1)',
      () => call(linspace, 0, 1),
      ConfigError,
      'linspace: the number of steps must be an integer from 0, got undefined',
    ],
    [
      "linspace('0', 1, 3)",
      () => call(linspace, '0', 1, 3),
      DTypeError,
      "linspace: expected a number for start, got '0'",
    ],
    [
      'linspace of integers with a rest',
      () => linspace(0, 1, 3, { dtype: 'int32' }),
      DTypeError,
      'linspace: int32 holds integers from -2147483648 to 2147483647, got 0.5 at element 1',
    ],
    [
      "eye(2, { dtype: 'int32' })",
      () => call(eye, 2, { dtype: 'int32' }),
      ConfigError,
      "eye: the number of columns must be an integer from 0, got { dtype: 'int32' }",
    ],
    [
      'zerosLike([2])',
      () => call(zerosLike, [2]),
      DTypeError,
      'zerosLike: expected a tensor for x, got [2]; tensor(data) makes one',
    ],
    [
      'onesLike(x, { dType })',
      () => call(onesLike, zeros([1]), { dType: 'int32' }),
      ConfigError,
      "onesLike: unknown option 'dType'; did you mean dtype? The options are dtype, requiresGrad",
    ],
    [
      'fullLike(x)',
      () => call(fullLike, zeros([1])),
      DTypeError,
      'full: expected a number for value, got undefined',
    ],
    [
      'fullLike of what the dtype cannot hold',
      () => fullLike(zeros([1], { dtype: 'uint8' }), 300),
      DTypeError,
      'full: uint8 holds integers from 0 to 255, got 300',
    ],
    [
      'randLike of integers',
      () => randLike(zeros([1], { dtype: 'int32' })),
      DTypeError,
      'rand: expected a float dtype, got int32',
    ],
    [
      'randint(5)',
      () => call(randint, 5),
      ShapeError,
      'randint: expected a shape, a list of dimensions, got undefined',
    ],
    [
      'randint(5, 5, [1])',
      () => randint(5, 5, [1]),
      ConfigError,
      'randint: expected integers low < high, at most 2^32 apart, got 5 and 5; randint(low, high, shape)',
    ],
    [
      'randint(5, [1], null)',
      () => call(randint, 5, [1], null),
      ConfigError,
      'randint: expected options as an object, such as { dtype: … }, got null; the options are dtype, requiresGrad, generator',
    ],
    [
      'randint as bytes that are too small',
      () => randint(300, 301, [1], { dtype: 'uint8' }),
      DTypeError,
      'randint: uint8 holds integers from 0 to 255, got 300',
    ],
    [
      'randperm(-1)',
      () => randperm(-1),
      ConfigError,
      'randperm: n must be an integer from 0, got -1',
    ],
    [
      'bernoulli(0.5)',
      () => call(bernoulli, 0.5),
      DTypeError,
      'bernoulli: expected a tensor for p, got 0.5; tensor(data) makes one',
    ],
    [
      'bernoulli of no probability',
      () => bernoulli(tensor([0.5, 1.5])),
      ConfigError,
      'bernoulli: expected probabilities from 0 to 1, got 1.5 at element 1',
    ],
    [
      'bernoulli of NaN',
      () => bernoulli(tensor([NaN])),
      ConfigError,
      'bernoulli: expected probabilities from 0 to 1, got NaN at element 0',
    ],
    [
      'bernoulli of integers',
      () => bernoulli(tensor([1], undefined, { dtype: 'int32' })),
      DTypeError,
      'bernoulli: expected a float tensor for p, got int32 tensor [1]; cast it first',
    ],
    [
      'multinomial(weights)',
      () => call(multinomial, ones([2])),
      ConfigError,
      'multinomial: the number of samples must be an integer from 1, got undefined',
    ],
    [
      'multinomial(weights, 3, true)',
      () => call(multinomial, ones([2]), 3, true),
      ConfigError,
      'multinomial: expected options as an object, such as { generator: … }, got true; the options are generator, replacement',
    ],
    [
      'multinomial of three axes',
      () => multinomial(ones([2, 2, 2]), 1),
      ShapeError,
      'multinomial: expected weights [n] or [rows, n], got float32 tensor [2,2,2]',
    ],
    [
      'multinomial of a negative weight',
      () => multinomial(tensor([[1], [-1]]), 1),
      ConfigError,
      'multinomial: expected finite weights of at least 0, got -1 at element 0 of row 1',
    ],
    [
      'multinomial of too few weights',
      () => multinomial(tensor([1, 0, 2]), 3),
      ConfigError,
      'multinomial: expected at least 3 weights above 0, got 2 in row 0; { replacement: true } draws a position several times',
    ],
    [
      'multinomial of zeros',
      () => multinomial(zeros([3]), 2, { replacement: true }),
      ConfigError,
      'multinomial: expected at least 1 weights above 0, got 0 in row 0',
    ],
  ]);
});
