import { ConfigError, Generator } from '@unfold/core';
import { type ImagePlanes, randomErasing, type RandomErasingOptions } from '@unfold/train';
import { describe, expect, it, test } from 'vitest';
import { augmented, moments, noise } from '../support/runs/augment.js';

interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly rows: number;
  readonly columns: number;
}

/** The rectangles that were erased with -1 from `count` images; null where none was. */
function erased(
  options: RandomErasingOptions,
  [height, width]: readonly [number, number],
  count: number,
): (Rectangle | null)[] {
  const augment = randomErasing({ value: -1, ...options });
  const random = new Generator(11);
  return Array.from({ length: count }, () => {
    const image = noise([1, height, width]);
    augment.apply(image, random);
    return rectangleOf(image, width);
  });
}

/** Where the image is -1, which must be a whole rectangle. */
function rectangleOf({ data }: ImagePlanes, width: number): Rectangle | null {
  const gone = [...data.keys()].filter((i) => data[i] === -1);
  if (gone.length === 0) return null;
  const columnsOf = gone.map((i) => i % width);
  const top = Math.floor((gone[0] ?? 0) / width);
  const bottom = Math.floor((gone.at(-1) ?? 0) / width);
  const left = Math.min(...columnsOf);
  const rectangle = {
    top,
    left,
    rows: bottom - top + 1,
    columns: Math.max(...columnsOf) - left + 1,
  };
  expect(gone.length).toBe(rectangle.rows * rectangle.columns);
  return rectangle;
}

const present = (found: readonly (Rectangle | null)[]): Rectangle[] =>
  found.filter((one) => one !== null);

describe('randomErasing', () => {
  it('changes the part p of the images: none, all, half by default', () => {
    expect(present(erased({ p: 0 }, [20, 24], 200))).toHaveLength(0);
    expect(present(erased({ p: 1 }, [20, 24], 200))).toHaveLength(200);
    const half = present(erased({}, [20, 24], 1000)).length;
    // Four standard deviations.
    expect(Math.abs(half - 500)).toBeLessThan(4 * Math.sqrt(250));
  });

  it('areas are uniform in their range, but for the rounding to whole pixels', () => {
    const area = present(erased({ p: 1, scale: [0.1, 0.2] }, [50, 60], 800)).map(
      ({ rows, columns }) => (rows * columns) / 3000,
    );
    expect(Math.min(...area)).toBeGreaterThan(0.09);
    expect(Math.max(...area)).toBeLessThan(0.21);
    const { mean, deviation } = moments(area);
    expect(mean).toBeCloseTo(0.15, 2);
    expect(Math.abs(deviation / (0.1 / Math.sqrt(12)) - 1)).toBeLessThan(0.1);
  });

  it('ratios are height ÷ width, and as often above 1 as below', () => {
    const found = present(erased({ p: 1, scale: [0.1, 0.1], ratio: [0.25, 4] }, [80, 80], 800));
    const ratios = found.map(({ rows, columns }) => Math.log(rows / columns));
    const most = Math.log(4);
    expect(Math.max(...ratios.map(Math.abs))).toBeLessThan(most + 0.06);
    const { mean, deviation } = moments(ratios);
    expect(Math.abs(mean)).toBeLessThan((4 * most) / Math.sqrt(3 * 800));
    expect(Math.abs(deviation / (most / Math.sqrt(3)) - 1)).toBeLessThan(0.1);
    const high = present(erased({ p: 1, scale: [0.1, 0.1], ratio: [3, 4] }, [80, 80], 50));
    for (const { rows, columns } of high) expect(rows / columns).toBeGreaterThan(2.7);
  });

  it('places are uniform, up to every border', () => {
    const options = { p: 1, scale: [0.06, 0.06], ratio: [1, 1] } as const;
    const found = present(erased(options, [8, 9], 600));
    for (const { rows, columns } of found) expect([rows, columns]).toEqual([2, 2]);
    for (const [places, count] of [
      [found.map(({ top }) => top), 7],
      [found.map(({ left }) => left), 8],
    ] as const) {
      expect(Math.min(...places)).toBe(0);
      expect(Math.max(...places)).toBe(count - 1);
      const expected = 600 / count;
      let chiSquared = 0;
      for (let place = 0; place < count; place++) {
        const seen = places.filter((one) => one === place).length;
        chiSquared += (seen - expected) ** 2 / expected;
      }
      // Of 7 degrees of freedom: exceeded once in a thousand.
      expect(chiSquared).toBeLessThan(24.3);
    }
  });

  it('a value for each channel, or noise in 0…1 at each pixel', () => {
    const options = { p: 1, scale: [1, 1], ratio: [1, 1] } as const;
    const image = noise([3, 6, 6]);
    expect([...augmented(randomErasing({ ...options, value: [7, -2, 0.5] }), image).data]).toEqual([
      ...Array(36).fill(7),
      ...Array(36).fill(-2),
      ...Array(36).fill(0.5),
    ]);
    const { data } = augmented(randomErasing({ ...options, value: 'random' }), noise([3, 20, 20]));
    expect(new Set(data).size).toBe(1200);
    expect(Math.min(...data)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...data)).toBeLessThan(1);
    expect(moments([...data]).mean).toBeCloseTo(0.5, 1);
    expect(data.slice(0, 400)).not.toEqual(data.slice(400, 800));
  });

  it('what is outside the rectangle keeps every bit', () => {
    const image = noise([2, 10, 12]);
    const after = augmented(randomErasing({ p: 1, scale: [0.2, 0.2], value: -1 }), image).data;
    const kept = [...after.keys()].filter((i) => after[i] !== -1);
    expect(kept.length).toBeGreaterThan(180);
    for (const i of kept) expect(after[i]).toBe(image.data[i]);
  });

  it('leaves an image in which nothing fits', () => {
    const options = { p: 1, scale: [0.9, 0.9], ratio: [100, 200] } as const;
    expect(present(erased(options, [10, 10], 20))).toHaveLength(0);
    expect(present(erased({ p: 1 }, [1, 1], 20)).every(({ rows }) => rows === 1)).toBe(true);
  });

  test.each<[object, string]>([
    [{ p: 1.1 }, 'randomErasing: p: expected a number, within 0 … 1, got 1.1'],
    [{ p: NaN }, 'randomErasing: p: expected a number, within 0 … 1, got NaN'],
    [
      { scale: [0.5, 1.5] },
      'randomErasing: scale: expected [min, max], within 0 … 1, got [0.5, 1.5]',
    ],
    [{ scale: 0.5 }, 'randomErasing: scale: expected [min, max], within 0 … 1, got 0.5'],
    [
      { ratio: [0, 1] },
      'randomErasing: ratio: expected [min, max], finite and above 0, got [0, 1]',
    ],
    [
      { value: 'noise' },
      "randomErasing: value: expected a finite number, or one for each channel, got 'noise'",
    ],
    [{ q: 1 }, "randomErasing: unknown option 'q'; the options are p, scale, ratio, value"],
  ])('bad options: %j', (options, message) => {
    expect(() => randomErasing(options)).toThrow(new ConfigError(message));
  });

  it('values for other channels are an error', () => {
    expect(() => augmented(randomErasing({ value: [1, 2] }), noise([1, 4, 4]))).toThrow(
      new ConfigError(
        'randomErasing: value: expected a number, or one for each of 1 channels, got [1, 2]',
      ),
    );
  });
});
