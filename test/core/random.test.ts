import {
  bufferOf,
  ConfigError,
  Generator,
  generator,
  manualSeed,
  rand,
  randn,
  rngState,
  Scope,
  setRngState,
  zeros,
  type GeneratorState,
  type RngState,
} from '@unfold/core';
import { bytesOf, stateOf } from '@unfold/core/internal';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { kernelsFor } from '../support/kernels/all-kernels.js';

const many = <T>(n: number, draw: () => T): T[] => Array.from({ length: n }, draw);

describe('Generator', () => {
  it('is xoshiro128**', () => {
    // By hand: rotl(5·2, 7)·9 = 11520; the next state has 0 in its second word; …
    const source = new Generator(0);
    source.setState({ words: [1, 2, 3, 4], spareNormal: null });
    expect(many(4, () => source.uint32())).toEqual([11520, 0, 5927040, 70819200]);
  });

  it('gives the numbers that it always gave', () => {
    // A change here means that no seeded result of an earlier version can be repeated.
    const bits = new Generator(0);
    expect(many(4, () => bits.uint32())).toEqual([3390045776, 2323056484, 751409193, 2577343646]);
    const uniform = new Generator(1);
    expect(many(3, () => uniform.uniform())).toEqual([
      0.7616184672569214, 0.37837205494321746, 0.7837122635390859,
    ]);
    const normal = new Generator(2, 'init');
    expect(many(3, () => normal.normal())).toEqual([
      -0.3718400482212544, -1.0668810013533934, 0.3099472465170501,
    ]);
    const integers = new Generator(3);
    expect(many(8, () => integers.integer(10))).toEqual([0, 5, 8, 7, 1, 5, 8, 9]);
    expect([...new Generator(4).permutation(10)]).toEqual([6, 2, 8, 7, 1, 9, 3, 4, 0, 5]);
    expect(new Generator(5, 'shuffle').state()).toEqual({
      words: [1653089706, 896521158, 4250973435, 3295075919],
      spareNormal: null,
    });
  });

  it('gives the same numbers where a kernel draws, too, and after it', () => {
    const [plain, shared] = [new Generator(8), new Generator(8)];
    plain.uint32();
    shared.uint32();
    const state = stateOf(shared);
    expect(shared.state()).toEqual(plain.state());
    using _scope = new Scope();
    // Eight bytes are two words, and no byte is 256.
    kernelsFor('float32').drawMask(
      bytesOf('test', bufferOf(zeros([8], { dtype: 'bool' }))),
      state,
      {
        p: 1e-20,
      },
    );
    plain.uint32();
    plain.uint32();
    expect(many(3, () => shared.normal())).toEqual(many(3, () => plain.normal()));
    expect(shared.state()).toEqual(plain.state());
    shared.setState(new Generator(9).state());
    expect(shared.uint32()).toBe(new Generator(9).uint32());
  });

  it('gives the same numbers for the same seed and stream', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.string(), (seed, stream) => {
        const [a, b] = [new Generator(seed, stream), new Generator(seed, stream)];
        expect(many(5, () => a.normal())).toEqual(many(5, () => b.normal()));
      }),
    );
  });

  it('gives others for another seed, in the low and in the high bits, or another stream', () => {
    const states = [
      new Generator(0),
      new Generator(1),
      new Generator(2 ** 31),
      new Generator(2 ** 32),
      new Generator(2 ** 53 - 1),
      new Generator(0, 'init'),
      new Generator(0, 'shuffle'),
      new Generator(0, 'tini'),
      new Generator(1, 'init'),
    ];
    expect(new Set(states.map((g) => g.uniform())).size).toBe(states.length);
  });

  it('has streams that do not follow one another', () => {
    const n = 20_000;
    const [a, b] = [new Generator(7, 'init'), new Generator(7, 'shuffle')];
    let product = 0;
    for (let i = 0; i < n; i++) product += (a.uniform() - 0.5) * (b.uniform() - 0.5);
    // The correlation of independent numbers is 0 ± 1/√n.
    expect(Math.abs((product / n) * 12)).toBeLessThan(4 / Math.sqrt(n));
  });

  it('is uniform in [0, 1)', () => {
    const source = new Generator(11);
    const n = 100_000;
    const counts = new Array<number>(10).fill(0);
    let [sum, squares, outside] = [0, 0, 0];
    for (let i = 0; i < n; i++) {
      const x = source.uniform();
      if (!(x >= 0 && x < 1)) outside++;
      const bin = Math.floor(x * 10);
      counts[bin] = (counts[bin] ?? 0) + 1;
      sum += x;
      squares += x * x;
    }
    expect(outside).toBe(0);
    expect(sum / n).toBeCloseTo(1 / 2, 2);
    expect(squares / n).toBeCloseTo(1 / 3, 2);
    // χ² with 9 degrees of freedom: beyond 28 once in a thousand seeds.
    const chi = counts.reduce((total, count) => total + (count - n / 10) ** 2 / (n / 10), 0);
    expect(chi).toBeLessThan(28);
  });

  it('is normal: mean 0, variance 1, skewness 0, kurtosis 3, and the tails are there', () => {
    const source = new Generator(12);
    const n = 100_000;
    const moments = [0, 0, 0, 0];
    let beyond2 = 0;
    let serial = 0;
    let previous = 0;
    for (let i = 0; i < n; i++) {
      const x = source.normal();
      for (let k = 0; k < 4; k++) moments[k] = (moments[k] ?? 0) + x ** (k + 1) / n;
      if (Math.abs(x) > 2) beyond2++;
      serial += (x * previous) / n;
      previous = x;
    }
    expect(Math.abs(moments[0] ?? 1)).toBeLessThan(0.015);
    expect(Math.abs((moments[1] ?? 0) - 1)).toBeLessThan(0.02);
    expect(Math.abs(moments[2] ?? 1)).toBeLessThan(0.04);
    expect(Math.abs((moments[3] ?? 0) - 3)).toBeLessThan(0.1);
    // P(|x| > 2) = 4.55 %.
    expect(beyond2 / n).toBeCloseTo(0.0455, 2);
    // The two numbers of a pair, and neighbours, are independent.
    expect(Math.abs(serial)).toBeLessThan(0.015);
  });

  it('draws every integer below n, all alike', () => {
    const source = new Generator(13);
    const n = 7;
    const counts = new Array<number>(n).fill(0);
    for (let i = 0; i < 70_000; i++) {
      const drawn = source.integer(n);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    expect(counts).toHaveLength(n);
    // χ² with 6 degrees of freedom: beyond 22.5 once in a thousand seeds.
    expect(counts.reduce((sum, c) => sum + (c - 10_000) ** 2 / 10_000, 0)).toBeLessThan(22.5);
  });

  it('has no bias where n does not divide 2³²', () => {
    // By a bare remainder, a third of the range would come twice as often as the rest.
    const source = new Generator(14);
    const n = 3 * 2 ** 30;
    let low = 0;
    for (let i = 0; i < 30_000; i++) if (source.integer(n) < 2 ** 30) low++;
    expect(low / 30_000).toBeCloseTo(1 / 3, 1);
    expect(new Generator(1).integer(1)).toBe(0);
    expect(new Generator(1).integer(2 ** 32)).toBe(new Generator(1).uint32());
  });

  it.each([0, -1, 1.5, NaN, 2 ** 32 + 1])('refuses integer(%s)', (n) => {
    expect(() => new Generator(0).integer(n)).toThrow(
      new ConfigError(`integer: expected n from 1 to 2^32, got ${n}`),
    );
  });

  it.each([-1, 0.5, NaN, Infinity, 2 ** 53])('refuses the seed %s', (seed) => {
    const error = new ConfigError(`seed: expected an integer from 0 to 2^53 - 1, got ${seed}`);
    expect(() => new Generator(seed)).toThrow(error);
    expect(() => manualSeed(seed)).toThrow(error);
  });
});

describe('permutation', () => {
  it('holds each number once', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.maxSafeNat(), (n, seed) => {
        const order = new Generator(seed).permutation(n);
        expect(order).toBeInstanceOf(Int32Array);
        expect([...order].sort((a, b) => a - b)).toEqual([...new Array(n).keys()]);
      }),
    );
  });

  it('gives each order of three equally often', () => {
    const source = new Generator(15);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const key = source.permutation(3).join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // χ² with 5 degrees of freedom: beyond 20.5 once in a thousand seeds.
    const chi = [...counts.values()].reduce((sum, c) => sum + (c - 1000) ** 2 / 1000, 0);
    expect(chi).toBeLessThan(20.5);
  });

  it.each([-1, 2.5, NaN])('refuses permutation(%s)', (n) => {
    expect(() => new Generator(0).permutation(n)).toThrow(
      new ConfigError(`permutation: expected an integer of at least 0, got ${n}`),
    );
  });
});

describe('state', () => {
  it('goes on where it stood, through JSON, also between the two numbers of a pair', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(9), (seed, drawn) => {
        const source = new Generator(seed, 'x');
        many(drawn, () => source.normal());
        const saved = JSON.parse(JSON.stringify(source.state())) as GeneratorState;
        const expected = many(5, () => [source.normal(), source.uint32()]);
        const restored = new Generator(0);
        restored.setState(saved);
        expect(many(5, () => [restored.normal(), restored.uint32()])).toEqual(expected);
      }),
    );
  });

  it('is a copy', () => {
    const source = new Generator(1);
    const saved = source.state();
    const copy = structuredClone(saved);
    source.uint32();
    expect(saved).toEqual(copy);
    expect(source.state()).not.toEqual(copy);
  });

  it.each([
    ['nothing', {}],
    ['three words', { words: [1, 2, 3], spareNormal: null }],
    ['zeros', { words: [0, 0, 0, 0], spareNormal: null }],
    ['a negative word', { words: [-1, 2, 3, 4], spareNormal: null }],
    ['a fraction', { words: [1.5, 2, 3, 4], spareNormal: null }],
    ['a word of 33 bits', { words: [2 ** 32, 2, 3, 4], spareNormal: null }],
    ['a text', { words: '1234', spareNormal: null }],
    ['no spare number', { words: [1, 2, 3, 4] }],
    ['a spare NaN', { words: [1, 2, 3, 4], spareNormal: NaN }],
  ])('refuses %s', (_, state) => {
    const source = new Generator(1);
    const before = source.state();
    expect(() => source.setState(state as GeneratorState)).toThrow(
      new ConfigError(
        'setState: expected { words, spareNormal } as state() gives it: four words of 32 bits ' +
          'that are not all 0, and a number or null',
      ),
    );
    expect(source.state()).toEqual(before);
  });
});

describe('the global streams', () => {
  afterEach(() => manualSeed(0));

  it('start from seed 0', () => {
    manualSeed(0);
    expect(generator('init').uint32()).toBe(new Generator(0, 'init').uint32());
  });

  it('are one generator a name, apart from the others', () => {
    manualSeed(5);
    expect(generator('a')).toBe(generator('a'));
    const expected = new Generator(5, 'a');
    many(10, () => generator('b').uint32());
    expect(generator('a').uint32()).toBe(expected.uint32());
    expect(generator('a').uint32()).toBe(expected.uint32());
  });

  it('start anew with manualSeed, also for those who hold one', () => {
    manualSeed(6);
    const held = generator('shuffle');
    const first = held.permutation(20);
    expect(held.permutation(20)).not.toEqual(first);
    manualSeed(6);
    expect(generator('shuffle')).toBe(held);
    expect(held.permutation(20)).toEqual(first);
    manualSeed(7);
    expect(held.permutation(20)).not.toEqual(first);
  });

  it('forget the spare normal number too', () => {
    manualSeed(6);
    const first = generator('x').normal();
    manualSeed(6);
    expect(generator('x').normal()).toBe(first);
  });
});

describe('the state of all streams', () => {
  afterEach(() => manualSeed(0));

  it('lets every stream go on where it stood, by way of JSON', () => {
    manualSeed(11);
    const held = generator('shuffle');
    held.uniform();
    generator('x').normal();
    const state = JSON.parse(JSON.stringify(rngState())) as RngState;
    const expected = [held.uniform(), generator('x').normal(), generator('later').uniform()];
    manualSeed(12);
    held.uniform();
    setRngState(state);
    expect([held.uniform(), generator('x').normal(), generator('later').uniform()]).toEqual(
      expected,
    );
    expect(generator('shuffle')).toBe(held);
  });

  it('is checked before anything is changed', () => {
    manualSeed(11);
    generator('x');
    const before = rngState();
    const bad = { words: [0, 0, 0, 0], spareNormal: null } as const;
    expect(() => setRngState({ seed: 3, streams: { a: generator('x').state(), b: bad } })).toThrow(
      ConfigError,
    );
    expect(() => setRngState({ seed: -1, streams: {} })).toThrow(ConfigError);
    expect(rngState()).toEqual(before);
  });
});

describe('rand and randn', () => {
  afterEach(() => manualSeed(0));

  it('draw from the stream "random", or from a given generator', () => {
    using _scope = new Scope();
    manualSeed(8);
    const first = randn([5]).toTypedArray();
    const second = rand([5]).toTypedArray();
    manualSeed(8);
    generator('init').normal();
    expect(randn([5]).toTypedArray()).toEqual(first);
    expect(rand([5]).toTypedArray()).toEqual(second);
    const own = randn([5], { generator: new Generator(8, 'random') });
    expect(own.toTypedArray()).toEqual(first);
  });

  it('are the same numbers in float32 and float64, but for rounding', () => {
    using _scope = new Scope();
    for (const draw of [rand, randn]) {
      const single = draw([100], { generator: new Generator(9) });
      const double = draw([100], { generator: new Generator(9), dtype: 'float64' });
      expect(single.dtype).toBe('float32');
      expect(double.dtype).toBe('float64');
      double.data.forEach((value, i) =>
        expect(Math.abs((single.data[i] as number) - value)).toBeLessThan(2 ** -23),
      );
    }
  });

  it('rand stays below 1 in float32, where 1 - 2⁻⁵³ would be rounded up', () => {
    using _scope = new Scope();
    const generator = new Generator(0);
    generator.uniform = () => 1 - 2 ** -53;
    expect(rand([1], { generator }).item()).toBe(1 - 2 ** -24);
    expect(rand([1], { generator, dtype: 'float64' }).item()).toBe(1 - 2 ** -53);
  });
});
