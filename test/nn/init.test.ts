import {
  ConfigError,
  Generator,
  manualSeed,
  matmul,
  reshape,
  Scope,
  ShapeError,
  zeros,
  type Tensor,
} from '@unfold/core';
import { init } from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { loadFixture } from '../support/fixtures/fixtures.js';
import { refuse } from '../support/refuse.js';

const { initialisers, gains } = loadFixture('layers');
const { kaimingNormal, kaimingUniform, xavierNormal, xavierUniform } = init;
const byName = { kaimingNormal, kaimingUniform, xavierNormal, xavierUniform };

/** What an initialiser makes of a tensor of zeros. */
function drawn(
  shape: readonly number[],
  fill: (tensor: Tensor, generator: Generator) => void,
  seed = 1,
): number[] {
  using made = zeros(shape, { dtype: 'float64' });
  fill(made, new Generator(seed));
  return Array.from(made.data);
}

const meanOf = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const squareOf = (values: number[]): number => meanOf(values.map((value) => value * value));

describe('initialisers have the range of PyTorch', () => {
  it.each(initialisers)('$init of $shape, $options', ({ init: name, shape, options, expected }) => {
    const values = drawn(shape, (tensor, generator) =>
      byName[name](tensor, { ...options, generator }),
    );
    const n = values.length;
    const isUniform = name.endsWith('Uniform');
    // The variance of a square is 4/45·bound⁴ for a uniform, and 2·deviation⁴ for a normal number.
    const square = isUniform ? expected ** 2 / 3 : expected ** 2;
    const spread = Math.sqrt((isUniform ? 4 / 45 : 2) / n) * expected ** 2;
    expect(Math.abs(squareOf(values) - square)).toBeLessThan(6 * spread);
    expect(Math.abs(meanOf(values))).toBeLessThan(6 * Math.sqrt(square / n));
    const largest = Math.max(...values.map(Math.abs));
    if (isUniform) {
      expect(largest).toBeLessThanOrEqual(expected);
      expect(largest).toBeGreaterThan(expected * 1e-8 ** (1 / n));
    } else expect(largest).toBeGreaterThan(2 * expected);
  });

  it('gains are those of PyTorch', () => {
    const names = ['linear', 'sigmoid', 'tanh', 'relu', 'leakyRelu', 'selu'] as const;
    expectClose(
      names.map((name) => init.calculateGain(name)),
      names.map((name) => gains[name]),
      { rtol: 1e-15, atol: 0 },
    );
  });

  it('draw from the stream init unless they are given a generator', () => {
    const values = (): unknown => {
      using made = zeros([3, 4]);
      init.xavierNormal(made);
      return made.toArray();
    };
    manualSeed(1);
    const first = values();
    expect(values()).not.toEqual(first);
    manualSeed(1);
    expect(values()).toEqual(first);
  });
});

describe('normal', () => {
  it('has the mean and the deviation that were asked for', () => {
    const values = drawn([20_000], (made, generator) =>
      init.normal(made, { mean: 3, std: 0.5, generator }),
    );
    expect(Math.abs(meanOf(values) - 3)).toBeLessThan((6 * 0.5) / Math.sqrt(20_000));
    const variance = squareOf(values.map((value) => value - 3));
    expect(Math.abs(variance / 0.25 - 1)).toBeLessThan(6 * Math.sqrt(2 / 20_000));
  });
});

describe('truncNormal', () => {
  const n = 20_000;

  /** Mean and variance of a normal distribution between a and b, by Simpson's rule. */
  function moments(mean: number, std: number, a: number, b: number): [number, number] {
    const steps = 2000;
    const sums = [0, 0, 0];
    for (let i = 0; i <= steps; i++) {
      const x = a + ((b - a) * i) / steps;
      const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
      const density = weight * Math.exp(-(((x - mean) / std) ** 2) / 2);
      for (const power of [0, 1, 2]) sums[power] = (sums[power] ?? 0) + density * x ** power;
    }
    const [total = 0, first = 0, second = 0] = sums;
    return [first / total, second / total - (first / total) ** 2];
  }

  it.each([
    [0, 1, -2, 2],
    [0, 0.02, -2, 2],
    [1, 2, 0, 1.5],
    [0, 1, 3, 4],
    [5, 0.5, -3, 3],
    [0, 1, 0.1, 0.2],
  ])('mean %d, std %d, from %d to %d', (mean, std, a, b) => {
    const values = drawn([n], (made, generator) =>
      init.truncNormal(made, { mean, std, a, b, generator }),
    );
    expect(Math.min(...values)).toBeGreaterThanOrEqual(a);
    expect(Math.max(...values)).toBeLessThanOrEqual(b);
    // Where the bounds are far outside, the integral runs over what matters only.
    const reach = 12 * std;
    const [expected, variance] = moments(
      mean,
      std,
      Math.max(a, mean - reach),
      Math.min(b, mean + reach),
    );
    expect(Math.abs(meanOf(values) - expected)).toBeLessThan(6 * Math.sqrt(variance / n));
    const found = squareOf(values.map((value) => value - expected));
    // The fourth moment of a truncated or nearly exponential distribution is at most 9 variances².
    expect(Math.abs(found / variance - 1)).toBeLessThan(6 * Math.sqrt(8 / n));
  });

  it('takes infinite bounds', () => {
    const values = drawn([n], (made, generator) =>
      init.truncNormal(made, { a: 0, b: Infinity, generator }),
    );
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    const half = Math.sqrt(2 / Math.PI);
    expect(Math.abs(meanOf(values) - half)).toBeLessThan(6 * Math.sqrt((1 - half * half) / n));
  });
});

describe('orthogonal', () => {
  it.each([
    [[5, 5], 1],
    [[4, 9], 1.5],
    [[9, 4], 0.5],
    [[6, 2, 3, 2], 2],
    [[3, 1], 1],
    [[1, 3], 1],
  ])('%j with gain %d', (shape, gain) => {
    using _scope = new Scope();
    const made = zeros(shape, { dtype: 'float64' });
    init.orthogonal(made, { gain, generator: new Generator(2) });
    const matrix = reshape(made, [shape[0] ?? 1, -1]);
    const [rows = 0, columns = 0] = matrix.shape;
    const wide = rows < columns;
    // The fewer vectors: their products are gain² with themselves and 0 with each other.
    const gram = matmul(matrix, matrix, { transposeA: !wide, transposeB: wide });
    const size = Math.min(rows, columns);
    const expected = Array.from({ length: size * size }, (_, i) =>
      i % (size + 1) === 0 ? gain * gain : 0,
    );
    expectClose(gram.data, expected, { rtol: 1e-13, atol: 1e-13 });
  });

  it("is the Q of the drawn matrix, R's diagonal being positive, as PyTorch's", () => {
    using _scope = new Scope();
    const q = zeros([5, 3], { dtype: 'float64' });
    init.orthogonal(q, { generator: new Generator(6) });
    const drawnMatrix = zeros([5, 3], { dtype: 'float64' });
    init.normal(drawnMatrix, { generator: new Generator(6) });
    const r = matmul(q, drawnMatrix, { transposeA: true }).data;
    for (let i = 0; i < 3; i++) {
      expect(r[i * 3 + i]).toBeGreaterThan(0.1);
      for (let j = 0; j < i; j++) expect(Math.abs(r[i * 3 + j] ?? NaN)).toBeLessThan(1e-14);
    }
  });
});

describe('initialisers refuse', () => {
  const vector = (): Tensor => zeros([4]);
  const matrix = (): Tensor => zeros([4, 3]);
  refuse({
    'a vector': [
      () => init.kaimingNormal(vector()),
      ShapeError,
      'kaimingNormal: expected at least two dimensions, got float32 tensor [4]',
    ],
    'a vector for Xavier': [
      () => init.xavierUniform(vector()),
      ShapeError,
      'xavierUniform: expected at least two dimensions, got float32 tensor [4]',
    ],
    'a vector that should be orthogonal': [
      () => init.orthogonal(vector()),
      ShapeError,
      'orthogonal: expected at least two dimensions, got float32 tensor [4]',
    ],
    'an unknown mode': [
      () => init.kaimingUniform(matrix(), { mode: String('fan_in') as 'fanIn' }),
      ConfigError,
      "kaimingUniform: mode must be 'fanIn' or 'fanOut', got 'fan_in'",
    ],
    'an unknown nonlinearity': [
      () => init.calculateGain(String('silu') as 'relu'),
      ConfigError,
      "calculateGain: unknown nonlinearity 'silu'; there are linear, sigmoid, tanh, relu, " +
        'leakyRelu, selu',
    ],
    'bounds in the wrong order': [
      () => init.truncNormal(vector(), { a: 1, b: -1 }),
      ConfigError,
      'truncNormal: expected a positive std and a < b, got mean 0, std 1, a 1, b -1',
    ],
    'a deviation of 0': [
      () => init.truncNormal(vector(), { std: 0 }),
      ConfigError,
      'truncNormal: expected a positive std and a < b, got mean 0, std 0, a -2, b 2',
    ],
  });
});
