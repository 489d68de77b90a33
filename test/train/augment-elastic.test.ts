import { ConfigError, Generator } from '@unfold/core';
import { affine, compose, elastic, type ImagePlanes, randomAffine } from '@unfold/train';
import { describe, expect, it, test } from 'vitest';
import { augmented, changed, moments, noise } from '../support/runs/augment.js';
import { expectClose } from '../support/compare.js';

/** Images of two channels whose values are column and row: what a warp makes of it is where it reads. */
function coordinates(height: number, width: number): ImagePlanes {
  const size = height * width;
  const data = Float64Array.from({ length: 2 * size }, (_, i) =>
    i < size ? i % width : Math.floor((i - size) / width),
  );
  return { data, shape: [2, height, width] };
}

/** The displacement along x of the pixel in the middle, for each of `count` draws. */
function atCentre(options: Parameters<typeof elastic>[0], size: number, count: number): number[] {
  const augment = elastic(options);
  const random = new Generator(5);
  const middle = (size >> 1) * size + (size >> 1);
  return Array.from({ length: count }, () => {
    const image = coordinates(size, size);
    augment.apply(image, random);
    return (image.data[middle] ?? NaN) - (size >> 1);
  });
}

describe('elastic', () => {
  it('of alpha 0 leaves every bit; of any size, and in every channel alike', () => {
    for (const shape of [
      [1, 1, 1],
      [3, 7, 5],
      [1, 1, 9],
      [2, 33, 2],
    ] as const) {
      const image = noise(shape);
      expect(augmented(elastic({ alpha: 0 }), image).data).toEqual(image.data);
      const [, height, width] = shape;
      const size = height * width;
      const grey = { data: image.data.slice(0, size), shape: [1, height, width] as const };
      const alone = augmented(elastic({ alpha: 20, sigma: 2 }), grey);
      const together = augmented(elastic({ alpha: 20, sigma: 2 }), image);
      expect(together.data.slice(0, size)).toEqual(alone.data);
    }
  });

  it('a displacement is alpha·uniform(±1) smoothed: its mean is 0, its deviation known', () => {
    const sigma = 2;
    const [alpha, count] = [9, 1500];
    const weights = Array.from({ length: 13 }, (_, i) =>
      Math.exp(-((i - 6) ** 2) / 2 / sigma ** 2),
    );
    const sum = weights.reduce((a, b) => a + b);
    const squares = weights.reduce((a, b) => a + (b / sum) ** 2, 0);
    const expected = alpha * Math.sqrt(1 / 3) * squares;
    expect(expected).toBeCloseTo((0.163 * alpha) / sigma, 2);
    const { mean, deviation } = moments(atCentre({ alpha, sigma }, 17, count));
    expect(Math.abs(mean)).toBeLessThan((4 * expected) / Math.sqrt(count));
    expect(Math.abs(deviation / expected - 1)).toBeLessThan(4 / Math.sqrt(2 * count));
  });

  it('is smooth: neighbours move nearly alike, more so for a larger sigma', () => {
    const roughness = (sigma: number): number => {
      const size = 40;
      const { data } = augmented(elastic({ alpha: 3 * sigma, sigma }), coordinates(size, size), 3);
      const inside: number[] = [];
      for (let row = 12; row < 28; row++) {
        for (let column = 12; column < 28; column++) {
          const at = row * size + column;
          inside.push((data[at + 1] ?? NaN) - (data[at] ?? NaN) - 1);
        }
      }
      return moments(inside).deviation;
    };
    // Displacements are of the same size; their slopes fall as 1 ÷ (sigma·√2).
    expect(roughness(1)).toBeGreaterThan(0.2);
    expect(roughness(4)).toBeLessThan(0.15);
    expect(roughness(4)).toBeGreaterThan(0.04);
  });

  it('both axes move, by different numbers', () => {
    const { data } = augmented(elastic({ alpha: 20, sigma: 3 }), coordinates(15, 15));
    const base = coordinates(15, 15).data;
    const at = 7 * 15 + 7;
    const dx = (data[at] ?? NaN) - (base[at] ?? NaN);
    const dy = (data[225 + at] ?? NaN) - (base[225 + at] ?? NaN);
    expect(Math.abs(dx)).toBeGreaterThan(0.01);
    expect(Math.abs(dy)).toBeGreaterThan(0.01);
    expect(Math.abs(dx - dy)).toBeGreaterThan(0.01);
  });

  it('keeps the mass of a digit roughly', () => {
    const masses = Array.from({ length: 50 }, (_, seed) => {
      const digit = changed(noise([1, 28, 28]), ({ data }) => {
        data.forEach((_, i) => {
          const distance = Math.hypot((i % 28) - 13, Math.floor(i / 28) - 14);
          data[i] = distance < 6 && distance > 3 ? 1 : 0;
        });
      });
      const before = digit.data.reduce((a, b) => a + b, 0);
      const after = augmented(elastic(), digit, seed).data;
      expect(Math.min(...after)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...after)).toBeLessThanOrEqual(1);
      return after.reduce((a, b) => a + b, 0) / before;
    });
    const { mean, deviation } = moments(masses);
    expect(Math.abs(mean - 1)).toBeLessThan(0.1);
    expect(deviation).toBeGreaterThan(0.01);
    expect(deviation).toBeLessThan(0.3);
  });

  it('shows the fill where it reads outside', () => {
    const image = changed(noise([1, 9, 9]), ({ data }) => data.fill(1));
    const shaken = augmented(elastic({ alpha: 1000, sigma: 1, fill: -3 }), image).data;
    expect(shaken).toContain(-3);
    const only = augmented(elastic({ alpha: 1000, sigma: 1, fill: 1 }), image).data;
    expect(only).toEqual(image.data);
  });

  it('after an affine step reads once, at the affine place of the displaced pixel', () => {
    const [height, width] = [13, 11];
    const warp = elastic({ alpha: 4, sigma: 2 });
    const turn = randomAffine({ degrees: [20, 20], scale: [2, 2] });
    // Six numbers are drawn by the affine step first.
    const random = new Generator(9);
    for (let i = 0; i < 6; i++) random.uniform();
    const displaced = coordinates(height, width);
    warp.apply(displaced, random);
    const both = coordinates(height, width);
    compose([turn, warp]).apply(both, new Generator(9));
    const size = height * width;
    const radians = (20 * Math.PI) / 180;
    const [sin, cos] = [Math.sin(radians) / 2, Math.cos(radians) / 2];
    // Near the middle neither reads outside.
    for (let row = 4; row < 9; row++) {
      for (let column = 4; column < 7; column++) {
        const at = row * width + column;
        const x = (displaced.data[at] ?? NaN) - 5;
        const y = (displaced.data[size + at] ?? NaN) - 6;
        const expected = [5 + cos * x + sin * y, 6 - sin * x + cos * y];
        expectClose([both.data[at] ?? NaN, both.data[size + at] ?? NaN], expected, {
          rtol: 0,
          atol: 1e-12,
        });
      }
    }
  });

  it('before an affine step moves each pixel by the displacement of the place it comes from', () => {
    const warp = elastic({ alpha: 6, sigma: 2 });
    const shift = randomAffine({ translate: 0, degrees: [90, 90] });
    const image = noise([1, 15, 15]);
    const turned = changed(augmented(warp, image, 4), (copy) => affine(copy, { angle: 90 }));
    // A quarter turn reads at whole pixels, so that one resampling and two are the same.
    expectClose(augmented(compose([warp, shift]), image, 4).data, turned.data, {
      rtol: 0,
      atol: 1e-13,
    });
  });

  it('twice in a chain draws twice', () => {
    const warp = elastic({ alpha: 6, sigma: 2 });
    const image = coordinates(15, 15);
    const at = 7 * 15 + 7;
    const once = (augmented(warp, image, 6).data[at] ?? NaN) - 7;
    const twice = (augmented(compose([warp, warp]), image, 6).data[at] ?? NaN) - 7;
    expect(Math.abs(twice - 2 * once)).toBeGreaterThan(0.01);
  });

  test.each<[object, string]>([
    [{ alpha: -1 }, 'elastic: alpha: expected a number, finite and at least 0, got -1'],
    [{ sigma: 0 }, 'elastic: sigma: expected a number, within 0.1 … 1000, got 0'],
    [{ sigma: NaN }, 'elastic: sigma: expected a number, within 0.1 … 1000, got NaN'],
    [{ fill: [] }, 'elastic: fill: expected a finite number, or one for each channel, got []'],
    [{ strength: 1 }, "elastic: unknown option 'strength'; the options are alpha, sigma, fill"],
  ])('bad options: %j', (options, message) => {
    expect(() => elastic(options)).toThrow(new ConfigError(message));
  });
});
