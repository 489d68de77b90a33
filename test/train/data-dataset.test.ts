import { ConfigError, DTypeError, Generator, manualSeed, ShapeError } from '@unfold/core';
import { Dataset, type DatasetArrays, normalizationOf, randomSplit } from '@unfold/train';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../support/failure.js';

/** Images of shape [2, 1, 3] whose pixels tell which image they are of; label i is i % 4. */
function numbered(count: number): Dataset {
  return Dataset.fromArrays({
    images: Uint8Array.from({ length: count * 6 }, (_, i) => Math.floor(i / 6)),
    shape: [2, 1, 3],
    labels: Array.from({ length: count }, (_, i) => i % 4),
    classes: 4,
  });
}

/** Which of `numbered`'s images a view holds, by its pixels; its labels must agree. */
function members(dataset: Dataset): number[] {
  return Array.from({ length: dataset.length }, (_, i) => {
    const image = dataset.image(i);
    expect(image).toHaveLength(dataset.pixels);
    expect(new Set(image).size).toBe(1);
    expect(dataset.label(i)).toBe((image[0] as number) % 4);
    return image[0] as number;
  });
}

describe('fromArrays', () => {
  test('keeps the arrays', () => {
    const images = new Float32Array(12);
    const labels = Int32Array.of(5, 900);
    const dataset = Dataset.fromArrays({ images, shape: [1, 2, 3], labels });
    expect(dataset.images).toBe(images);
    expect(dataset.labels).toBe(labels);
    expect([dataset.length, dataset.pixels, dataset.classes]).toEqual([2, 6, null]);
    expect(dataset.shape).toEqual([1, 2, 3]);
  });

  const good: DatasetArrays = { images: new Uint8Array(8), shape: [1, 2, 2], labels: [0, 1] };
  test.each<[string, Partial<DatasetArrays>, unknown, string]>([
    [
      'no images',
      { images: new Uint8Array(0), labels: [] },
      ConfigError,
      'expected at least one image, got an empty dataset; nothing can be trained or measured on it',
    ],
    [
      'a count of labels that differs',
      { labels: [0, 1, 2] },
      ShapeError,
      'expected as many labels as images, got 2 images of shape [1, 2, 2] and 3 labels; do they come from the same part of the data?',
    ],
    [
      'half an image',
      { images: new Uint8Array(10) },
      ShapeError,
      'images: expected a multiple of 4 pixels for shape [1, 2, 2], got 10',
    ],
    [
      'a shape without channels',
      { shape: [2, 2] },
      ShapeError,
      'shape: expected [C, H, W], positive integers, got [2, 2]; for grey images write [1, H, W]',
    ],
    [
      'a shape with 0',
      { shape: [1, 0, 2] },
      ShapeError,
      'shape: expected [C, H, W], positive integers, got [1, 0, 2]',
    ],
    [
      'a label that is no integer',
      { labels: [0, 1.5] },
      DTypeError,
      'labels[1]: expected an integer, got 1.5',
    ],
    [
      'a negative label',
      { labels: [-1, 0] },
      ConfigError,
      'labels[0]: expected a class from 0 to 2147483647, got -1',
    ],
    [
      'a label beyond the classes',
      { labels: [3, 4], classes: 4 },
      ConfigError,
      'labels[1]: expected a class from 0 to 3, got 4',
    ],
    ['no classes', { classes: 0 }, ConfigError, 'classes must be an integer from 1, got 0'],
  ])('%s', (_, change, kind, message) => {
    expect(thrownBy(() => Dataset.fromArrays({ ...good, ...change }))).toEqual({
      kind,
      message: `Dataset.fromArrays: ${message}`,
    });
  });

  test('images of another type', () => {
    // What a caller without types can hand over.
    const images: unknown = new Float64Array(8);
    const arrays = Object.assign({ ...good }, { images });
    expect(thrownBy(() => Reflect.apply(Dataset.fromArrays, Dataset, [arrays]))).toEqual({
      kind: DTypeError,
      message:
        'Dataset.fromArrays: images: expected a Uint8Array (scaled to 0..1 by the loader) or a Float32Array, got a Float64Array',
    });
  });
});

describe('views', () => {
  test('slice and subset, one on the other, as on a list; images are shared', () => {
    const whole = numbered(10);
    const list = Array.from({ length: 10 }, (_, i) => i);
    const range = fc
      .tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 10 }))
      .filter(([start, end]) => start < end);
    const picks = fc.array(fc.nat(), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(range, picks, range, ([start, end], wanted, [from, to]) => {
        let view = whole.slice(start, end);
        let expected = list.slice(start, end);
        const indices = wanted.map((n) => n % view.length);
        view = view.subset(indices);
        expected = indices.map((i) => expected[i] as number);
        expect(members(view)).toEqual(expected);
        expect(view.images.buffer).toBe(whole.images.buffer);
        if (to <= view.length) {
          expect(members(view.slice(from, to))).toEqual(expected.slice(from, to));
          expect(members(view.slice(from))).toEqual(expected.slice(from));
        }
        const back = view.subset(expected.map((_, i) => expected.length - 1 - i));
        expect(members(back)).toEqual([...expected].reverse());
      }),
    );
  });

  test.each<[string, () => unknown, string]>([
    [
      'a range beyond the end',
      () => numbered(4).slice(2, 5),
      'Dataset.slice: expected a range within 0 to 4, got 2 to 5',
    ],
    [
      'a negative start',
      () => numbered(4).slice(-1),
      'Dataset.slice: expected a range within 0 to 4, got -1 to 4',
    ],
    [
      'an empty range',
      () => numbered(4).slice(2, 2),
      'Dataset.slice: expected at least one image, got an empty dataset (2 to 2); nothing can be trained or measured on it',
    ],
    [
      'an index beyond the end',
      () => numbered(4).subset([0, 4]),
      'Dataset.subset: indices[1]: expected an integer from 0 to 3, got 4',
    ],
    [
      'an index that is no integer',
      () => numbered(4).subset([0.5]),
      'Dataset.subset: indices[0]: expected an integer from 0 to 3, got 0.5',
    ],
    [
      'no indices',
      () => numbered(4).subset([]),
      'Dataset.subset: expected at least one image, got an empty dataset; nothing can be trained or measured on it',
    ],
    [
      'the label of no image',
      () => numbered(4).label(4),
      'Dataset.label: expected an index from 0 to 3, got 4',
    ],
    [
      'the pixels of no image',
      () => numbered(4).image(-1),
      'Dataset.image: expected an index from 0 to 3, got -1',
    ],
  ])('%s', (_, make, message) => {
    expect(thrownBy(make)).toEqual({ kind: ConfigError, message });
  });
});

describe('randomSplit', () => {
  test('parts do not overlap, cover the dataset, and are in random order', () => {
    const parts = randomSplit(numbered(100), [70, 20, 10], { seed: 3 }).map(members);
    expect(parts.map((part) => part.length)).toEqual([70, 20, 10]);
    const all = parts.flat();
    expect(all).not.toEqual([...all].sort((a, b) => a - b));
    expect(new Set(all).size).toBe(100);
  });

  test.each([
    [10, [0.5, 0.5], [5, 5]],
    [10, [1 / 3, 1 / 3, 1 / 3], [4, 3, 3]],
    [11, [0.25, 0.25, 0.5], [3, 3, 5]],
    [7, [1], [7]],
    [1, [1], [1]],
  ])('%i images by fractions %j', (count, fractions, lengths) => {
    const parts = randomSplit(numbered(count), fractions, { seed: 1 });
    expect(parts.map((part) => part.length)).toEqual(lengths);
  });

  test('a seed, or a generator in the same state, gives the same parts; another does not', () => {
    const split = (options: Parameters<typeof randomSplit>[2]): number[][] =>
      randomSplit(numbered(50), [25, 25], options).map(members);
    expect(split({ seed: 1 })).toEqual(split({ generator: new Generator(1, 'shuffle') }));
    expect(split({ seed: 1 })).not.toEqual(split({ seed: 2 }));
    manualSeed(1);
    expect(split({})).toEqual(split({ seed: 1 }));
  });

  test.each<[readonly number[], string]>([
    [
      [5, 4],
      "expected counts that sum to the dataset's 10 images, or fractions that sum to 1, got [5, 4], which sum to 9",
    ],
    [
      [0.5, 0.4],
      "expected counts that sum to the dataset's 10 images, or fractions that sum to 1, got [0.5, 0.4], which sum to 0.9",
    ],
    [
      [12, -2],
      "expected counts that sum to the dataset's 10 images, or fractions that sum to 1, got [12, -2], which sum to 10",
    ],
    [
      [],
      "expected counts that sum to the dataset's 10 images, or fractions that sum to 1, got [], which sum to 0",
    ],
    [
      [10, 0],
      'expected at least one image, got an empty dataset (part 1 of [10, 0]); nothing can be trained or measured on it',
    ],
  ])('lengths %j', (lengths, message) => {
    expect(thrownBy(() => randomSplit(numbered(10), lengths))).toEqual({
      kind: ConfigError,
      message: `randomSplit: ${message}`,
    });
  });

  test('both a seed and a generator', () => {
    const options = { seed: 1, generator: new Generator(1) };
    expect(thrownBy(() => randomSplit(numbered(2), [1, 1], options))).toEqual({
      kind: ConfigError,
      message: 'randomSplit: expected a generator or a seed, got both; leave one of them out',
    });
  });
});

describe('normalizationOf', () => {
  test('bytes: mean and deviation of each channel, on the scale 0 to 1', () => {
    const dataset = Dataset.fromArrays({
      images: Uint8Array.of(0, 255, 10, 20, 255, 0, 30, 40),
      shape: [2, 1, 2],
      labels: [0, 1],
    });
    const { mean, std } = normalizationOf(dataset);
    expect(mean[0]).toBeCloseTo(0.5, 15);
    expect(std[0]).toBeCloseTo(0.5, 15);
    expect(mean[1]).toBeCloseTo(25 / 255, 15);
    expect(std[1]).toBeCloseTo(Math.sqrt(125) / 255, 15);
  });

  test('numbers far from 0 keep their deviation; a view counts its own images only', () => {
    const dataset = Dataset.fromArrays({
      images: Float32Array.of(1e6, 1e6 + 1, 1e6 + 2, 1e6 + 3, 77, 5),
      shape: [1, 1, 2],
      labels: [0, 1, 2],
    });
    const { mean, std } = normalizationOf(dataset.subset([1, 0]));
    expect(mean).toEqual([1e6 + 1.5]);
    expect(std[0]).toBeCloseTo(Math.sqrt(1.25), 12);
  });

  test('is plain JSON', () => {
    const normalization = normalizationOf(numbered(5));
    expect(JSON.parse(JSON.stringify(normalization))).toEqual(normalization);
  });

  test.each([
    ['a channel of equal pixels', Float32Array.of(0, 1, 7, 7), 1, 'mean 7, std 0'],
    ['a NaN', Float32Array.of(0, NaN, 1, 2), 0, 'mean NaN, std NaN'],
  ])('%s', (_, images, channel, got) => {
    const dataset = Dataset.fromArrays({ images, shape: [2, 1, 2], labels: [0] });
    expect(thrownBy(() => normalizationOf(dataset))).toEqual({
      kind: ConfigError,
      message:
        `normalizationOf: normalization of channel ${channel}: expected a finite mean and a finite std above 0, ` +
        `got ${got}; are all pixels equal, or some not finite?`,
    });
  });
});
