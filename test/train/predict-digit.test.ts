import { FileFormatError, manualSeed } from '@unfold/core';
import { classify, type Dataset, digitFromImage, LeNet, mnist } from '@unfold/train';
import { type Picture, readPng } from '@unfold/io';
import { beforeAll, describe, expect, it } from 'vitest';
import { resample } from '../../packages/train/src/predict/resample.js';
import { randomSource } from '../support/kernels/kernels.js';
import {
  darkOnLight,
  draw,
  drawingOf,
  enlarge,
  greyPng,
  lightOnDark,
  oneBit,
  onGreyPaper,
  onNothing,
  placed,
  type Drawing,
} from '../support/files/pictures.js';

let test: Dataset;

beforeAll(async () => {
  ({ test } = await mnist());
});

/** Image i of MNIST's test part. */
function mnistImage(i: number): Uint8Array {
  return Uint8Array.from(test.image(i));
}

function digitOf(png: Uint8Array): Uint8Array {
  return digitFromImage(readPng(png));
}

/** The mean difference of two images, in bytes. */
function difference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - Number(b[i])), 0) / a.length;
}

/** The rows and columns of what is not 0: `[top, left, bottom, right]`, the last ones included. */
function boxOf(digit: Uint8Array): number[] {
  const places = [...digit.keys()].filter((i) => digit[i] !== 0);
  const rows = places.map((i) => Math.floor(i / 28));
  const columns = places.map((i) => i % 28);
  return [Math.min(...rows), Math.min(...columns), Math.max(...rows), Math.max(...columns)];
}

describe('resample', () => {
  const of = (width: number, height: number, ...values: number[]) => ({
    width,
    height,
    values: Float32Array.from(values),
  });

  it('takes means over what a pixel covers', () => {
    expect(resample(of(4, 2, 1, 3, 5, 7, 1, 3, 5, 9), 2, 1)).toEqual(of(2, 1, 2, 6.5));
    // Three pixels become two: each covers one and a half.
    const { values } = resample(of(3, 1, 3, 6, 9), 2, 1);
    expect([...values]).toEqual([expect.closeTo(4, 6), expect.closeTo(8, 6)]);
  });

  it('is linear between centres where it grows, and constant beyond the outer ones', () => {
    expect(resample(of(2, 1, 0, 8), 4, 1)).toEqual(of(4, 1, 0, 2, 6, 8));
    expect(resample(of(1, 1, 5), 2, 3).values).toEqual(new Float32Array(6).fill(5));
  });

  it('keeps what has the size already', () => {
    const grid = of(3, 2, 1, 2, 3, 4, 5, 6);
    expect(resample(grid, 3, 2)).toEqual(grid);
  });

  it('keeps the mean of what becomes smaller', () => {
    const random = randomSource(1);
    const values = Array.from({ length: 37 * 23 }, random);
    const mean = (numbers: ArrayLike<number>): number =>
      Array.from(numbers).reduce((a, b) => a + b, 0) / numbers.length;
    expect(mean(resample(of(37, 23, ...values), 10, 7).values)).toBeCloseTo(mean(values), 6);
  });
});

describe('an image of MNIST', () => {
  it('stays as it is, byte for byte', () => {
    const images = Array.from({ length: 100 }, (_, i) => mnistImage(i));
    for (const image of images) expect(digitOf(lightOnDark(drawingOf(image)))).toEqual(image);
  });

  /** The mean over some images of how far a picture of each is from it. */
  const far = (picture: (drawing: Drawing) => Uint8Array): number => {
    const count = 12;
    const sum = Array.from({ length: count }, (_, i) => {
      const image = mnistImage(i);
      return difference(digitOf(picture(drawingOf(image))), image);
    }).reduce((a, b) => a + b, 0);
    return sum / count;
  };

  it.each<[string, (drawing: Drawing) => Uint8Array, number]>([
    ['dark on light', darkOnLight, 3],
    ['enlarged', (drawing) => darkOnLight(enlarge(drawing, 5)), 9],
    ['enlarged by an odd factor, light on dark', (d) => lightOnDark(enlarge(d, 7.3)), 10],
    ['on grey paper', (drawing) => onGreyPaper(enlarge(drawing, 6)), 10],
    ['on nothing', (drawing) => onNothing(enlarge(drawing, 4), [200, 30, 30]), 10],
    ['in two colours', (drawing) => oneBit(enlarge(drawing, 5)), 9],
    [
      'in a corner of a sheet',
      (d) => darkOnLight(placed(enlarge(d, 3), { width: 300, height: 200, x: 8, y: 110 })),
      9,
    ],
  ])('nearly becomes itself: %s', { timeout: 60_000 }, (_, picture, limit) => {
    // A digit of MNIST differs from another one by 40 on average; ink is 33 of 255 on average.
    expect(far(picture)).toBeLessThan(limit);
  });
});

describe('the form', () => {
  /** A box of ink. */
  const box = (
    [width, height]: readonly [number, number],
    [left, top, right, bottom]: readonly [number, number, number, number],
  ): Drawing =>
    draw(width, height, (x, y) => (x >= left && x < right && y >= top && y < bottom ? 1 : 0));

  it('has a longer side of 20 pixels, whose ratio to the other stays', () => {
    expect(boxOf(digitOf(darkOnLight(box([300, 400], [100, 50, 150, 250]))))).toEqual([
      4, 12, 23, 16,
    ]);
    expect(boxOf(digitOf(darkOnLight(box([100, 40], [10, 3, 50, 13]))))).toEqual([12, 4, 16, 23]);
    // Also of what is smaller, and of a line.
    expect(boxOf(digitOf(lightOnDark(box([30, 30], [3, 3, 5, 8]))))).toEqual([4, 10, 23, 17]);
    const line = boxOf(digitOf(darkOnLight(box([500, 500], [250, 100, 251, 400]))));
    expect(line).toEqual([4, 14, 23, 14]);
  });

  it('has its centre of mass in the middle, as far as it stays whole', () => {
    // The foot of this L pulls it to the left and up: mass at x 4.6, y 13.9 of 20 × 20.
    const l = draw(60, 60, (x, y) => {
      if (y < 20 || y >= 40 || x < 20 || x >= 40) return 0;
      return x < 24 || y >= 36 ? 1 : 0;
    });
    const digit = digitOf(darkOnLight(l));
    const mass = digit.reduce((a, b) => a + b, 0);
    const x = digit.reduce((sum, value, i) => sum + value * (i % 28), 0) / mass;
    const y = digit.reduce((sum, value, i) => sum + value * Math.floor(i / 28), 0) / mass;
    expect(Math.abs(x - 14)).toBeLessThanOrEqual(0.5);
    expect(Math.abs(y - 14)).toBeLessThanOrEqual(0.5);
    // A heavy end with a long tail would leave the picture.
    const tail = draw(200, 60, (x, y) => {
      if (x >= 10 && x < 30 && y >= 10 && y < 50) return 1;
      return x >= 30 && x < 170 && y === 30 ? 1 : 0;
    });
    const [, left, , right] = boxOf(digitOf(darkOnLight(tail)));
    expect([left, right]).toEqual([8, 27]);
  });

  it('is given to what is 28 × 28 but not of that form', () => {
    const small = box([28, 28], [1, 1, 4, 7]);
    expect(boxOf(digitOf(lightOnDark(small)))).toEqual([4, 9, 23, 18]);
    const large = box([28, 28], [9, 1, 19, 27]);
    expect(boxOf(digitOf(lightOnDark(large)))).toEqual([4, 10, 23, 17]);
  });
});

describe('ground and ink', () => {
  const bar = draw(60, 80, (x, y) => (x >= 27 && x < 33 && y >= 10 && y < 70 ? 1 : 0));
  const expected = digitOf(darkOnLight(bar));
  const paper = (value: (x: number, y: number) => number): Uint8Array =>
    greyPng(60, 80, (i) => value(i % 60, Math.floor(i / 60)) - 0.3 * Number(bar.ink[i]));

  it('dark on light, light on dark, on any grey and in any colour are the same', () => {
    expect(digitOf(lightOnDark(bar))).toEqual(expected);
    expect(difference(digitOf(paper(() => 0.9)), expected)).toBeLessThan(1);
    expect(difference(digitOf(paper(() => 0.4)), expected)).toBeLessThan(1);
    for (const colour of [
      [0, 0, 0],
      [255, 255, 255],
      [128, 128, 128],
      [0, 0, 255],
    ] as const) {
      expect(digitOf(onNothing(bar, colour))).toEqual(expected);
    }
  });

  it('light that falls off to a side or to the corners is no ink', () => {
    const slope = paper((x, y) => 0.5 + 0.3 * (x / 60) + 0.2 * (y / 80));
    const lamp = paper((x, y) => 1 - (0.4 * (((x - 30) / 30) ** 2 + ((y - 40) / 40) ** 2)) / 2);
    for (const png of [slope, lamp]) {
      expect(difference(digitOf(png), expected)).toBeLessThan(2);
    }
  });

  it('specks are no ink, but strokes apart are', () => {
    const specks = draw(60, 80, (x, y) => {
      const isSpeck = (x === 3 && y === 4) || (x === 55 && y === 76);
      return isSpeck ? 1 : Number(bar.ink[y * 60 + x]);
    });
    expect(digitOf(darkOnLight(specks))).toEqual(expected);
    const stroke = draw(60, 80, (x, y) =>
      x >= 5 && x < 12 && y >= 10 && y < 16 ? 1 : Number(bar.ink[y * 60 + x]),
    );
    const [, left, , right] = boxOf(digitOf(darkOnLight(stroke)));
    expect(Number(right) - Number(left)).toBeGreaterThan(7);
  });

  it('thin strokes are as full as thick ones', () => {
    const thin = draw(600, 800, (x, y) => (x === 300 && y >= 100 && y < 700 ? 1 : 0));
    const digit = digitOf(darkOnLight(thin));
    expect(Math.max(...digit)).toBeGreaterThan(200);
  });

  it('what is transparent is ground, whatever colour it has', () => {
    // Black ink on an opaque white sheet with transparent, black corners.
    const [width, height] = [60, 80];
    const alpha = Float32Array.from({ length: width * height }, (_, i) =>
      i % width < 3 || i % width >= 57 || i < 3 * width ? 0 : 1,
    );
    const grey = Float32Array.from(bar.ink, (ink, i) => (alpha[i] === 0 ? 0 : 1 - ink));
    expect(digitFromImage({ width, height, grey, alpha })).toEqual(expected);
  });

  const message =
    'a.png: expected a digit, got a picture of one colour, or nearly; draw it darker or lighter than ' +
    'the paper, with some of that around it';
  const random = randomSource(3);
  const flat = (width: number, height: number, value: () => number): Picture => ({
    width,
    height,
    grey: Float32Array.from({ length: width * height }, value),
    alpha: null,
  });
  it.each<[string, Picture]>([
    ['white', flat(40, 30, () => 1)],
    ['black, as large as MNIST’s', flat(28, 28, () => 0)],
    ['one pixel', flat(1, 1, () => 0.5)],
    ['a row', flat(50, 1, () => 0.5)],
    ['noise', flat(60, 60, () => 0.7 + 0.03 * random())],
    ['nothing', { ...flat(20, 20, () => 0), alpha: new Float32Array(400) }],
    [
      'light that falls off',
      {
        ...flat(50, 50, () => 0),
        grey: Float32Array.from({ length: 2500 }, (_, i) => (i % 50) / 60),
      },
    ],
  ])('no digit: %s', (_, picture) => {
    expect(() => digitFromImage(picture, 'a.png')).toThrow(new FileFormatError(message));
  });
});

describe('classify', () => {
  it('gives each picture its class and all probabilities, in evaluation mode', () => {
    manualSeed(3);
    const model = new LeNet();
    const normalization = { mean: [0.13], std: [0.31] };
    const digits = Array.from({ length: 70 }, (_, i) => mnistImage(i));
    const predictions = classify({ model, normalization }, digits);
    expect(predictions).toHaveLength(70);
    expect(model.training).toBe(true);
    for (const { digit, probability, probabilities } of predictions) {
      expect(probabilities).toHaveLength(10);
      expect(probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
      expect(probability).toBe(Math.max(...probabilities));
      expect(probabilities[digit]).toBe(probability);
    }
    // One by one, as in a batch.
    expect(classify({ model, normalization }, digits.slice(69))[0]?.digit).toBe(
      predictions[69]?.digit,
    );
  });

  it('refuses what it cannot read', () => {
    const trained = { model: new LeNet(), normalization: { mean: [0.1], std: [0.3] } };
    expect(() => classify(trained, [])).toThrow(
      'classify: expected at least one picture, got none',
    );
    expect(() => classify(trained, [new Uint8Array(784), new Uint8Array(783)])).toThrow(
      'classify: picture 1: expected 784 pixels, got 783; digitFromImage makes them of any picture',
    );
    trained.model.fc.bias?.update((bias) => bias.fill(NaN));
    expect(() => classify(trained, [new Uint8Array(784)])).toThrow(
      'classify: fc.bias holds values that are not finite; are the weights damaged?',
    );
  });
});
